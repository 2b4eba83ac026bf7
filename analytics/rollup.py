"""Hours rolled up: the panes of closed days added up by the hour, a file a week, sorted by provider.

90 days of one provider then stand in 13 row groups instead of some hundred. The table ``hours`` lies beside those of
the worker and can be deleted at any time: it is made anew from ``panes``. A file says which files of which days it was
made from, so that a reader (``analytics.hours``) knows when a late report or a compaction has changed a day since.
"""

import hashlib
import json
import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction

from analytics.lake.address import is_remote, storage_options, table_address
from analytics.lake.duck import duck
from analytics.lake.replacement import DataFile, files_by_day, storage_of
from analytics.lake.tables import data_files, open_table, place_of, schema_of
from analytics.lake.views import literals, pane_sums

__all__ = ["HOURS", "HOURS_TABLE", "Week", "covers", "hours_table", "roll_up", "weeks_of"]

HOURS_TABLE: Final = "hours"
SUMS: Final = ("success", "failure", "timeout", "error", "latency_n", "latency_us")
"""What a history shows; the other statistics stay in ``panes``."""
HOURS: Final = {
    "date": "date",  # Monday of the week; partition column
    "covers": "string",  # the days and what each was made from; partition column
    "provider_id": "string",
    "task_type": "string",
    "region": "string",
    "hour": "timestamp",
    **dict.fromkeys(SUMS, "int64"),
    "latency_buckets": "list<int32>",
    "latency_counts": "list<int64>",
}
_KEYS: Final = "provider_id, task_type, region, hour"
ROW_GROUP: Final = 2_048
"""Rows that are read at least: a week of 6 providers, at two a provider and hour; fewer make the footers large."""
_COMPRESSION: Final = "snappy"
"""Of row groups so small zstd takes twice the time, most of it for setting up; it saves a fifth of the bytes."""
_PARTITIONS: Final = ["date", "covers"]


@dataclass(frozen=True, slots=True)
class Week:
    """A week that was rolled up."""

    monday: date
    days: int
    rows: int
    seconds: float


def covers(days: Mapping[date, Iterable[DataFile]]) -> str:
    """What a roll-up of these files says it was made from: each day with a fingerprint of the names of its files.

    >>> covers({date(2026, 11, 16): [DataFile("date=2026-11-16/a.parquet", 1, 1)]})
    '2026-11-16=362db519cf10'
    """
    return ";".join(f"{day.isoformat()}={_fingerprint(files)}" for day, files in sorted(days.items()))


def _fingerprint(files: Iterable[DataFile]) -> str:
    names = "\n".join(sorted(file.path for file in files))
    return hashlib.sha256(names.encode()).hexdigest()[:12]


def weeks_of(days: Mapping[date, Sequence[DataFile]]) -> dict[date, dict[date, Sequence[DataFile]]]:
    """The days by the Monday of their week."""
    weeks: dict[date, dict[date, Sequence[DataFile]]] = {}
    for day, files in sorted(days.items()):
        weeks.setdefault(day - timedelta(days=day.weekday()), {})[day] = files
    return weeks


def hours_table(path: str) -> DeltaTable | None:
    """The roll-ups of a lake; None while there are none."""
    try:
        return DeltaTable(table_address(path, HOURS_TABLE), storage_options=storage_options(path))
    except TableNotFoundError:
        return None


def roll_up(path: str, today: date, threads: int | None = 1) -> list[Week]:
    """Roll up every week whose closed days are not what its file was made from; the weeks that were.

    Whoever dies in between has left a file that no version names. Two at once: the later one's commit fails.

    Parameters
    ----------
    path
        Directory of the lake. Lakes in object stores are not rolled up; their histories are read from the panes.
    today
        UTC day that is still being written; the days before it are rolled up.
    threads
        DuckDB may use.

    Raises
    ------
    CommitFailedError
        When another roll-up came first.
    duckdb.Error
        When a file of the panes is missing or damaged.
    """
    panes = None if is_remote(path) else open_table(path, "panes")
    if panes is None:
        return []
    table = hours_table(path) or DeltaTable.create(
        table_address(path, HOURS_TABLE), schema_of(HOURS), mode="ignore", partition_by=_PARTITIONS
    )
    closed = {day: files for day, files in files_by_day(panes).items() if day < today}
    held = _held(table)
    weeks = weeks_of(closed)
    done = []
    for monday, days in weeks.items():
        if [says for says, _ in held.get(monday, [])] != [covers(days)]:
            done.append(_week(table, panes, monday, days, held.get(monday, []), threads))
            table.update_incremental()
    gone = [entry for monday, entries in held.items() if monday not in weeks for entry in entries]
    if gone:  # retention took all its days
        table.create_write_transaction(
            _removals(gone, time.time_ns() // 1_000_000), "append", table.schema(), _PARTITIONS
        )
    return done


_Held = tuple[str, dict[str, Any]]


def _held(table: DeltaTable) -> dict[date, list[_Held]]:
    """What the files of each week say they cover, and their log entries."""
    found: dict[date, list[_Held]] = {}
    for action in pa.table(table.get_add_actions(flatten=True)).to_pylist():
        found.setdefault(action["partition.date"], []).append((action["partition.covers"], action))
    return found


def _week(
    table: DeltaTable,
    panes: DeltaTable,
    monday: date,
    days: Mapping[date, Sequence[DataFile]],
    old: Sequence[_Held],
    threads: int | None,
) -> Week:
    started_s = time.monotonic()
    wanted = {place_of(file.path) for files in days.values() for file in files}
    paths = [path for path in data_files(panes) if place_of(path) in wanted]
    storage, target = storage_of(table), f"date={monday.isoformat()}/{uuid.uuid4()}.parquet"
    rows = _write(storage, target, paths, threads)
    now_ms = time.time_ns() // 1_000_000
    where: dict[str, str | None] = {"date": monday.isoformat(), "covers": covers(days)}
    size_bytes, stats = storage.get_file_info(target).size, json.dumps({"numRecords": rows})
    actions: list[AddAction | RemoveAction] = [AddAction(target, size_bytes, where, now_ms, True, stats)]
    table.create_write_transaction([*actions, *_removals(old, now_ms)], "append", table.schema(), _PARTITIONS)
    return Week(monday, len(days), rows, time.monotonic() - started_s)


def _removals(held: Iterable[_Held], now_ms: int) -> list[AddAction | RemoveAction]:
    return [
        RemoveAction(
            entry["path"], True, now_ms, entry["size_bytes"],
            {"date": entry["partition.date"].isoformat(), "covers": entry["partition.covers"]},
        )
        for _, entry in held
    ]  # fmt: skip


def _write(storage: pa.fs.FileSystem, target: str, paths: Sequence[str], threads: int | None) -> int:
    increments = f"(select *, date_trunc('hour', pane_start) as hour from read_parquet({literals(paths)}))"
    schema = pa.schema([field for field in schema_of(HOURS) if field.name not in _PARTITIONS])
    rows = 0
    with duck(None, threads) as con:
        reader = con.sql(f"{pane_sums(increments, _KEYS, 'count(*) as n')} order by {_KEYS}").to_arrow_reader(ROW_GROUP)
        with (
            storage.open_output_stream(target) as out,
            pq.ParquetWriter(out, schema, compression=_COMPRESSION, write_statistics=["provider_id"]) as writer,
        ):
            for batch in reader:
                writer.write_table(pa.Table.from_batches([batch]).select(schema.names).cast(schema))
                rows += len(batch)
    return rows
