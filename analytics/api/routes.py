"""The addresses under ``/v1``: each takes its arguments, asks ``Answers``, and gives back what it got."""

from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Query, Request
from starlette.exceptions import HTTPException

from analytics.answers import Answers
from analytics.api.errors import ERRORS, facts_of
from analytics.api.schemas import REPORTS_BODY, DiscoverQuestion, FacetQuestion, HistoryQuestion, RankQuestion
from analytics.errors import AnalyticsError, InvalidRequest, UnknownProvider
from analytics.intake import ARROW
from analytics.metrics import Telemetry
from analytics.models import (
    CheckAnswer,
    DiscoverAnswer,
    ErrorAnswer,
    ExplainAnswer,
    HistoryAnswer,
    RankAnswer,
    ReportAnswer,
    ReportsAnswer,
)
from scoring.errors import InvalidReport

__all__ = ["build_router"]

_UNKNOWN: Final[dict[int | str, dict[str, Any]]] = {
    404: {"model": ErrorAnswer, "description": "Neither in the catalog nor in any report"}
}
_REFUSED: Final[dict[int | str, dict[str, Any]]] = {
    413: {"model": ErrorAnswer, "description": "The body is too large"},
    415: {"model": ErrorAnswer, "description": "The body is neither JSON nor an Arrow stream"},
}


def build_router(answers: Answers, telemetry: Telemetry) -> APIRouter:
    """The routes of ``/v1``."""
    router = APIRouter(prefix="/v1", responses=ERRORS)
    _add_report(router, answers, telemetry)
    _add_provider(router, answers)

    @router.post("/rank", summary="Which provider first?", tags=["questions"])
    async def rank(question: RankQuestion) -> RankAnswer:
        return await answers.rank(question.provider_ids, task_type=question.task_type, limit=question.limit)

    @router.get("/discover", summary="Which providers are there for this?", tags=["questions"])
    async def discover(question: Annotated[DiscoverQuestion, Query()]) -> DiscoverAnswer:
        return await answers.discover(
            question.text, task_type=question.task_type, category=question.category, limit=question.limit
        )

    return router


def _add_provider(router: APIRouter, answers: Answers) -> None:
    # An id holds slashes, so the narrower addresses come first.
    @router.get(
        "/providers/{provider_id:path}/history", summary="What happened when?", tags=["questions"], responses=_UNKNOWN
    )
    async def history(provider_id: str, question: Annotated[HistoryQuestion, Query()]) -> HistoryAnswer:
        return await answers.history(
            provider_id, bucket=question.bucket, since=question.since, until=question.until,
            task_type=question.task_type, region=question.region, limit=question.limit,
        )  # fmt: skip

    @router.get(
        "/providers/{provider_id:path}/explain", summary="Why this score?", tags=["questions"], responses=_UNKNOWN
    )
    async def explain(provider_id: str, question: Annotated[FacetQuestion, Query()]) -> ExplainAnswer:
        return await answers.explain(provider_id, task_type=question.task_type, region=question.region)

    @router.get(
        "/providers/{provider_id:path}", summary="May I trust this provider now?", tags=["questions"],
        responses=_UNKNOWN,
    )  # fmt: skip
    async def check(provider_id: str, question: Annotated[FacetQuestion, Query()]) -> CheckAnswer:
        answer = await answers.check(provider_id, task_type=question.task_type, region=question.region)
        if not answer.known:
            raise UnknownProvider(provider_id, answer.closest)
        return answer


def _add_report(router: APIRouter, answers: Answers, telemetry: Telemetry) -> None:
    @router.post(
        "/reports", status_code=202, summary="Report what came of one call, or of many", tags=["reports"],
        openapi_extra=REPORTS_BODY, responses=_REFUSED,
    )  # fmt: skip
    async def report(request: Request) -> ReportAnswer | ReportsAnswer:
        """One JSON report, an array of up to 10,000, or an Arrow IPC stream. All are taken, or none.

        Answered when Kafka has acknowledged them.
        """
        try:
            taken = await _take(answers, request)
        except (InvalidReport, AnalyticsError, HTTPException) as error:
            telemetry.refused(facts_of(error)[1].code)
            raise
        telemetry.accepted(1 if isinstance(taken, ReportAnswer) else taken.accepted)
        return taken


async def _take(answers: Answers, request: Request) -> ReportAnswer | ReportsAnswer:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == ARROW:
        return await answers.report_arrow(await request.body())
    # A page of another site can post text/plain or a form to this machine without asking, but not JSON.
    if kind != "application/json":
        raise HTTPException(415, f"content-type must be application/json or {ARROW}; got {ascii(kind)[:60]}")
    body = await request.body()
    try:
        decoded = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidRequest("body", "valid JSON", str(error), "correct it") from None
    if isinstance(decoded, list):
        return await answers.report_many(decoded)
    return await answers.report(decoded)
