"""The answers as an MCP server: six tools, two resources, two prompts."""

from typing import Any, Final

from mcp.server.mcpserver.exceptions import ResourceNotFoundError
from mcp.server.mcpserver.resources import ResourceSecurity
from mcp.types import (
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
    ToolAnnotations,
)

from analytics.answers import AnswersLike
from analytics.errors import InvalidRequest
from analytics.mcp_arguments import (
    BucketName,
    Category,
    Limit,
    Moment,
    ProviderId,
    ProviderIds,
    Region,
    ReporterId,
    TaskType,
    Text,
    with_report_signature,
)  # fmt: skip
from analytics.mcp_sentences import SentenceServer
from analytics.models import (
    CheckAnswer,
    DiscoverAnswer,
    ExplainAnswer,
    HistoryAnswer,
    RankAnswer,
    ReportAnswer,
    ReporterAnswer,
)

__all__ = ["INSTRUCTIONS", "build_mcp"]

INSTRUCTIONS: Final = """\
TrustScore knows from the reports of many agents how tool providers (MCP servers, APIs) behave.
Before you call a provider that matters, ask trustscore_check; when you can choose, ask trustscore_rank.
After each call to a provider, say what came of it with trustscore_report: that is what the scores are made of.
Scores lie in 0 to 1 with a 90 % interval. null means "no evidence", never "bad": go by confidence and interval.lower.
`stale: true` means that the answer is the last that was known, age_s seconds ago; `stale_because` says why: Kafka is
away, or reports wait for a worker.\
"""

_READS: Final = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
_WRITES: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False
)
_COMPLETIONS: Final = 20
_ANY_ID: Final = ResourceSecurity(exempt_params={"id"})
"""Ids are keys, never paths: ``a/../b`` is one of them."""


def build_mcp(answers: AnswersLike, version: str = "") -> SentenceServer:
    """An MCP server over ``answers``, to be run over stdio or mounted by ``streamable_http_app``.

    Parameters
    ----------
    answers
        Where every answer comes from; this module adds only words.
    version
        Version the server states.
    """
    server = SentenceServer(
        "trustscore", title="TrustScore", instructions=INSTRUCTIONS, version=version, log_level="WARNING"
    )
    _add_questions(server, answers)
    _add_evidence(server, answers)
    _add_report(server, answers)
    _add_resources(server, answers)
    _add_prompts(server)
    return server


def _add_questions(server: SentenceServer, answers: AnswersLike) -> None:
    @server.tool(title="Check a provider", annotations=_READS)
    async def trustscore_check(
        provider_id: ProviderId, task_type: TaskType = None, region: Region = None, reporter_id: ReporterId = None
    ) -> CheckAnswer:
        """May I trust this provider now?

        Returns its trust score with interval, confidence, flags, success rates, latency and each dimension. A provider
        nobody has reported yet comes back with known: false, no score and the ids closest to what you asked for. Say
        who you are (reporter_id), and `prediction` holds what your own next call may expect, with reasons.
        """
        return await answers.check(provider_id, task_type=task_type, region=region, reporter_id=reporter_id)

    @server.tool(title="Rank providers", annotations=_READS)
    async def trustscore_rank(
        provider_ids: ProviderIds = None, task_type: TaskType = None, limit: Limit = 10
    ) -> RankAnswer:
        """Which provider should I call first?

        Ordered by the lower end of the score's interval, so that few lucky reports do not win; `recommendation` is the
        id to call. Places marked exploration: true are there to gather evidence.
        """
        return await answers.rank(provider_ids, task_type=task_type, limit=limit)

    @server.tool(title="Discover providers", annotations=_READS)
    async def trustscore_discover(
        text: Text = None, task_type: TaskType = None, category: Category = None, limit: Limit = 20
    ) -> DiscoverAnswer:
        """Which providers are there for this? Searches the catalog and all that was reported, known good ones first."""
        return await answers.discover(text, task_type=task_type, category=category, limit=limit)


def _add_evidence(server: SentenceServer, answers: AnswersLike) -> None:
    @server.tool(title="Explain a score", annotations=_READS)
    async def trustscore_explain(
        provider_id: ProviderId, task_type: TaskType = None, region: Region = None
    ) -> ExplainAnswer:
        """Why does this provider have this score? Contributions of every dimension, which add up to it, and windows."""
        return await answers.explain(provider_id, task_type=task_type, region=region)

    @server.tool(title="History of a provider", annotations=_READS)
    async def trustscore_history(
        provider_id: ProviderId,
        bucket: BucketName = "hour",
        since: Moment = None,
        until: Moment = None,
        task_type: TaskType = None,
        region: Region = None,
        limit: Limit = 200,
    ) -> HistoryAnswer:
        """What happened when? Outcomes and latency per minute, hour or day, oldest first."""
        return await answers.history(
            provider_id, bucket=bucket, since=since, until=until, task_type=task_type, region=region, limit=limit
        )


def _add_report(server: SentenceServer, answers: AnswersLike) -> None:
    async def trustscore_report(**fields: Any) -> ReportAnswer:
        """Say what came of one call to a provider: outcome and whatever else you saw (latency, cost, quality, …).

        It goes to the stream that the scores are computed from. Send each call once: sent twice, it counts twice.
        """
        return await answers.report({name: value for name, value in fields.items() if value is not None})

    server.add_tool(with_report_signature(trustscore_report), title="Report a call", annotations=_WRITES)


def _add_resources(server: SentenceServer, answers: AnswersLike) -> None:
    async def provider(id: str) -> CheckAnswer:
        """The trust score of one provider, as trustscore_check gives it. Percent-encode the id: `npm%3A%40acme%2Fx`."""
        try:
            answer = await answers.check(id)
        except InvalidRequest as error:
            raise ResourceNotFoundError(str(error)) from error
        if not answer.known:
            raise ResourceNotFoundError(answer.summary)
        return answer

    async def provider_unescaped(id: str) -> CheckAnswer:
        """The same for clients that put the id into the address as it is, slashes and colons included."""
        return await provider(id)

    for template, function in (("{id}", provider), ("{+id}", provider_unescaped)):
        server.resource(
            f"trustscore://providers/{template}", title="Provider", mime_type="application/json", security=_ANY_ID
        )(function)

    async def reporter(id: str) -> ReporterAnswer:
        """What one reporter's reports count, and why: agreement with the others over the last day."""
        try:
            return await answers.reporter(id)
        except InvalidRequest as error:
            raise ResourceNotFoundError(str(error)) from error

    server.resource("trustscore://reporters/{id}", title="Reporter", mime_type="application/json", security=_ANY_ID)(
        reporter
    )

    @server.completion()  # type: ignore[no-untyped-call, untyped-decorator]  # mcp 2.3 left this one without types
    async def complete(
        ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion | None:
        if argument.name not in ("id", "provider_id"):
            return None
        found = await answers.discover(argument.value or None, limit=_COMPLETIONS)
        ids = [item.provider_id for item in found.providers if item.provider_id.startswith(argument.value)]
        return Completion(values=ids, has_more=found.total > len(found.providers))


def _add_prompts(server: SentenceServer) -> None:
    @server.prompt(title="Choose a provider")
    def choose_provider(task: str) -> str:
        """Pick the provider for a task by evidence."""
        return (
            f"Choose the provider for this task: {task}\n"
            "1. Find candidates with trustscore_discover (try a task type and a few words).\n"
            "2. Order them with trustscore_rank; prefer a high interval.lower over a high trust_score.\n"
            "3. Look at the flags of the first with trustscore_check; if it is degrading, anomalous or stale, "
            "read trustscore_explain and consider the second.\n"
            "4. Say which one you take, its score with interval and sample size, and what you would fall back to.\n"
            "5. After you called it, report the outcome with trustscore_report."
        )

    @server.prompt(title="Explain a score")
    def explain_score(provider_id: str) -> str:
        """Put a provider's score into plain words."""
        return (
            f"Explain the trust score of {provider_id} to someone who has to decide whether to depend on it.\n"
            "Use trustscore_explain for what the score is made of and trustscore_history (bucket hour) for what "
            "changed. Name the two dimensions that cost it most, how sure the score is (interval, sample size) and "
            "what would raise it. Do not read a missing dimension as a bad one."
        )
