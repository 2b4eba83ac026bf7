"""The answers of a running server, asked over its REST interface."""

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, TypeVar
from urllib.parse import quote, unquote

import httpx
from pydantic import BaseModel, ValidationError

from analytics.errors import AnalyticsError, InvalidRequest, Unavailable, UnknownProvider
from analytics.models import (
    Bucket,
    CheckAnswer,
    DiscoverAnswer,
    ErrorAnswer,
    ExplainAnswer,
    HistoryAnswer,
    Origin,
    RankAnswer,
    ReportAnswer,
    ReporterAnswer,
    ReportsAnswer,
)

__all__ = ["RemoteAnswers", "is_answering"]

_Model = TypeVar("_Model", bound=BaseModel)
_PATIENCE_S: Final = 30.0
_PROBE_S: Final = 0.5
"""A server on this machine answers its liveness in milliseconds; without one, nobody wants to wait."""
_BAD_INPUT: Final = 422


class RemoteAnswers:
    """The same questions as ``analytics.answers.Answers``, put to a server at ``url``."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._client = httpx.AsyncClient(timeout=_PATIENCE_S)

    async def __aenter__(self) -> "RemoteAnswers":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def check(
        self, provider_id: str, *, task_type: str | None = None, region: str | None = None,
        reporter_id: str | None = None,
    ) -> CheckAnswer:  # fmt: skip
        """``GET /v1/providers/{id}``; its 404 is the answer ``known: false``, as it is without a server."""
        try:
            return await self._get(
                CheckAnswer, _provider(provider_id), task_type=task_type, region=region, reporter_id=reporter_id
            )
        except UnknownProvider as error:
            from analytics.assembly import unknown  # it brings DuckDB, which most questions to a server do not need

            return unknown(provider_id, None, error.closest, Origin("live"))

    async def rank(
        self, provider_ids: Sequence[str] | None = None, *, task_type: str | None = None, limit: int = 10
    ) -> RankAnswer:
        """``POST /v1/rank``."""
        wanted = {"provider_ids": provider_ids, "task_type": task_type, "limit": limit}
        return await self._ask(RankAnswer, "POST", "/v1/rank", json=_given(wanted))

    async def discover(
        self, text: str | None = None, *, task_type: str | None = None, category: str | None = None, limit: int = 20
    ) -> DiscoverAnswer:
        """``GET /v1/discover``."""
        return await self._get(
            DiscoverAnswer, "/v1/discover", text=text, task_type=task_type, category=category, limit=limit
        )

    async def explain(
        self, provider_id: str, *, task_type: str | None = None, region: str | None = None
    ) -> ExplainAnswer:
        """``GET /v1/providers/{id}/explain``."""
        return await self._get(ExplainAnswer, f"{_provider(provider_id)}/explain", task_type=task_type, region=region)

    async def history(
        self, provider_id: str, *, bucket: Bucket = "hour", since: str | float | None = None,
        until: str | float | None = None, task_type: str | None = None, region: str | None = None, limit: int = 1_000,
    ) -> HistoryAnswer:  # fmt: skip
        """``GET /v1/providers/{id}/history``."""
        return await self._get(
            HistoryAnswer, f"{_provider(provider_id)}/history", bucket=bucket, since=since, until=until,
            task_type=task_type, region=region, limit=limit,
        )  # fmt: skip

    async def reporter(self, reporter_id: str) -> ReporterAnswer:
        """``GET /v1/reporters/{id}``."""
        return await self._get(ReporterAnswer, f"/v1/reporters/{quote(reporter_id, safe='')}")

    async def report(self, report: Mapping[str, Any]) -> ReportAnswer:
        """``POST /v1/reports`` with one report."""
        return await self._ask(ReportAnswer, "POST", "/v1/reports", json=dict(report))

    async def report_many(self, reports: Sequence[Mapping[str, Any]]) -> ReportsAnswer:
        """``POST /v1/reports`` with a list."""
        return await self._ask(ReportsAnswer, "POST", "/v1/reports", json=[dict(report) for report in reports])

    async def report_arrow(self, stream: bytes) -> ReportsAnswer:
        """``POST /v1/reports`` with an Arrow stream."""
        from analytics.intake import ARROW

        return await self._ask(ReportsAnswer, "POST", "/v1/reports", content=stream, headers={"content-type": ARROW})

    async def _get(self, model: type[_Model], path: str, **query: Any) -> _Model:
        return await self._ask(model, "GET", path, params=_given(query))

    async def _ask(self, model: type[_Model], method: str, path: str, **sent: Any) -> _Model:
        try:
            answer = await self._client.request(method, f"{self._url}{path}", **sent)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unavailable(
                "server",
                f"the server at {self._url} does not answer ({type(error).__name__}: {error})",
                "start it with `trustscore serve`, or leave --url and TRUSTSCORE_URL out to read the lake",
            ) from error
        try:
            if answer.is_success:
                return model.model_validate_json(answer.content)
            facts = ErrorAnswer.model_validate_json(answer.content).error
        except ValidationError as error:
            raise Unavailable(
                "server",
                f"{method} {self._url}{path} answered {answer.status_code} with what is no {model.__name__}",
                "check that a TrustScore server of this version listens there",
            ) from error
        if answer.status_code == _BAD_INPUT and facts.field is not None:
            raise InvalidRequest(facts.field, facts.wanted or "valid", facts.got or "something else", facts.next)
        if facts.code == "unknown_provider":
            raise UnknownProvider(unquote(path.split("/")[3]), _closest(facts.next))
        raise AnalyticsError(facts.message)


async def is_answering(url: str) -> bool:
    """Whether a TrustScore server answers at ``url``."""
    try:
        async with httpx.AsyncClient(timeout=_PROBE_S) as client:
            answer = await client.get(f"{url.rstrip('/')}/health/live")
    except (httpx.HTTPError, httpx.InvalidURL):
        return False
    return answer.is_success and answer.headers.get("content-type", "").startswith("application/json")


def _provider(provider_id: str) -> str:
    return f"/v1/providers/{quote(provider_id, safe='')}"


def _closest(step: str) -> list[str]:
    """The ids that ``UnknownProvider`` put into its step; no id holds a comma."""
    opening = "did you mean "
    return step.removeprefix(opening).removesuffix("?").split(", ") if step.startswith(opening) else []


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
