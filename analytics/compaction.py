"""Fewer, larger files: what a worker commits every few seconds is merged per day, safe beside live writers.

Every step is one Delta transaction that replaces exactly the files it read. A writer's appends never conflict with it;
two compactions of the same files do, and the later one starts again from what the earlier one left.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Final

import pyarrow.fs
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError

from analytics.errors import InvalidRequest
from analytics.lake import TABLES, UnreadableTable, open_table
from analytics.lake.address import check_path
from analytics.lake.replacement import SOURCE, DataFile, files_by_day, replace, storage_of
from analytics.lake.views import pane_sums
from analytics.progress import Progress, silent

__all__ = ["GENTLY", "THOROUGHLY", "CommitFailedError", "Effort", "TableCompaction", "compact", "merge_panes"]

TARGET_BYTES: Final = 64 * 2**20
"""Files are merged up to about this size."""
ATTEMPTS: Final = 5
"""Tries when another compaction came first."""
_MERGED: Final = "merged-"
"""How the name of a file begins that holds one row per pane and source partition."""
_SORTED_BY: Final = {
    "reports": "provider_id, timestamp",
    "panes": "provider_id, pane_start",
    "scores": "provider_id, facet, as_of",
    "rejects": "received_at",
}
"""Order of the rows of a merged file: what is asked of one provider reads few row groups."""

_PANE_KEYS: Final = "provider_id, task_type, region, pane_start, partition"


@dataclass(frozen=True, slots=True)
class Effort:
    """What a compaction is ready to do."""

    at_least: int
    """Files of a day that are worth merging."""
    doubling: bool
    """Leave out a file that is larger than all smaller ones together. A row is then written again each time what lies
    beside it doubles: about ten times on its way into 64 MB, however often compaction runs."""
    threads: int | None
    """DuckDB may use; None: one a core."""
    full_vacuum: bool
    """Delete also what no version ever named: what killed writers and full disks leave behind."""


THOROUGHLY: Final = Effort(at_least=2, doubling=False, threads=None, full_vacuum=False)
"""By hand, now and then."""
GENTLY: Final = Effort(at_least=8, doubling=True, threads=1, full_vacuum=True)
"""Beside ingest, every few minutes."""


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
    problems: list[str]
    """Days that stayed as they are, and why."""


def compact(
    path: str,
    today: date,
    vacuum_hours: int | None = None,
    progress: Progress = silent,
    effort: Effort = THOROUGHLY,
    tables: Collection[str] = tuple(TABLES),
) -> list[TableCompaction]:
    """Merge the small files of every table, and the pane increments of closed days; what became of each table.

    Parameters
    ----------
    path
        Directory of the lake, or its address in an object store.
    today
        UTC day that is still being written; the days before it are closed (late reports may add to them: merged by the
        next compaction).
    vacuum_hours
        Also delete files that no table version of the last so many hours needs; absent: delete none.
    progress
        Told the table, and how many of how many tables are done.
    effort
        What is worth merging, and at what cost.
    tables
        Only these.

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
    for number, name in enumerate(tables):
        progress(name, number, len(tables))
        table = open_table(path, name)
        if table is not None:
            done.append(_compact_table(path, name, table, today, vacuum_hours, effort))
    progress("", len(tables), len(tables))
    return done


def _compact_table(
    path: str, name: str, table: DeltaTable, today: date, vacuum_hours: int | None, effort: Effort
) -> TableCompaction:
    by_day = files_by_day(table)
    before = [file for files in by_day.values() for file in files]
    problems = []
    for day, files in sorted(by_day.items()):
        try:
            _compact_day(path, name, day, files, day < today, effort)
        except UnreadableTable as damaged:  # one file must not keep the other days from it
            problems.append(str(damaged))
    table = _opened(path, name)
    table.create_checkpoint()
    deleted = 0 if vacuum_hours is None else _vacuum(table, vacuum_hours, effort.full_vacuum)
    after = [file for files in files_by_day(table).values() for file in files]
    return TableCompaction(
        name,
        len(before),
        len(after),
        sum(file.size_bytes for file in before),
        sum(file.size_bytes for file in after),
        sum(file.rows for file in before),
        sum(file.rows for file in after),
        deleted,
        problems,
    )


def _compact_day(path: str, name: str, day: date, files: Sequence[DataFile], closed: bool, effort: Effort) -> None:
    if name == "panes" and closed:
        if len(files) >= effort.at_least or (effort == THOROUGHLY and files):
            _again_on_conflict(path, name, partial(merge_panes, day=day, threads=effort.threads))
        return
    for group in _groups(files, effort):
        step = partial(_merge_files, name=name, day=day, chosen=group, threads=effort.threads)
        _again_on_conflict(path, name, step)


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


def _groups(files: Sequence[DataFile], effort: Effort) -> list[set[str]]:
    """Small files, by path, that are to become one file each group."""
    groups: list[list[DataFile]] = []
    room = 0
    for file in sorted(files, key=lambda file: file.size_bytes):
        if file.size_bytes >= TARGET_BYTES // 2:
            break
        if file.size_bytes > room:
            groups.append([])
            room = TARGET_BYTES
        groups[-1].append(file)
        room -= file.size_bytes
    if effort.doubling:
        groups = [_without_giants(group) for group in groups]
    return [{file.path for file in group} for group in groups if len(group) >= effort.at_least]


def _without_giants(group: Sequence[DataFile]) -> list[DataFile]:
    """The files up to the last that is no larger than all smaller ones together; smallest first, as they come."""
    sums = [0]
    for file in group:
        sums.append(sums[-1] + file.size_bytes)
    fitting = [number for number, file in enumerate(group) if file.size_bytes <= sums[number]]
    return list(group[: fitting[-1] + 1]) if fitting else []


def _merge_files(table: DeltaTable, name: str, day: date, chosen: Collection[str], threads: int | None) -> None:
    """The chosen files of a day as one, sorted; those that another compaction took are left to it."""
    files = [file for file in files_by_day(table).get(day, []) if file.path in chosen]
    if len(files) > 1:
        rows = f"select * from {SOURCE} order by {_SORTED_BY[name]}"
        replace(table, name, day, files, rows, threads=threads)


def merge_panes(table: DeltaTable, day: date, threads: int | None = None) -> None:
    """A closed day's increments as one row per pane and source partition.

    Raises
    ------
    CommitFailedError
        When files of ``table``, at the version it is open at, were replaced by others since.
    UnreadableTable
        When one of its files is missing or damaged.
    """
    files = files_by_day(table).get(day, [])
    if not files or (len(files) == 1 and f"/{_MERGED}" in files[0].path):
        return
    sums = pane_sums(SOURCE, _PANE_KEYS, "max(last_offset) as last_offset")
    replace(table, "panes", day, files, f"{sums} order by {_PANE_KEYS}", _MERGED, threads)


def _vacuum(table: DeltaTable, hours: int, full: bool) -> int:
    """Delete files that no version of the last ``hours`` needs; how many there were."""
    # Delta names files again that an earlier vacuum deleted, as long as its log remembers them.
    named = table.vacuum(hours, dry_run=True, enforce_retention_duration=False, full=full)
    there = storage_of(table).get_file_info(named)
    table.vacuum(hours, dry_run=False, enforce_retention_duration=False, full=full)
    return sum(info.type == pyarrow.fs.FileType.File for info in there)
