"""Recompute panes and scores from the lake's reports, and compare: anyone can check every number this system states."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, date, datetime, time
from typing import Any, Final, Literal

import msgspec
import numpy as np

from analytics import queries, recount
from analytics.errors import InvalidRequest
from analytics.lake import Lake
from analytics.progress import Progress, silent
from analytics.queries import Duplicate, Totals
from analytics.recount import PaneGap
from scoring import trust
from scoring.anomalies import Baseline
from scoring.evidence import Evidence
from scoring.records import ScoreRecord
from scoring.stats import WINDOWS, covers
from scoring.weights import DEFAULT, StatedBadly, Weights, stated_weights

__all__ = ["PaneCheck", "ScoreCheck", "ScoreGap", "Verification", "verify"]

TOLERANCE: Final = 1e-9
"""Largest difference of two floats called equal, relative to the larger of 1 and their size."""
SHOWN: Final = 10
"""Differences listed by name; all are counted."""
METHOD: Final = "score_v1"
_TOPIC: Final = "trust.reports"
_BATCH: Final = 500
"""Scores recomputed at once: bounds the memory of their baselines, 55 KB each."""
_EARLIER: Final = 20
"""Scores before the newest that are looked at for one whose reports are all in the lake."""


@dataclass(frozen=True, slots=True)
class PaneCheck:
    """Panes counted from ``reports`` against the table ``panes``."""

    compared: int = 0
    different: int = 0
    first: list[PaneGap] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ScoreGap:
    """A figure of a score that comes out differently."""

    provider_id: str
    facet: str
    as_of_s: float
    figure: str
    stored: Any
    recomputed: Any


@dataclass(frozen=True, slots=True)
class ScoreCheck:
    """Scores recomputed from ``reports`` against the stored records."""

    compared: int = 0
    different: int = 0
    bit_for_bit: int = 0
    """Of those compared: equal in every bit."""
    largest_difference: float = 0.0
    """Of two floats, relative to the larger of 1 and their size."""
    ahead: int = 0
    """Left out: made from reports the lake does not hold yet."""
    forgotten: int = 0
    """Left out: made from reports of days that retention has taken out of the lake."""
    other_method: int = 0
    """Left out: made by another version of the formulas."""
    first: list[ScoreGap] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of it."""

    totals: Totals
    waiting_reports: dict[int, int]
    """By partition: reports whose panes are not committed yet; they were left out of the panes compared."""
    kept_since: date | None
    """First day of which retention has kept reports and panes; older ones were left out. None: it took nothing out."""
    duplicates: list[Duplicate]
    panes: PaneCheck
    scores: ScoreCheck

    @property
    def equal(self) -> bool:
        """Whether nothing is different and nothing is there twice."""
        return not (self.duplicates or self.panes.different or self.scores.different)


def verify(
    lake: Lake,
    provider_id: str | None = None,
    limit_scores: int | None = None,
    since_s: float | None = None,
    progress: Progress = silent,
) -> Verification:
    """Counts every pane and score input anew from the reports, in SQL, and compares with what the workers wrote.

    Parameters
    ----------
    lake
        The lake, at the versions it was refreshed to.
    provider_id
        Only this provider.
    limit_scores
        At most so many scores.
    since_s
        Every score emitted since then (epoch seconds); by default the newest of each provider and facet.
    progress
        Told how far it is.

    Raises
    ------
    InvalidRequest
        When the lake, or the provider, has no reports.
    """
    totals = queries.totals(lake)
    if not totals.reports:
        raise InvalidRequest("lake", "one with reports", f"none in {lake.path}", "send some: trustscore replay FILE")
    if provider_id is not None and not queries.history(lake, provider_id, bucket="day", limit=1):
        raise InvalidRequest("provider", "one with reports in the lake", provider_id, "trustscore discover lists them")
    last, committed = _committed(lake)
    duplicates = _duplicates(lake, progress)
    kept = max((day for table in ("reports", "panes") if (day := lake.kept_since(table))), default=None)
    waiting = {at: offset - committed[at] for at, offset in last.items() if offset > committed[at]}
    panes = _panes(lake, committed, provider_id, kept, progress)
    scores = _scores(lake, last, provider_id, limit_scores, since_s, progress)
    return Verification(totals, waiting, kept, duplicates, panes, scores)


def _duplicates(lake: Lake, progress: Progress) -> list[Duplicate]:
    tables: tuple[Literal["reports", "rejects", "scores"], ...] = ("reports", "rejects", "scores")
    found: list[Duplicate] = []
    for number, table in enumerate(tables):
        progress("duplicates", number, len(tables))
        found += queries.duplicates(lake, table)
    return found


def _committed(lake: Lake) -> tuple[dict[int, int], dict[int, int]]:
    """Last offset of each partition in ``reports``, and in both ``reports`` and ``panes``.

    A lake written without transactions says neither: then all its reports count.
    """
    numbers = queries.partitions(lake)
    seen = queries.last_offsets(lake)
    reports, panes = (lake.committed(table, _TOPIC, numbers) for table in ("reports", "panes"))
    last, both = {}, {}
    for number in numbers:
        in_reports, in_panes = reports[number], panes[number]
        last[number] = seen.get(number, -1) if in_reports is None else in_reports
        known = last[number] if in_reports is None else -1
        both[number] = min(last[number], known if in_panes is None else in_panes)
    return last, both


def _panes(
    lake: Lake, committed: Mapping[int, int], provider_id: str | None, kept_since: date | None, progress: Progress
) -> PaneCheck:
    check = PaneCheck()
    with lake.cursor() as cursor:
        recount.prepare(cursor, committed)
        spans = recount.day_spans(cursor, provider_id, kept_since)
        progress("panes", 0, len(spans))
        for number, days in enumerate(spans, 1):
            compared, different, first = recount.pane_gaps(cursor, days, provider_id, SHOWN)
            check = PaneCheck(check.compared + compared, check.different + different, [*check.first, *first][:SHOWN])
            progress("panes", number, len(spans))
    return check


def _scores(
    lake: Lake,
    last: Mapping[int, int],
    provider_id: str | None,
    limit: int | None,
    since_s: float | None,
    progress: Progress,
) -> ScoreCheck:
    if since_s is None:
        found = queries.latest_scores(lake, provider_id)
    else:
        found = queries.scores_since(lake, since_s, provider_id)
    ours = [record for record in found if record.method == METHOD]
    kept_since = lake.kept_since("reports")
    whole = [record for record in ours if _is_since(record, kept_since)]
    ready, ahead = _ready(lake, whole, last, kept_since, instead=since_s is None)
    chosen = ready[:limit]
    check = ScoreCheck(ahead=ahead, forgotten=len(ours) - len(whole), other_method=len(found) - len(ours))
    progress("scores", 0, len(chosen))
    with lake.cursor() as cursor:
        recount.prepare(cursor, last)
        done = 0
        for batch in _batches(chosen):
            for stored, again in zip(batch, _recomputed(recount.evidence_of(cursor, batch), batch), strict=True):
                check = _compared(check, stored, again)
            done += len(batch)
            progress("scores", done, len(chosen))
    return check


def _ready(
    lake: Lake, records: Sequence[ScoreRecord], last: Mapping[int, int], kept_since: date | None, instead: bool
) -> tuple[list[ScoreRecord], int]:
    """Scores whose reports are all in the lake, and how many are not; an earlier one ``instead`` of the newest."""
    ahead = [record for record in records if not _is_held(record, last)]
    ready = [record for record in records if _is_held(record, last)]
    if not ahead or not instead:
        return ready, len(ahead)
    newest: dict[tuple[str, str], ScoreRecord] = {}
    for record in queries.earlier_scores(lake, ahead, _EARLIER):
        if record.method == METHOD and _is_since(record, kept_since) and _is_held(record, last):
            newest.setdefault((record.provider_id, record.facet), record)
    return [*ready, *newest.values()], len(ahead) - len(newest)


def _is_held(record: ScoreRecord, last: Mapping[int, int]) -> bool:
    return all(offset <= last.get(partition, -1) for partition, offset in record.through.items())


def _is_since(record: ScoreRecord, day: date | None) -> bool:
    """Whether no report of an earlier day than this can be in a score: its longest window begins later.

    A score without a report in that window was made from the moment of an older one. None: no day is too early.
    """
    if day is None:
        return True
    longest = WINDOWS[-1]
    begins_s = covers(longest, record.as_of_s)[0]
    return begins_s >= datetime.combine(day, time(), UTC).timestamp() and record.windows[longest.name].n > 0


def _batches(records: Sequence[ScoreRecord]) -> Iterator[list[ScoreRecord]]:
    """Whole providers together (their reports are read once), each provider and facet at most once a batch."""
    by_provider: dict[str, list[ScoreRecord]] = defaultdict(list)
    for record in records:
        by_provider[record.provider_id].append(record)
    waiting = list(by_provider.values())
    while waiting:
        batch: list[ScoreRecord] = []
        later: list[list[ScoreRecord]] = []
        for ours in waiting:
            if len(batch) >= _BATCH:
                later.append(ours)
                continue
            newest = {record.facet: record for record in reversed(ours)}
            batch += newest.values()
            rest = [record for record in ours if newest[record.facet] is not record]
            if rest:
                later.append(rest)
        yield batch
        waiting = later


def _recomputed(evidence: Evidence, records: Sequence[ScoreRecord]) -> list[ScoreRecord]:
    """The records anew, each as of its own moment, with its own weights and prior."""
    by_moment: dict[tuple[float, Weights], list[int]] = defaultdict(list)
    for row, record in enumerate(records):
        by_moment[record.as_of_s, _weights_of(record)].append(row)
    again: dict[int, ScoreRecord] = {}
    for (as_of_s, weights), rows in by_moment.items():
        ours = [records[row] for row in rows]
        scores = trust.score(_rows_of(evidence, rows), as_of_s, weights, np.array([record.prior for record in ours]))
        ids, facets = [record.provider_id for record in ours], [record.facet for record in ours]
        made = trust.records(scores, ids, facets, [record.through for record in ours])
        again.update(zip(rows, made, strict=True))
    return [again[row] for row in range(len(records))]


def _weights_of(record: ScoreRecord) -> Weights:
    """What the record says it was made with; the default where it says nothing usable, which then is a difference."""
    if record.weights is None:
        return DEFAULT
    try:
        return stated_weights(record.weights)
    except StatedBadly:
        return DEFAULT


def _rows_of(evidence: Evidence, rows: Sequence[int]) -> Evidence:
    at = np.array(rows)
    place = np.full(len(evidence.windows), -1)
    place[at] = np.arange(len(at))
    regions = np.flatnonzero(place[evidence.region_of] >= 0)
    usual = evidence.baseline
    return Evidence(
        windows=evidence.windows[at],
        sketches=evidence.sketches[at],
        baseline=Baseline(*(getattr(usual, part.name)[at] for part in fields(usual))),
        last_report_s=evidence.last_report_s[at],
        region_windows=evidence.region_windows[regions],
        region_of=place[evidence.region_of[regions]],
    )


def _compared(check: ScoreCheck, stored: ScoreRecord, again: ScoreRecord) -> ScoreCheck:
    check = replace(check, compared=check.compared + 1)
    if stored == again:
        return replace(check, bit_for_bit=check.bit_for_bit + 1)
    gaps, largest = [], check.largest_difference
    for figure, ours, theirs in _unequal("", msgspec.to_builtins(stored), msgspec.to_builtins(again)):
        size = _difference(ours, theirs)
        largest = max(largest, size or 0.0)
        if size is None or size > TOLERANCE:
            gaps.append(ScoreGap(stored.provider_id, stored.facet, stored.as_of_s, figure, ours, theirs))
    different = check.different + bool(gaps)
    return replace(check, largest_difference=largest, different=different, first=[*check.first, *gaps][:SHOWN])


def _unequal(name: str, ours: Any, theirs: Any) -> Iterator[tuple[str, Any, Any]]:
    """Leaves of two records that are not the same, with their dotted names."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in {**ours, **theirs}:
            yield from _unequal(f"{name}.{key}" if name else str(key), ours.get(key), theirs.get(key))
    elif ours != theirs:
        yield name, ours, theirs


def _difference(ours: Any, theirs: Any) -> float | None:
    """Of two floats, relative to the larger of 1 and their size; ``None`` for anything else."""
    if isinstance(ours, float) and isinstance(theirs, float):
        return abs(ours - theirs) / max(1.0, abs(ours), abs(theirs))
    return None
