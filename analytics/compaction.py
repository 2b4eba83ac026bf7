"""Fewer, larger files: what a worker commits every few seconds is merged per day, safe beside live writers.

Every step is one Delta transaction that replaces exactly the files it read. A writer's appends never conflict with it;
two compactions of the same files do, and the later one starts again from what the earlier one left.
"""

import json
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final, NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError
from deltalake.fs import DeltaStorageHandler
from deltalake.transaction import AddAction, RemoveAction

from analytics.errors import InvalidRequest
from analytics.lake import TABLES, UnreadableTable, open_table, schema_of
from analytics.lake.tables import check_path, data_files
from analytics.lake.views import literals, pane_sums
from analytics.progress import Progress, silent

__all__ = ["CommitFailedError", "TableCompaction", "compact", "merge_panes"]

TARGET_BYTES: Final = 64 * 2**20
"""Files are merged up to about this size."""
ATTEMPTS: Final = 5
"""Tries when another compaction came first."""
_MERGED: Final = "merged-"
"""How the name of a file begins that holds one row per pane and source partition."""
_ROWS_A_BATCH: Final = 100_000
_SORTED_BY: Final = {
    "reports": "provider_id, timestamp",
    "panes": "provider_id, pane_start",
    "scores": "provider_id, facet, as_of",
    "rejects": "received_at",
}
"""Order of the rows of a merged file: what is asked of one provider reads few row groups."""

_PANE_KEYS: Final = "provider_id, task_type, region, pane_start, partition"


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
    by_day = _files_by_day(table)
    before = [file for files in by_day.values() for file in files]
    for day, files in sorted(by_day.items()):
        if name == "panes" and day < today:
            _again_on_conflict(path, name, partial(merge_panes, day=day))
            continue
        for group in _groups(files):
            _again_on_conflict(path, name, partial(_merge_files, name=name, day=day, chosen=group))
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


def _groups(files: Sequence[_File]) -> list[set[str]]:
    """Small files, by path, that are to become one file each group."""
    groups: list[set[str]] = []
    room = 0
    for file in sorted(files, key=lambda file: file.size_bytes):
        if file.size_bytes >= TARGET_BYTES // 2:
            break
        if file.size_bytes > room:
            groups.append(set())
            room = TARGET_BYTES
        groups[-1].add(file.path)
        room -= file.size_bytes
    return [group for group in groups if len(group) > 1]


def _merge_files(table: DeltaTable, name: str, day: date, chosen: Collection[str]) -> None:
    """The chosen files of a day as one, sorted; those that another compaction took are left to it."""
    files = [file for file in _files_by_day(table).get(day, []) if file.path in chosen]
    if len(files) > 1:
        rows = f"select * from {_parquet(table, files)} order by {_SORTED_BY[name]}"
        _replace(table, name, day, files, rows, "part-")


def merge_panes(table: DeltaTable, day: date) -> None:
    """A closed day's increments as one row per pane and source partition.

    Raises
    ------
    CommitFailedError
        When files of ``table``, at the version it is open at, were replaced by others since.
    """
    files = _files_by_day(table).get(day, [])
    if not files or (len(files) == 1 and f"/{_MERGED}" in files[0].path):
        return
    sums = pane_sums(_parquet(table, files), _PANE_KEYS, "max(last_offset) as last_offset")
    _replace(table, "panes", day, files, f"{sums} order by {_PANE_KEYS}", _MERGED)


def _replace(table: DeltaTable, name: str, day: date, files: Sequence[_File], rows: str, prefix: str) -> None:
    """Write the rows of a query to one file and put it in the place of ``files``, all or nothing.

    The commit says that data changed even where only files did. deltalake 1.6.6 looks for files that another commit
    removed only then: two of its own ``optimize`` calls that started from one version both commit, and every row is
    there twice.
    """
    storage = pa.fs.PyFileSystem(DeltaStorageHandler(table.table_uri))
    target = f"date={day.isoformat()}/{prefix}{uuid.uuid4()}.parquet"
    count = _write(storage, target, rows, TABLES[name])
    now_ms = time.time_ns() // 1_000_000
    where: dict[str, str | None] = {"date": day.isoformat()}
    size_bytes = storage.get_file_info(target).size
    actions: list[AddAction | RemoveAction] = [
        AddAction(target, size_bytes, where, now_ms, True, json.dumps({"numRecords": count}))
    ]
    actions += [RemoveAction(file.path, True, now_ms, file.size_bytes, where) for file in files]
    try:
        table.create_write_transaction(actions, "append", table.schema(), ["date"])
    except CommitFailedError:
        storage.delete_file(target)
        raise


def _parquet(table: DeltaTable, files: Sequence[_File]) -> str:
    wanted = {file.path.rsplit("/", 1)[-1] for file in files}
    paths = [path for path in data_files(table) if path.rsplit("/", 1)[-1] in wanted]
    return f"read_parquet({literals(paths)}, hive_partitioning = false, union_by_name = true)"


def _write(storage: pa.fs.FileSystem, target: str, rows: str, columns: Mapping[str, str]) -> int:
    """Write what a query gives to one Parquet file; how many rows that were."""
    types = schema_of(columns)
    count = 0
    with duckdb.connect() as con, storage.open_output_stream(target) as out:
        con.execute("set timezone = 'UTC'")
        reader = con.sql(rows).to_arrow_reader(_ROWS_A_BATCH)
        # A column this version does not know was written by a newer one: it stays as it is.
        schema = pa.schema(
            [types.field(field.name) if field.name in types.names else field for field in pa.schema(reader.schema)]
        )
        with pq.ParquetWriter(out, schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_table(pa.Table.from_batches([batch]).cast(schema))
                count += len(batch)
    return count


def _vacuum(table: DeltaTable, hours: int) -> int:
    """Delete files that no version of the last ``hours`` needs; how many there were."""
    # Delta names files again that an earlier vacuum deleted, as long as its log remembers them.
    named = table.vacuum(hours, dry_run=True, enforce_retention_duration=False)
    there = pa.fs.PyFileSystem(DeltaStorageHandler(table.table_uri)).get_file_info(named)
    table.vacuum(hours, dry_run=False, enforce_retention_duration=False)
    return sum(info.type == pa.fs.FileType.File for info in there)
