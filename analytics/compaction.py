"""Fewer, larger files: what a worker commits every few seconds is merged per day, safe beside live writers.

Every step is one Delta transaction that replaces exactly the files it read. A writer's appends never conflict with it;
two compactions of the same files do, and the later one starts again from what the earlier one left.
"""

import json
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, Final, NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq
from deltalake import DeltaTable, WriterProperties
from deltalake.exceptions import CommitFailedError
from deltalake.fs import DeltaStorageHandler
from deltalake.transaction import AddAction, RemoveAction

from analytics.errors import InvalidRequest
from analytics.lake import TABLES, UnreadableTable, open_table, schema_of
from analytics.lake.tables import check_path, data_files
from analytics.lake.views import literals, pane_sums
from analytics.progress import Progress, silent

__all__ = ["TableCompaction", "compact"]

TARGET_BYTES: Final = 128 * 2**20
"""Files are merged up to about this size."""
ATTEMPTS: Final = 5
"""Tries when another compaction came first."""
_MERGED: Final = "merged-"
"""How the name of a file begins that holds one row per pane and source partition."""
_ROWS_A_BATCH: Final = 100_000
_SORTED_BY: Final = {"reports": ["provider_id", "timestamp"], "scores": ["provider_id", "as_of"]}
"""Order of the rows of a closed day: what is asked of one provider reads few row groups."""

_KEYS: Final = "provider_id, task_type, region, pane_start, partition"


@dataclass(frozen=True, slots=True)
class TableCompaction:
    """What became of one table."""

    table: str
    files_before: int
    files_after: int
    bytes_before: int
    bytes_after: int
    rows_before: int
    rows_after: int
    """Fewer only for ``panes``, whose increments add up to the same panes."""
    deleted_files: int
    """Files no version needs any more, removed from disk."""


class _File(NamedTuple):
    path: str
    """Relative, as Delta's log names it."""
    size_bytes: int
    rows: int


def compact(
    path: str,
    today: date,
    vacuum_hours: int | None = None,
    progress: Progress = silent,
) -> list[TableCompaction]:
    """Merge the small files of every table, and the pane increments of closed days; what became of each table.

    Parameters
    ----------
    path
        Directory of the lake.
    today
        UTC day that is still being written; the days before it are closed (late reports may add to them: merged by the
        next compaction).
    vacuum_hours
        Also delete files that no table version of the last so many hours needs; absent: delete none.
    progress
        Told the table, and how many of how many tables are done.

    Raises
    ------
    NoLake, UnreadableTable
        When there is nothing to compact.
    CommitFailedError
        When other compactions came first five times.
    """
    if vacuum_hours is not None and vacuum_hours < 0:
        raise InvalidRequest("vacuum-hours", "0 or more", str(vacuum_hours), "168 (a week) is what Delta suggests")
    check_path(path)
    done = []
    for number, name in enumerate(TABLES):
        progress(name, number, len(TABLES))
        table = open_table(path, name)
        if table is not None:
            done.append(_compact_table(path, name, table, today, vacuum_hours))
    progress("", len(TABLES), len(TABLES))
    return done


def _compact_table(path: str, name: str, table: DeltaTable, today: date, vacuum_hours: int | None) -> TableCompaction:
    before = [file for files in _files_by_day(table).values() for file in files]
    for day, files in sorted(_files_by_day(table).items()):
        if name == "panes" and day < today and not _is_merged(files):
            _again_on_conflict(path, name, partial(_merge_panes, day=day))
        elif sum(file.size_bytes < TARGET_BYTES // 2 for file in files) > 1:
            order = _SORTED_BY.get(name) if day < today else None
            _again_on_conflict(path, name, partial(_merge_files, day=day, order=order))
    table = _opened(path, name)
    table.create_checkpoint()
    deleted = 0 if vacuum_hours is None else _vacuum(table, vacuum_hours)
    after = [file for files in _files_by_day(table).values() for file in files]
    return TableCompaction(
        name,
        len(before),
        len(after),
        sum(file.size_bytes for file in before),
        sum(file.size_bytes for file in after),
        sum(file.rows for file in before),
        sum(file.rows for file in after),
        deleted,
    )


def _opened(path: str, name: str) -> DeltaTable:
    table = open_table(path, name)
    if table is None:
        raise UnreadableTable(name, path, "it went away during compaction", "look who else works on this directory")
    return table


def _again_on_conflict(path: str, name: str, step: Callable[[DeltaTable], None]) -> None:
    """Run a step on the table as it is now; when another compaction took its files first, on what that left."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            step(_opened(path, name))
        except CommitFailedError:
            if attempt == ATTEMPTS:
                raise
        else:
            return


def _files_by_day(table: DeltaTable) -> dict[date, list[_File]]:
    actions = pa.table(table.get_add_actions(flatten=True))
    columns = ("path", "size_bytes", "num_records", "partition.date")
    found: dict[date, list[_File]] = defaultdict(list)
    for path, size_bytes, rows, day in zip(*(actions[name].to_pylist() for name in columns), strict=True):
        found[day].append(_File(path, size_bytes, rows or 0))
    return found


def _is_merged(files: Sequence[_File]) -> bool:
    return not files or (len(files) == 1 and f"/{_MERGED}" in files[0].path)


def _merge_files(table: DeltaTable, day: date, order: Sequence[str] | None) -> None:
    """One file of a day's small ones, the rows as they are (sorted when the day is closed)."""
    chosen: Any = [("date", "=", day.isoformat())]
    compressed = WriterProperties(compression="ZSTD")
    if order is None:
        table.optimize.compact(chosen, target_size=TARGET_BYTES, writer_properties=compressed)
    else:
        table.optimize.z_order(order, chosen, target_size=TARGET_BYTES, writer_properties=compressed)


def _merge_panes(table: DeltaTable, day: date) -> None:
    """A closed day's increments as one row per pane and source partition, in place of the files they were read from."""
    files = _files_by_day(table).get(day, [])
    if _is_merged(files):
        return
    storage = pa.fs.PyFileSystem(DeltaStorageHandler(table.table_uri))
    merged = f"date={day.isoformat()}/{_MERGED}{uuid.uuid4()}.parquet"
    rows = _write_merged(storage, merged, data_files(table, day))
    now_ms = time.time_ns() // 1_000_000
    where: dict[str, str | None] = {"date": day.isoformat()}
    stats = json.dumps({"numRecords": rows})
    actions: list[AddAction | RemoveAction] = [
        AddAction(merged, storage.get_file_info(merged).size, where, now_ms, True, stats)
    ]
    actions += [RemoveAction(file.path, True, now_ms, file.size_bytes, where) for file in files]
    try:
        table.create_write_transaction(actions, "append", table.schema(), ["date"])
    except CommitFailedError:
        storage.delete_file(merged)
        raise


def _write_merged(storage: pa.fs.FileSystem, target: str, files: Sequence[str]) -> int:
    """Write the sums of all increments in ``files`` to ``target``; how many rows those are."""
    increments = f"read_parquet({literals(files)}, hive_partitioning = false)"
    sql = f"{pane_sums(increments, _KEYS, 'max(last_offset) as last_offset')} order by {_KEYS}"
    schema = schema_of({name: kind for name, kind in TABLES["panes"].items() if name != "date"})
    rows = 0
    with (
        duckdb.connect() as con,
        storage.open_output_stream(target) as out,
        pq.ParquetWriter(out, schema, compression="zstd") as writer,
    ):
        con.execute("set timezone = 'UTC'")
        for batch in con.sql(sql).to_arrow_reader(_ROWS_A_BATCH):
            writer.write_table(pa.Table.from_batches([batch]).select(schema.names).cast(schema))
            rows += len(batch)
    return rows


def _vacuum(table: DeltaTable, hours: int) -> int:
    """Delete files that no version of the last ``hours`` needs; how many there were."""
    # Delta names files again that an earlier vacuum deleted, as long as its log remembers them.
    named = table.vacuum(hours, dry_run=True, enforce_retention_duration=False)
    there = pa.fs.PyFileSystem(DeltaStorageHandler(table.table_uri)).get_file_info(named)
    table.vacuum(hours, dry_run=False, enforce_retention_duration=False)
    return sum(info.type == pa.fs.FileType.File for info in there)
