"""Every question that is put to the lake, in SQL: bound parameters, named columns, a stated order, a limit; typed rows.

``scores``, ``reports``, … are the views of ``analytics.lake``. Times go in and out as epoch seconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import msgspec
import numpy as np

from analytics.errors import InvalidRequest
from analytics.history_rows import NEVER_S, history_sums, span
from analytics.lake import Lake
from scoring.arrays import Floats, Ints
from scoring.quantiles import listed_quantiles_ms
from scoring.records import ScoreRecord

__all__ = [
    "Bucket", "Contributions", "Duplicate", "Freshness", "HistoryRow", "RejectRow", "ScorePoint", "Totals",
    "contributions", "contributions_by_reporter", "duplicates", "earlier_scores", "freshness", "history",
    "last_offsets", "latest_scores", "partitions", "provider_ids", "rejects", "score_history", "scores_since", "totals",
]  # fmt: skip

Bucket = Literal["minute", "hour", "day"]

_BUCKET_S: Final[Mapping[Bucket, int]] = {"minute": 60, "hour": 3_600, "day": 86_400}
_RECORD: Final = msgspec.json.Decoder(ScoreRecord)
_LONG_AGO_S: Final = 0.0
QUANTILES: Final = (0.5, 0.95, 0.99)


class HistoryRow(NamedTuple):
    """What was seen in one bucket of time. A tuple: 90 days by the hour are 2,160 of them."""

    start_s: int
    n: int
    success: int
    failure: int
    timeout: int
    error: int
    success_rate: float
    avg_latency_ms: float | None
    """Of answered calls (success or failure) that state a latency; absent when none does."""
    p50_latency_ms: float | None
    """Within 1 %, from the histograms; so are the other two."""
    p95_latency_ms: float | None
    p99_latency_ms: float | None


@dataclass(frozen=True, slots=True)
class ScorePoint:
    """The last score emitted in one bucket of time."""

    as_of_s: float
    trust_score: float | None
    lower: float | None
    upper: float | None
    n: int
    flags: list[str]


@dataclass(frozen=True, slots=True)
class Contributions:
    """What one reporter sent."""

    reporter_id: str
    reports: int
    providers: int
    first_report_s: float | None
    last_report_s: float | None


@dataclass(frozen=True, slots=True)
class Totals:
    """Sizes of the tables, and reports by outcome."""

    reports: int
    success: int
    failure: int
    timeout: int
    error: int
    providers: int
    reporters: int
    panes: int
    scores: int
    rejects: int


@dataclass(frozen=True, slots=True)
class RejectRow:
    """One message, or one row of an Arrow message, that could not be used."""

    received_s: float
    topic: str
    partition: int
    offset: int
    row: int
    """-1: the whole message."""
    field: str
    reason: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A message that is in a table more than once."""

    table: str
    partition: int
    offset: int
    row: int
    copies: int


@dataclass(frozen=True, slots=True)
class Freshness:
    """How new the lake is; absent while it is empty."""

    as_of_s: float | None
    """Of the newest score."""
    last_report_s: float | None
    """Event time of the newest report."""
    last_received_s: float | None
    """Broker time of the newest report."""


def latest_scores(
    lake: Lake, provider_id: str | None = None, facet: str | None = None, limit: int = 1_000_000
) -> list[ScoreRecord]:
    """The newest score of each provider and facet, ordered by both.

    Parameters
    ----------
    lake
        The lake.
    provider_id, facet
        Only this one; facet "" is all reports of a provider.
    limit
        At most so many.
    """
    sql = """
        select record from latest_scores
        where ($provider_id is null or provider_id = $provider_id) and ($facet is null or facet = $facet)
        order by provider_id, facet limit $limit
    """
    rows = lake.rows(sql, {"provider_id": provider_id, "facet": facet, "limit": limit})
    return [_RECORD.decode(record) for (record,) in rows]


def scores_since(
    lake: Lake, since_s: float, provider_id: str | None = None, limit: int = 1_000_000
) -> list[ScoreRecord]:
    """Every score emitted from ``since_s`` on, not only the newest of its kind, newest first."""
    sql = """
        select record from scores
        where epoch(as_of) >= $since_s and date >= $first_day and provider_id = coalesce($provider_id, provider_id)
        order by as_of desc, provider_id, facet, "offset" desc limit $limit
    """
    asked = {"provider_id": provider_id, "limit": limit, **span(since_s, NEVER_S)}
    del asked["until_s"], asked["last_day"]
    return [_RECORD.decode(record) for (record,) in lake.rows(sql, asked)]


def earlier_scores(lake: Lake, newest: Sequence[ScoreRecord], each: int) -> list[ScoreRecord]:
    """The last ``each`` scores before these, of the same providers and facets, newest first."""
    sql = """
        with newest as (select unnest($ids::VARCHAR[]) as provider_id, unnest($facets::VARCHAR[]) as facet,
          unnest($as_of_us::BIGINT[]) as as_of_us)
        select record from scores join newest using (provider_id, facet) where epoch_us(as_of) < as_of_us
        qualify row_number() over (partition by provider_id, facet order by as_of desc, "offset" desc) <= $each
        order by as_of desc, provider_id, facet, "offset" desc limit $limit
    """
    asked = {
        "ids": [record.provider_id for record in newest],
        "facets": [record.facet for record in newest],
        "as_of_us": [round(record.as_of_s * 1e6) for record in newest],
        "each": each,
        "limit": each * len(newest),
    }
    return [_RECORD.decode(record) for (record,) in lake.rows(sql, asked)]


def last_offsets(lake: Lake) -> dict[int, int]:
    """Highest offset of each partition of ``trust.reports`` that the lake holds a report of."""
    sql = 'select partition, max("offset") from reports group by partition order by partition limit 100_000'
    return dict(lake.rows(sql))


def duplicates(lake: Lake, table: Literal["reports", "rejects", "scores"], limit: int = 10) -> list[Duplicate]:
    """Messages (rows of an Arrow message) that a table holds more than once, most often first."""
    row = "0" if table == "scores" else "row"
    sql = f"""
        select partition, "offset", {row} as row, count(*) as copies from {table} group by all having copies > 1
        order by copies desc, partition, "offset", row limit $limit
    """
    return [Duplicate(table, *found) for found in lake.rows(sql, {"limit": limit})]


def provider_ids(lake: Lake, limit: int = 1_000_000) -> list[str]:
    """Ids of the providers that have a score, in order."""
    sql = "select distinct provider_id from scores order by provider_id limit $limit"
    return [provider_id for (provider_id,) in lake.rows(sql, {"limit": limit})]


def history(
    lake: Lake,
    provider_id: str,
    facet: str = "",
    bucket: Bucket = "hour",
    since_s: float = _LONG_AGO_S,
    until_s: float = NEVER_S,
    limit: int = 1_000,
) -> list[HistoryRow]:
    """What was seen of a provider, a row per bucket that holds a report, oldest first; the newest ``limit`` of them.

    Parameters
    ----------
    lake
        The lake.
    provider_id
        Whose reports.
    facet
        "" for all, "task=…" or "region=…".
    bucket
        Length of a row's time: minute, hour or day, UTC.
    since_s, until_s
        One-minute panes that start from ``since_s`` (inclusive) to ``until_s`` (exclusive), epoch seconds.
    limit
        At most so many rows.

    Raises
    ------
    InvalidRequest
        When ``facet`` or ``bucket`` is none of these.
    """
    asked = {**_facet(facet), "provider_id": provider_id, **_bucket(bucket), "limit": limit}
    found = history_sums(lake, asked, (since_s, until_s))
    quantiles = listed_quantiles_ms(found.row, found.latency_bucket, found.reports, len(found.start_s), QUANTILES)
    return _history_rows(found.start_s, found.sums, quantiles)


def score_history(
    lake: Lake,
    provider_id: str,
    facet: str = "",
    bucket: Bucket = "hour",
    since_s: float = _LONG_AGO_S,
    until_s: float = NEVER_S,
    limit: int = 1_000,
) -> list[ScorePoint]:
    """How a score moved: the last one emitted in each bucket, oldest first; the newest ``limit`` of them."""
    sql = """
        select epoch_us(as_of), trust_score, lower, upper, n, flags from scores
        where provider_id = $provider_id and facet = $facet and date between $first_day and $last_day
          and epoch(as_of) >= $since_s and epoch(as_of) < $until_s
        qualify row_number() over (partition by epoch_us(as_of) // $bucket_us order by as_of desc, "offset" desc) = 1
        order by as_of desc limit $limit
    """
    _facet(facet)
    bucket_us = _bucket(bucket)["bucket_us"]
    asked = {"provider_id": provider_id, "facet": facet, "bucket_us": bucket_us, "limit": limit}
    rows = lake.rows(sql, {**asked, **span(since_s, until_s)})
    return [ScorePoint(as_of_us / 1e6, *row) for as_of_us, *row in reversed(rows)]


def contributions(lake: Lake, reporter_id: str) -> Contributions:
    """What one reporter sent: 0 reports when it is unknown."""
    sql = """
        select count(*), count(distinct provider_id), epoch_us(min(timestamp)), epoch_us(max(timestamp)) from reports
        where coalesce(reporter_id, 'anonymous') = $reporter_id order by all limit 1
    """
    reports, providers, first_us, last_us = lake.rows(sql, {"reporter_id": reporter_id})[0]
    return Contributions(reporter_id, reports, providers, _seconds(first_us), _seconds(last_us))


def contributions_by_reporter(lake: Lake, limit: int = 1_000) -> list[Contributions]:
    """What each reporter sent, the busiest first."""
    sql = """
        select coalesce(reporter_id, 'anonymous') as reporter, count(*) as n, count(distinct provider_id),
          epoch_us(min(timestamp)), epoch_us(max(timestamp))
        from reports group by reporter order by n desc, reporter limit $limit
    """
    return [
        Contributions(reporter, reports, providers, _seconds(first_us), _seconds(last_us))
        for reporter, reports, providers, first_us, last_us in lake.rows(sql, {"limit": limit})
    ]


def totals(lake: Lake) -> Totals:
    """Sizes of the tables, and reports by outcome."""
    sql = """
        select count(*), count(*) filter (outcome = 'success'), count(*) filter (outcome = 'failure'),
          count(*) filter (outcome = 'timeout'), count(*) filter (outcome = 'error'), count(distinct provider_id),
          count(distinct coalesce(reporter_id, 'anonymous')),
          (select count(*) from (select distinct provider_id, task_type, region, pane_start from pane_increments)),
          (select count(*) from scores), (select count(*) from rejects)
        from reports order by all limit 1
    """
    return Totals(*lake.rows(sql)[0])


def rejects(lake: Lake, limit: int = 100, since_s: float = _LONG_AGO_S) -> list[RejectRow]:
    """Messages that could not be used and were received from ``since_s`` on, the newest first."""
    sql = """
        select epoch_us(received_at), topic, partition, "offset", row, field, reason, value from rejects
        where epoch(received_at) >= $since_s
        order by received_at desc, topic, partition, "offset" desc, row desc limit $limit
    """
    rows = lake.rows(sql, {"since_s": since_s, "limit": limit})
    return [RejectRow(received_us / 1e6, *row) for received_us, *row in rows]


def freshness(lake: Lake) -> Freshness:
    """How new the lake is."""
    sql = """
        select (select epoch_us(max(as_of)) from scores), epoch_us(max(timestamp)), epoch_us(max(received_at))
        from reports order by all limit 1
    """
    return Freshness(*map(_seconds, lake.rows(sql)[0]))


def partitions(lake: Lake) -> list[int]:
    """Partitions of ``trust.reports`` that the lake holds reports or panes of, in order."""
    sql = "select partition from reports union select partition from pane_increments order by partition limit 100_000"
    return [partition for (partition,) in lake.rows(sql)]


def _facet(facet: str) -> dict[str, str | None]:
    kind, _, value = facet.partition("=")
    if facet and (kind not in ("task", "region") or not value):
        raise InvalidRequest("facet", '"", task=… or region=…', ascii(facet), "leave it out for all reports")
    return {"task_type": value if kind == "task" else None, "region": value if kind == "region" else None}


def _bucket(bucket: str) -> dict[str, int]:
    for name, length_s in _BUCKET_S.items():
        if name == bucket:
            return {"bucket_s": length_s, "bucket_us": length_s * 1_000_000}
    raise InvalidRequest("bucket", "minute, hour or day", ascii(bucket), "choose one of them")


def _history_rows(start_s: Ints, sums: Ints, quantiles_ms: Floats) -> list[HistoryRow]:
    """Rows from columns: a figure at a time for all of them, a fifth of the price of a row at a time."""
    success, failure, timeout, error, latency_n, latency_us = sums.T
    n = success + failure + timeout + error
    mean_ms = np.divide(latency_us, latency_n, out=np.full(len(n), np.nan), where=latency_n > 0) / 1e3
    whole = [column.tolist() for column in (start_s, n, success, failure, timeout, error, success / n)]
    return list(map(HistoryRow._make, zip(*whole, *map(_present, (mean_ms, *quantiles_ms.T)), strict=True)))


def _present(values: Floats) -> list[float | None]:
    """Values of a column; None where there is none."""
    found: list[float | None] = values.tolist()
    return [None if value != value else value for value in found] if np.isnan(values).any() else found


def _seconds(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds / 1e6
