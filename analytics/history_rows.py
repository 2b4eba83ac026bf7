"""The sums behind a history: minutes from panes, hours and days from rolled-up hours where there are some."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from analytics.hour_rows import rows_of
from analytics.hours import HourFiles, RolledUp, hours_of
from analytics.lake import Lake
from analytics.lake.views import literals
from scoring.stats import BUCKETS

__all__ = ["NEVER_S", "SUMS", "HistorySums", "history_sums", "span"]

NEVER_S: Final = 32_503_680_000.0  # the year 3000
HOUR_S: Final = 3_600
DAY_US: Final = 86_400_000_000
SUMS: Final = ("success", "failure", "timeout", "error", "latency_n", "latency_us")
_HISTOGRAM: Final = {"latency_buckets": pa.list_(pa.int32()), "latency_counts": pa.list_(pa.int64())}
_ROWS: Final = pa.schema({"start_us": pa.int64(), **dict.fromkeys(SUMS, pa.int64()), **_HISTOGRAM})
_NUMBERS: Final = ", ".join((*SUMS, *_HISTOGRAM))
_OF_FACET: Final = """
    provider_id = $provider_id and ($task_type is null or task_type = $task_type)
    and ($region is null or region = $region)
"""
_IN_SPAN: Final = "epoch(pane_start) >= $since_s and epoch(pane_start) < $until_s"
_FROM_PANES: Final = f"from pane_increments where {_OF_FACET} and date between $first_day and $last_day and {_IN_SPAN}"
_CHOSEN: Final = f"select epoch_us(pane_start) as start_us, {_NUMBERS}"

Int64s = NDArray[np.int64]


class HistorySums(NamedTuple):
    """N buckets of time that hold a report, oldest first, and L latency counts of theirs."""

    start_s: Int64s
    """[N]"""
    sums: Int64s
    """[N, len(SUMS)]"""
    row: Int64s
    """Bucket of time of each count, ascending, [L]."""
    latency_bucket: Int64s
    """Ascending within a row, [L]."""
    reports: Int64s
    """Counted, [L]."""


def history_sums(lake: Lake, asked: Mapping[str, Any], span_s: tuple[float, float]) -> HistorySums:
    """Sums of the newest ``limit`` buckets of time."""
    hours = hours_of(lake) if asked["bucket_s"] >= HOUR_S else None
    if hours is None:
        found = [_rows(lake, f"{_CHOSEN} {_FROM_PANES}", asked, span_s)]
    else:
        found = _by_hour(lake, hours, asked, span_s)
    return _summed(pa.concat_tables([_ROWS.empty_table(), *found]), asked["bucket_s"], asked["limit"])


def _by_hour(lake: Lake, hours: HourFiles, asked: Mapping[str, Any], span_s: tuple[float, float]) -> list[pa.Table]:
    """Rows of a span of time: whole hours from rolled-up files where there are some, the rest from panes."""
    days = span(*span_s)
    weeks, panes = hours.between(days["first_day"], days["last_day"])
    parts, found = [], []
    if weeks:
        found.append(_rolled_up(hours, weeks, asked, span_s))
        covered = {day for week in weeks for day in week.days}
        edges = {_day(at) for at in span_s if at % HOUR_S and _day(at) in covered}
        if edges:
            rest = "not (epoch(pane_start) >= $first_hour_s and epoch(pane_start) < $last_hour_s)"
            parts.append(f"{_CHOSEN} {_from(hours.panes(edges))} and {rest}")
    if panes:
        parts.append(f"{_CHOSEN} {_from(panes)}")
    if parts:
        found.append(_rows(lake, " union all ".join(parts), asked, span_s))
    return found


def _rolled_up(
    hours: HourFiles, weeks: Sequence[RolledUp], asked: Mapping[str, Any], span_s: tuple[float, float]
) -> pa.Table:
    """Whole hours of the span in the days that the files still stand for."""
    wanted = {name: asked[name] for name in ("task_type", "region") if asked[name] is not None}
    columns = ("provider_id", "hour", *wanted, *SUMS, *_HISTOGRAM)
    table = rows_of(hours.groups(weeks), asked["provider_id"], columns)
    start_us = table["hour"].cast(pa.int64())
    at_us = start_us.to_numpy()
    covered = np.array([day for week in weeks for day in week.days], "datetime64[D]").astype(np.int64)
    first_us, last_us = (hour_s * 1_000_000 for hour_s in _whole_hours(*span_s))
    kept = (at_us >= first_us) & (at_us < last_us) & np.isin(at_us // DAY_US, covered)
    for name, value in wanted.items():
        kept &= pc.fill_null(pc.equal(table[name], value), False).to_numpy()
    table = table.append_column("start_us", start_us).select(_ROWS.names)
    return (table if kept.all() else table.filter(pa.array(kept))).cast(_ROWS)


def _rows(lake: Lake, sql: str, asked: Mapping[str, Any], span_s: tuple[float, float]) -> pa.Table:
    """Rows of a query, all that it may ask bound."""
    first_hour_s, last_hour_s = _whole_hours(*span_s)
    everything = {**asked, **span(*span_s), "first_hour_s": first_hour_s, "last_hour_s": last_hour_s}
    return lake.table(sql, {name: value for name, value in everything.items() if f"${name}" in sql}).cast(_ROWS)


def _summed(table: pa.Table, bucket_s: int, limit: int) -> HistorySums:
    """Rows added up by bucket of time, the newest ``limit`` of them."""
    starts_s, row = np.unique(table["start_us"].to_numpy() // (bucket_s * 1_000_000) * bucket_s, return_inverse=True)
    sums = np.zeros((len(starts_s), len(SUMS)), np.int64)
    for place, name in enumerate(SUMS):
        np.add.at(sums[:, place], row, table[name].to_numpy())
    lengths = pc.fill_null(pc.list_value_length(table["latency_buckets"]), 0).to_numpy()
    buckets, counts = (pc.list_flatten(table[name]).to_numpy() for name in _HISTOGRAM)
    entries, entry = np.unique(np.repeat(row, lengths) * BUCKETS + buckets, return_inverse=True)
    count = np.zeros(len(entries), np.int64)
    np.add.at(count, entry, counts)
    gone = max(len(starts_s) - limit, 0)
    first = int(np.searchsorted(entries, gone * BUCKETS))
    of_row, latency_bucket = np.divmod(entries[first:], BUCKETS)
    return HistorySums(starts_s[gone:], sums[gone:], of_row - gone, latency_bucket, count[first:])


def _from(files: Sequence[str]) -> str:
    return f"from read_parquet({literals(files)}, hive_partitioning = false) where {_OF_FACET} and {_IN_SPAN}"


def _whole_hours(since_s: float, until_s: float) -> tuple[int, int]:
    """Hours that lie in a span whole: the first one's start and the last one's end."""
    return int(-(-since_s // HOUR_S) * HOUR_S), int(until_s // HOUR_S * HOUR_S)


def span(since_s: float, until_s: float) -> dict[str, Any]:
    """A span of time as parameters of a query, and the days it touches."""
    return {"since_s": since_s, "until_s": until_s, "first_day": _day(since_s), "last_day": _day(until_s)}


def _day(at_s: float) -> date:
    day: date = np.datetime64(int(min(max(at_s, 0.0), NEVER_S)) // 86_400, "D").item()
    return day
