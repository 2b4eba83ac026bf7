"""One-minute panes counted anew, and compared with those stored."""

from dataclasses import dataclass
from datetime import date
from typing import Final

import duckdb

from analytics.recount.columns import COUNTED, SUMS
from scoring.stats import STATS

__all__ = ["PaneGap", "day_spans", "pane_gaps"]

_ROWS_AT_ONCE: Final = 500_000
_KEYS: Final = "provider_id, task_type, region, minute_s"
# Reports the panes table does not hold yet stay out of the comparison.
_COMMITTED: Final = """
  join committed using (partition)
  where date between $first and $last and "offset" <= through and provider_id = coalesce($provider_id, provider_id)
"""
_STORED: Final = """
  from pane_increments join committed using (partition)
  where date between $first and $last and last_offset <= through and provider_id = coalesce($provider_id, provider_id)
"""


@dataclass(frozen=True, slots=True)
class PaneGap:
    """A statistic of a pane that the reports and the table ``panes`` disagree about."""

    provider_id: str
    task_type: str
    region: str
    start_s: int
    statistic: str
    """Of ``STATS``, or ``latency bucket N``."""
    missing: int
    """What the reports give minus what the table holds."""


def day_spans(
    cursor: duckdb.DuckDBPyConnection, provider_id: str | None, since: date | None = None
) -> list[tuple[date, date]]:
    """All days from ``since`` on that hold a report or a pane, in spans of about half a million rows, oldest first."""
    sql = """
        select date, count(*) from (
          select date, provider_id from reports union all select date, provider_id from pane_increments
        ) where provider_id = coalesce($provider_id, provider_id) and date >= coalesce($since, date)
        group by date order by date limit 100_000
    """
    spans: list[tuple[date, date]] = []
    room = 0
    for day, rows in cursor.execute(sql, {"provider_id": provider_id, "since": since}).fetchall():
        if rows > room:
            spans.append((day, day))
            room = _ROWS_AT_ONCE
        spans[-1] = (spans[-1][0], day)
        room -= rows
    return spans


def pane_gaps(
    cursor: duckdb.DuckDBPyConnection, days: tuple[date, date], provider_id: str | None, limit: int
) -> tuple[int, int, list[PaneGap]]:
    """Panes of some days from their reports against those stored: how many, how many differ, and the first gaps."""
    asked = {"first": days[0], "last": days[1], "provider_id": provider_id}
    stored = ", ".join(f"-{name}" for name in STATS)
    cursor.execute(
        f"""
        create or replace temp table gaps as
        select {_KEYS}, {SUMS}, [0] as buckets from (
          select {_KEYS}, {", ".join(STATS)} from ({COUNTED} {_COMMITTED})
          union all select provider_id, task_type, region, epoch_us(pane_start) // 1000000, {stored} {_STORED}
        ) group by all
        """,
        asked,
    )
    cursor.execute(
        f"""
        create or replace temp table latency_gaps as
        select {_KEYS}, bucket, sum(n)::BIGINT as missing from (
          select {_KEYS}, bucket, 1 as n from ({COUNTED} {_COMMITTED}) as counted
            asof join latency_bounds on counted.answered_us <= latency_bounds.bound_us
          union all select provider_id, task_type, region, epoch_us(pane_start) // 1000000,
            unnest(latency_buckets), -unnest(latency_counts) {_STORED}
        ) group by all having sum(n) <> 0
        """,
        asked,
    )
    differs = " or ".join(f"{name} <> 0" for name in STATS)
    compared = _one(cursor, "select count(*) from gaps order by all limit 1")
    different = _one(
        cursor,
        f"select count(*) from (select {_KEYS} from gaps where {differs} union select {_KEYS} from latency_gaps)"
        " order by all limit 1",
    )
    if not different:
        return compared, 0, []
    unequal = cursor.execute(
        f"select {_KEYS}, {', '.join(STATS)} from gaps where {differs} order by {_KEYS} limit $limit", {"limit": limit}
    ).fetchall()
    found = [
        PaneGap(provider, task, region, minute_s, statistic, missing)
        for provider, task, region, minute_s, *by_statistic in unequal
        for statistic, missing in zip(STATS, by_statistic, strict=True)
        if missing
    ]
    buckets = cursor.execute(
        f"select {_KEYS}, bucket, missing from latency_gaps order by {_KEYS}, bucket limit $limit", {"limit": limit}
    ).fetchall()
    found += [
        PaneGap(provider, task, region, minute_s, f"latency bucket {bucket}", missing)
        for provider, task, region, minute_s, bucket, missing in buckets
    ]
    return compared, different, found[:limit]


def _one(cursor: duckdb.DuckDBPyConnection, sql: str) -> int:
    # fetchone would leave the result open, and the cursor with it.
    return int(cursor.execute(sql).fetchall()[0][0])
