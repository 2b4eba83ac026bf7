"""The addresses under ``/v1``: each takes its arguments, asks ``Answers``, and gives back what it got."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from analytics.answers import Answers
from analytics.api.bodies import REFUSED, content_type, read_json
from analytics.api.errors import ERRORS, facts_of
from analytics.api.schemas import (
    RANK_BODY,
    REPORTS_BODY,
    CheckQuestion,
    DiscoverQuestion,
    FacetQuestion,
    HistoryQuestion,
    RankQuestion,
)
from analytics.errors import AnalyticsError, UnknownProvider
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
    ReporterAnswer,
    ReportsAnswer,
)
from scoring.errors import InvalidReport

__all__ = ["build_router"]

_UNKNOWN: Final[dict[int | str, dict[str, Any]]] = {
    404: {"model": ErrorAnswer, "description": "Neither in the catalog nor in any report"}
}


def build_router(answers: Answers, telemetry: Telemetry) -> APIRouter:
    """The routes of ``/v1``."""
    router = APIRouter(prefix="/v1", responses=ERRORS)
    _add_report(router, answers, telemetry)
    _add_provider(router, answers)

    @router.get("/reporters/{reporter_id:path}", summary="What do this reporter's reports count?", tags=["questions"])
    async def reporter(reporter_id: str) -> ReporterAnswer:
        return await answers.reporter(reporter_id)

    @router.post(
        "/rank", summary="Which provider first?", tags=["questions"], openapi_extra=RANK_BODY, responses=REFUSED
    )
    async def rank(request: Request) -> RankAnswer:
        try:
            question = RankQuestion.model_validate(await read_json(request))
        except ValidationError as error:
            raise RequestValidationError(error.errors()) from None
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
    async def check(provider_id: str, question: Annotated[CheckQuestion, Query()]) -> CheckAnswer:
        answer = await answers.check(
            provider_id, task_type=question.task_type, region=question.region, reporter_id=question.reporter_id
        )
        if not answer.known:
            raise UnknownProvider(provider_id, answer.closest)
        return answer


def _add_report(router: APIRouter, answers: Answers, telemetry: Telemetry) -> None:
    @router.post(
        "/reports", status_code=202, summary="Report what came of one call, or of many", tags=["reports"],
        openapi_extra=REPORTS_BODY, responses=REFUSED,
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
    if content_type(request) == ARROW:
        return await answers.report_arrow(await request.body())
    decoded = await read_json(request, ARROW)
    if isinstance(decoded, list):
        return await answers.report_many(decoded)
    return await answers.report(decoded)
