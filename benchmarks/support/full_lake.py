"""A lake of 90 days made from a seed in minutes: what a worker would have written and compaction left, file by file.

``python -m benchmarks.support.full_lake DIRECTORY [--reports 100000000] [--providers 10000] [--days 90]``. Reports are
drawn with numpy, their panes come from the worker's own ``pane_rows``; a day of either is one file, sorted and
compressed as compaction does it, and Delta's log names them in one commit. Providers are called unevenly: the r-th in
proportion to 1 / (50 + r), so the first gets 0.4 % of all calls and the middle one 0.004 %.
"""

import argparse
import json
import os
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.transaction import AddAction, RemoveAction
from numpy.typing import NDArray

from analytics.lake import TABLES, schema_of
from benchmarks.support.full_board import provider_id, score_records
from benchmarks.support.reports import REGIONS, REPORTERS, TASK_TYPES
from scoring.reports import OUTCOMES
from streams.score_rows import score_rows
from streams.sinks import pane_rows

__all__ = ["HEAD", "FullLake", "Made", "make"]

DAY_S: Final = 86_400
PARTITIONS: Final = 4
ROW_GROUP: Final = 100_000
"""As compaction writes them."""
PANES_SORTED_BY: Final = ("provider_id", "task_type", "region", "pane_start")
HEAD: Final = 50
SUCCESS: Final = 0.93
_US: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class FullLake:
    """What is to be made."""

    root: str
    reports: int
    providers: int
    days: int
    until: date
    """The first day that is not made."""
    kept: float = 1.0
    """Share of the reports that are written one by one; panes and scores are always of all."""
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Made:
    """Rows and bytes of the tables, and what making them took."""

    rows: Mapping[str, int]
    size_bytes: Mapping[str, int]
    seconds: float


@dataclass(slots=True)
class _Message:
    """A record of ``trust.scores``."""

    offset: int
    timestamp: int
    value: bytes | None
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


@dataclass(frozen=True, slots=True)
class _File:
    table: str
    path: str
    day: str
    size_bytes: int
    rows: int


def make(lake: FullLake, processes: int | None = None) -> Made:
    """Write the lake; its directory must be new."""
    started_s = time.monotonic()
    tables = {name: _created(lake, name) for name in TABLES}
    days = [lake.until - timedelta(days=back) for back in range(lake.days, 0, -1)]
    with ProcessPoolExecutor(processes or os.cpu_count(), mp_context=get_context("spawn")) as pool:
        files = [file for found in pool.map(_day, [lake] * len(days), days, range(len(days))) for file in found]
    files += _scores(lake, days[-1])
    for name, table in tables.items():
        _commit(table, [file for file in files if file.table == name])
    return Made(
        {name: sum(file.rows for file in files if file.table == name) for name in TABLES},
        {name: sum(file.size_bytes for file in files if file.table == name) for name in TABLES},
        time.monotonic() - started_s,
    )


def _created(lake: FullLake, name: str) -> DeltaTable:
    return DeltaTable.create(str(Path(lake.root, name)), schema_of(TABLES[name]), mode="error", partition_by=["date"])


def _day(lake: FullLake, day: date, number: int) -> list[_File]:
    """Files of one day."""
    count = lake.reports * (number + 1) // lake.days - lake.reports * number // lake.days
    reports = _reports(lake, day, number, count)
    panes = pane_rows(reports).sort_by([(key, "ascending") for key in PANES_SORTED_BY])
    files = [_written(lake, "panes", day, "merged", panes)]
    if lake.kept < 1:
        reports = reports.filter(pa.array(np.random.default_rng((lake.seed, number, 1)).random(count) < lake.kept))
    return [*files, _written(lake, "reports", day, "part", reports)]


def _reports(lake: FullLake, day: date, number: int, count: int) -> pa.Table:
    rng = np.random.default_rng((lake.seed, number))
    start_us = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * _US
    weights = np.cumsum(1 / (HEAD + np.arange(lake.providers)))
    provider = np.searchsorted(weights, rng.random(count) * weights[-1]).clip(max=lake.providers - 1)
    event_us = start_us + rng.integers(0, DAY_S * _US, count)
    order = np.lexsort((event_us, provider))
    provider, event_us = provider[order], event_us[order]
    outcome = np.where(rng.random(count) < SUCCESS, 0, rng.integers(1, len(OUTCOMES), count))
    slowness = np.random.default_rng(lake.seed).lognormal(0, 0.5, lake.providers)
    latency_ms = np.round(rng.lognormal(5, 0.8, count) * slowness[provider], 3)
    # An offset of its own for each report of a partition, in the order of arrival.
    partition = (provider % PARTITIONS).astype(np.int32)
    offset = number * lake.reports // lake.days + np.argsort(np.argsort(event_us))
    columns: dict[str, Any] = {
        "date": pa.array(np.full(count, start_us // _US // DAY_S, np.int32)).view(pa.date32()),
        "timestamp": _times(event_us),
        "provider_id": _words([provider_id(n) for n in range(lake.providers)], provider),
        "outcome": _words(OUTCOMES, outcome),
        "report_id": pa.array(offset).cast(pa.string()),
        "latency_ms": latency_ms,
        "task_type": _words(TASK_TYPES, provider % len(TASK_TYPES)),
        "region": _words(REGIONS, rng.integers(0, len(REGIONS), count)),
        "reporter_id": _words([f"agent-{n:03d}" for n in range(REPORTERS)], rng.integers(0, REPORTERS, count)),
        "received_at": _times(event_us + rng.integers(0, 2 * _US, count)),
        "partition": partition,
        "offset": offset,
        "row": np.zeros(count, np.int32),
    }
    schema = schema_of(TABLES["reports"])
    return pa.table([columns.get(f.name, pa.nulls(count, f.type)) for f in schema], schema=schema)


def _words(words: Sequence[str], code: NDArray[np.int64]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(code.astype(np.int32)), pa.array(words)).cast(pa.string())


def _times(epoch_us: NDArray[np.int64]) -> pa.Array:
    return pa.array(epoch_us).view(pa.timestamp("us", tz="UTC"))


def _scores(lake: FullLake, day: date) -> list[_File]:
    """The newest record of every provider and facet."""
    as_of_s = datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() + DAY_S - 1
    run = [
        _Message(offset, round(as_of_s * 1_000), msgspec.json.encode(record))
        for offset, record in enumerate(score_records(lake.providers, as_of_s, lake.seed))
    ]
    rows = score_rows(run, 0).sort_by([("provider_id", "ascending"), ("facet", "ascending")])
    return [_written(lake, "scores", day, "part", rows)]


def _written(lake: FullLake, table: str, day: date, prefix: str, rows: pa.Table) -> _File:
    path = f"date={day.isoformat()}/{prefix}-{lake.seed}.parquet"
    file = Path(lake.root, table, path)
    file.parent.mkdir(parents=True, exist_ok=True)
    rows = rows.drop_columns("date")
    pq.write_table(rows, file, compression="zstd", row_group_size=ROW_GROUP)
    return _File(table, path, day.isoformat(), file.stat().st_size, len(rows))


def _commit(table: DeltaTable, files: Sequence[_File]) -> None:
    now_ms = time.time_ns() // 1_000_000
    actions: list[AddAction | RemoveAction] = [
        AddAction(f.path, f.size_bytes, {"date": f.day}, now_ms, True, json.dumps({"numRecords": f.rows}))
        for f in files
    ]
    if actions:
        table.create_write_transaction(actions, "append", table.schema(), ["date"])


def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root")
    parser.add_argument("--reports", type=int, default=100_000_000)
    parser.add_argument("--providers", type=int, default=10_000)
    parser.add_argument("--days", type=int, default=90)
    given = parser.parse_args()
    until = datetime.now(UTC).date()
    print(json.dumps(asdict(make(FullLake(given.root, given.reports, given.providers, given.days, until)))))


if __name__ == "__main__":
    _main()
