"""The questions and their answers: what MCP, REST, the command line and the pages all call.

Every method is a coroutine: the live view answers at once, the lake is read in a thread. Everything a caller can mend
is raised as ``InvalidRequest`` (a question) or ``scoring.errors.InvalidReport`` (a report); what is away is
``Unavailable``; only ``explain`` and ``history`` raise ``UnknownProvider``, ``check`` says ``known: false``.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

import numpy as np

from analytics import assembly, intake, queries, questions
from analytics.board import Columns, facet_of
from analytics.catalog import Catalog, CatalogEntry
from analytics.contributors import Contributors, status_of
from analytics.errors import UnknownProvider
from analytics.foresight import Foresight
from analytics.lake_access import LakeAccess
from analytics.live import View, Views
from analytics.models import (
    Bucket,
    CheckAnswer,
    DiscoverAnswer,
    ExplainAnswer,
    HistoryAnswer,
    RankAnswer,
    ReportAnswer,
    ReporterAnswer,
    ReportsAnswer,
)  # fmt: skip
from analytics.predictions import reporter_answer
from analytics.producer import ReportProducer
from analytics.reporters import ReporterBook
from analytics.sentences import rank_sentence, rfc3339
from scoring.ranking import Ranking, rank

__all__ = ["HISTORY_SPANS_S", "Answers", "AnswersLike"]

HISTORY_SPANS_S: Final[dict[Bucket, float]] = {"minute": 6 * 3_600.0, "hour": 7 * 86_400.0, "day": 90 * 86_400.0}
"""How far back ``history`` goes when not told, by bucket."""


class AnswersLike(Protocol):
    """What a surface needs: ``Answers`` here, or a client of a running server."""

    async def check(
        self, provider_id: str, *, task_type: str | None = None, region: str | None = None,
        reporter_id: str | None = None,
    ) -> CheckAnswer: ...  # fmt: skip

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

    async def reporter(self, reporter_id: str) -> ReporterAnswer: ...

    async def report(self, report: Mapping[str, Any]) -> ReportAnswer: ...

    async def report_many(self, reports: Sequence[Mapping[str, Any]]) -> ReportsAnswer: ...

    async def report_arrow(self, stream: bytes) -> ReportsAnswer: ...


class Answers:
    """Answers from the views, the lake and the catalog; reports go to Kafka.

    Parameters
    ----------
    views
        Chooses between live view and lake.
    lake
        For history and contributor counts.
    catalog
        Names, categories, task types.
    producer
        Way to ``trust.reports``.
    clock
        Epoch seconds of now.
    explore_share
        Share of ``rank`` calls that name a provider to explore.
    foresight
        What single callers may expect.
    reporters
        What each reporter counts.
    """

    def __init__(
        self,
        views: Views,
        lake: LakeAccess,
        catalog: Catalog,
        producer: ReportProducer,
        clock: Callable[[], float],
        explore_share: float,
        foresight: Foresight,
        reporters: ReporterBook,
    ) -> None:
        self._foresight, self._reporters = foresight, reporters
        self._views, self._lake, self._catalog, self._producer = views, lake, catalog, producer
        self._clock, self._explore_share = clock, explore_share
        self._contributors = Contributors(lake)
        self._rank_calls = 0

    async def check(
        self, provider_id: str, *, task_type: str | None = None, region: str | None = None,
        reporter_id: str | None = None,
    ) -> CheckAnswer:  # fmt: skip
        """May this provider be trusted now? An unknown one is answered too, with ``known: false``.

        With a reporter, task type or region also what that caller may expect of its next call.
        """
        wanted = questions.provider_id(provider_id)
        task_type, region = questions.text(task_type, "task_type"), questions.text(region, "region")
        reporter_id = questions.text(reporter_id, "reporter_id", 200)
        told = reporter_id is not None or task_type is not None or region is not None
        expected = await self._foresight.prediction(wanted, reporter_id, task_type, region) if told else None
        now_s = self._clock()
        view = await self._views.current(now_s)
        entry = self._catalog.get(wanted)
        record = view.board.best_fit(wanted, task_type, region)
        if record is None:
            closest = [] if entry else self._closest(wanted, view)
            return assembly.unknown(wanted, entry, closest, view.origin, expected if entry else None)
        known = view.peers.known(record, entry.name if entry else wanted, now_s)
        return assembly.check(known, facet_of(task_type, region), now_s, view.origin, expected)

    async def rank(
        self, provider_ids: Sequence[str] | None = None, *, task_type: str | None = None, limit: int = 10
    ) -> RankAnswer:
        """Which provider first? By the lower bound of the score; unknown ones stand after all known ones.

        Without ``provider_ids``: all that have reports, of the task type when one is given.
        """
        given = None if provider_ids is None else questions.provider_ids(provider_ids)
        task_type = questions.text(task_type, "task_type")
        most = questions.limit(limit, questions.MOST_IDS)
        now_s = self._clock()
        view = await self._views.current(now_s)
        known = view.board.columns(facet_of(task_type)) if given is None else view.board.rows(given, task_type)
        ids, ranking = known.provider_ids, self._ranking(known)
        self._rank_calls += 1
        places = [
            assembly.ranked(
                int(ranking.place[row]),
                ids[row],
                self._name(ids[row]),
                view.board.best_fit(ids[row], task_type, None),
                row == ranking.explore,
            )
            for row in ranking.order[:most].tolist()
        ]
        explore = None if ranking.explore is None else ids[ranking.explore]
        return RankAnswer(
            ranked=places,
            recommendation=places[0].provider_id if places and places[0].interval else None,
            explore=explore,
            reason=rank_sentence(places, len(ids), explore, task_type),
            data_freshness=assembly.freshness(*known.span_s, now_s, view.origin),
            task_type=task_type,
            considered=len(ids),
        )

    async def discover(
        self, text: str | None = None, *, task_type: str | None = None, category: str | None = None, limit: int = 20
    ) -> DiscoverAnswer:
        """Which providers are there for this? Catalog entries and reported ones; known good ones first."""
        text = questions.text(text, "text", 200)
        task_type, category = questions.text(task_type, "task_type"), questions.text(category, "category")
        most = questions.limit(limit, 1_000)
        now_s = self._clock()
        view = await self._views.current(now_s)
        entries = {entry.provider_id: entry for entry in self._catalog.search(text or "", task_type, category)}
        reported = [] if category else _reported(view, text, task_type)
        ids = list(dict.fromkeys([*entries, *reported]))
        known = view.board.rows(ids, task_type)
        order = self._ranking(known).order.tolist()
        found = [
            assembly.discovered(
                ids[row],
                entries.get(ids[row]) or self._catalog.get(ids[row]),
                view.board.best_fit(ids[row], task_type, None),
            )
            for row in order[:most]
        ]
        tried = int(np.count_nonzero(~np.isnan(known.as_of_s)))
        return DiscoverAnswer(
            providers=found,
            total=len(ids),
            data_freshness=assembly.freshness(*known.span_s, now_s, view.origin),
            summary=f"{len(ids):,} providers match, {tried:,} of them have been reported; {len(found):,} are listed.",
        )

    async def explain(
        self, provider_id: str, *, task_type: str | None = None, region: str | None = None
    ) -> ExplainAnswer:
        """Why this score? Contributions that add up to it, windows and counts."""
        wanted = questions.provider_id(provider_id)
        task_type, region = questions.text(task_type, "task_type"), questions.text(region, "region")
        now_s = self._clock()
        view = await self._views.current(now_s)
        record = view.board.best_fit(wanted, task_type, region)
        entry = self._known(wanted, view)
        if record is None:
            assert entry is not None  # _known has raised otherwise
            return assembly.unexplained(entry, view.origin)
        name = entry.name if entry else wanted
        return assembly.explain(record, name, facet_of(task_type, region), now_s, view.origin)

    async def history(
        self, provider_id: str, *, bucket: Bucket = "hour", since: str | float | None = None,
        until: str | float | None = None, task_type: str | None = None, region: str | None = None, limit: int = 1_000,
    ) -> HistoryAnswer:  # fmt: skip
        """What happened when? Always from the lake, which is a few seconds behind."""
        wanted, length = questions.provider_id(provider_id), questions.bucket(bucket)
        task_type, region = questions.text(task_type, "task_type"), questions.text(region, "region")
        most = questions.limit(limit, 10_000)
        now_s = self._clock()
        end_s = questions.moment_s(until, "until") or now_s
        start_s = questions.moment_s(since, "since")
        start_s = end_s - HISTORY_SPANS_S[length] if start_s is None else start_s
        questions.span(start_s, end_s)
        entry = self._known(wanted, await self._views.current(now_s))
        facet, name = facet_of(task_type, region), entry.name if entry else wanted
        rows = await self._lake.ask(queries.history, wanted, facet, length, start_s, end_s, most + 1)
        scores = await self._lake.ask(queries.score_history, wanted, facet, length, start_s, end_s, most + 1)
        return assembly.history(rows[-most:], scores, wanted, name, facet, length, (start_s, end_s), len(rows) > most)

    async def reporter(self, reporter_id: str) -> ReporterAnswer:
        """What do this reporter's reports count, and why?"""
        wanted = questions.text(reporter_id, "reporter_id", 200) or ""
        return reporter_answer(wanted, await self._reporters.get(wanted))

    async def report(self, report: Mapping[str, Any]) -> ReportAnswer:
        """Take one report: answered when Kafka has acknowledged it."""
        accepted = intake.accept(report, self._clock())
        await self._contributors.meet(accepted.reporter_id)
        await self._producer.send([accepted.message])
        total = await self._contributors.add(accepted.reporter_id, 1)
        status = status_of(total)
        return ReportAnswer(
            accepted=True,
            contributor_status=status,
            total_contributions=total,
            report_id=accepted.report_id,
            provider_id=accepted.provider_id,
            timestamp=rfc3339(accepted.event_s) or "",
            summary=f"Taken: report {accepted.report_id} on {accepted.provider_id}. It shows in the score in a second.",
        )

    async def report_many(self, reports: Sequence[Mapping[str, Any]]) -> ReportsAnswer:
        """Take all of them, or none when one cannot be used."""
        accepted = intake.accept_many(reports, self._clock())
        for reporter_id in {one.reporter_id for one in accepted}:
            await self._contributors.meet(reporter_id)
        await self._producer.send([one.message for one in accepted])
        for one in accepted:
            await self._contributors.add(one.reporter_id, 1)
        ids = [one.report_id for one in accepted]
        return ReportsAnswer(accepted=len(ids), report_ids=ids, summary=f"Taken: {len(ids):,} reports.")

    async def report_arrow(self, stream: bytes) -> ReportsAnswer:
        """Take an Arrow IPC stream of reports whole, or nothing when a row cannot be used."""
        count, message = intake.accept_arrow(stream, self._clock())
        await self._producer.send([message])
        return ReportsAnswer(accepted=count, report_ids=[], summary=f"Taken: {count:,} reports in one Arrow stream.")

    def _name(self, provider_id: str) -> str:
        entry = self._catalog.get(provider_id)
        return entry.name if entry else provider_id

    def _known(self, provider_id: str, view: View) -> CatalogEntry | None:
        entry = self._catalog.get(provider_id)
        if entry is None and view.board.best_fit(provider_id, None, None) is None:
            raise UnknownProvider(provider_id, self._closest(provider_id, view))
        return entry

    def _closest(self, provider_id: str, view: View) -> list[str]:
        known = {*view.board.providers(), *(entry.provider_id for entry in self._catalog.all())}
        return questions.closest_ids(provider_id, known)

    def _ranking(self, known: Columns) -> Ranking:
        return rank(known.lower, known.n_effective, self._explore_share, known.upper, self._rank_calls)


def _reported(view: View, text: str | None, task_type: str | None) -> list[str]:
    """Ids that have reports for the task type and hold every word of the text, in their order."""
    words = (text or "").casefold().split()
    reported = view.board.columns(facet_of(task_type)).provider_ids
    return sorted(found for found in reported if all(word in found.casefold() for word in words))
