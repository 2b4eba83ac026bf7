"""The rows behind a history, in SQL: minutes from panes, hours and days from rolled-up hours where there are some."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

import numpy as np

from analytics.hours import HourFiles, hours_of
from analytics.lake import Lake
from analytics.lake.views import literals
from scoring.stats import BUCKETS

__all__ = ["NEVER_S", "history_rows", "span"]

NEVER_S: Final = 32_503_680_000.0  # the year 3000
HOUR_S: Final = 3_600
_SUMS: Final = ("success", "failure", "timeout", "error", "latency_n", "latency_us")
_PLAIN_SUMS: Final = ", ".join(f"sum({name})::BIGINT as {name}" for name in _SUMS)
_NUMBERS: Final = ", ".join((*_SUMS, "latency_buckets", "latency_counts"))
_OF_FACET: Final = """
    provider_id = $provider_id and ($task_type is null or task_type = $task_type)
    and ($region is null or region = $region)
"""
_IN_SPAN: Final = "epoch(pane_start) >= $since_s and epoch(pane_start) < $until_s"
_PANES: Final = f"""
    select epoch_us(pane_start) as start_us, {_NUMBERS} from pane_increments
    where {_OF_FACET} and date between $first_day and $last_day and {_IN_SPAN}
"""


def history_rows(lake: Lake, asked: Mapping[str, Any], span_s: tuple[float, float]) -> list[tuple[Any, ...]]:
    """Sums of the newest buckets, oldest first, each with latency bucket -1; and the latency counts of each of them."""
    hours = hours_of(lake) if asked["bucket_s"] >= HOUR_S else None
    chosen = _PANES if hours is None else _by_hour(hours, *span_s)
    edges = {"first_hour_s": -(-span_s[0] // HOUR_S) * HOUR_S, "last_hour_s": span_s[1] // HOUR_S * HOUR_S}
    sql = f"""
        with chosen as materialized ({chosen}), sums as (
          select start_us // $bucket_us * $bucket_s as start_s, -1 as latency_bucket, {_PLAIN_SUMS}
          from chosen group by start_s order by start_s desc limit $limit
        ), latencies as (
          select start_s, latency_bucket, sum(n)::BIGINT as n from (
            select start_us // $bucket_us * $bucket_s as start_s,
              unnest(latency_buckets) as latency_bucket, unnest(latency_counts) as n from chosen
          ) where start_s >= (select min(start_s) from sums) group by all
        )
        select * from sums union all select *, 0, 0, 0, 0, 0 from latencies order by start_s, latency_bucket limit $most
    """
    everything = {**asked, **span(*span_s), **edges, "most": asked["limit"] * (BUCKETS + 1)}
    return lake.rows(sql, {name: value for name, value in everything.items() if f"${name}" in sql})


def _by_hour(hours: HourFiles, since_s: float, until_s: float) -> str:
    """Rows of a span of time: whole hours from rolled-up files where there are some, the rest from panes."""
    asked = span(since_s, until_s)
    weeks, panes = hours.between(asked["first_day"], asked["last_day"])
    parts = []
    if weeks:
        days = ", ".join(f"date '{day}'" for day in sorted(day for week in weeks for day in week.days))
        whole = f"epoch(hour) >= $first_hour_s and epoch(hour) < $last_hour_s and hour::DATE in ({days})"
        parts.append(_rows_of([week.path for week in weeks], "hour", whole))
        covered = {day for week in weeks for day in week.days}
        edges = {_day(at) for at in (since_s, until_s) if at % HOUR_S and _day(at) in covered}
        if edges:
            rest = "not (epoch(pane_start) >= $first_hour_s and epoch(pane_start) < $last_hour_s)"
            parts.append(_rows_of(hours.panes(edges), "pane_start", f"{rest} and {_IN_SPAN}"))
    if panes:
        parts.append(_rows_of(panes, "pane_start", _IN_SPAN))
    return " union all ".join(parts) or f"{_PANES} and false"


def _rows_of(files: Sequence[str], time: str, when: str) -> str:
    return f"""
        select epoch_us({time}) as start_us, {_NUMBERS} from read_parquet({literals(files)}, hive_partitioning = false)
        where {_OF_FACET} and {when}
    """


def span(since_s: float, until_s: float) -> dict[str, Any]:
    """A span of time as parameters of a query, and the days it touches."""
    return {"since_s": since_s, "until_s": until_s, "first_day": _day(since_s), "last_day": _day(until_s)}


def _day(at_s: float) -> date:
    day: date = np.datetime64(int(min(max(at_s, 0.0), NEVER_S)) // 86_400, "D").item()
    return day
