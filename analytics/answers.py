"""The questions and their answers: what MCP, REST, the command line and the pages all call.

Every method is a coroutine: the live view answers at once, the lake is read in a thread. Everything a caller can mend
is raised as ``InvalidRequest`` (a question) or ``scoring.errors.InvalidReport`` (a report); what is away is
``Unavailable``; only ``explain`` and ``history`` raise ``UnknownProvider``, ``check`` says ``known: false``.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from analytics.models import (
    Bucket, CheckAnswer, DiscoverAnswer, ExplainAnswer, HistoryAnswer, RankAnswer, ReportAnswer, ReportsAnswer,
)  # fmt: skip

__all__ = ["AnswersLike"]


class AnswersLike(Protocol):
    """Signatures of ``Answers``."""

    async def check(self, provider_id: str, *, task_type: str | None = None, region: str | None = None) -> CheckAnswer: ...

    async def rank(
        self, provider_ids: Sequence[str] | None = None, *, task_type: str | None = None, limit: int = 10
    ) -> RankAnswer: ...

    async def discover(
        self, text: str | None = None, *, task_type: str | None = None, category: str | None = None, limit: int = 20
    ) -> DiscoverAnswer: ...

    async def explain(
        self, provider_id: str, *, task_type: str | None = None, region: str | None = None
    ) -> ExplainAnswer: ...

    async def history(
        self, provider_id: str, *, bucket: Bucket = "hour", since: str | float | None = None,
        until: str | float | None = None, task_type: str | None = None, region: str | None = None, limit: int = 1_000,
    ) -> HistoryAnswer: ...  # fmt: skip

    async def report(self, report: Mapping[str, Any]) -> ReportAnswer: ...

    async def report_many(self, reports: Sequence[Mapping[str, Any]]) -> ReportsAnswer: ...

    async def report_arrow(self, stream: bytes) -> ReportsAnswer: ...
