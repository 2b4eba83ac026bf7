"""How long each table of the lake is kept: whole days that are too old leave it."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final, NamedTuple

from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError

from analytics.lake import TABLES, open_table
from analytics.lake.replacement import files_by_day, remove
from analytics.lake.tables import KEPT_SINCE, kept_since

__all__ = ["TableRetention", "retain"]

ATTEMPTS: Final = 5
"""Tries when a compaction came first."""
_EPOCH: Final = date(1970, 1, 1)


class TableRetention(NamedTuple):
    """What left a table."""

    table: str
    kept_since: date
    """First day that is kept."""
    files: int
    rows: int


def retain(path: str, keep_days: Mapping[str, int | None], today: date) -> list[TableRetention]:
    """Take days out of the tables that are older than what is to be kept; what left them.

    A late report for such a day comes back into the lake until the next time. The files stay on disk until a vacuum.
    The first day kept is remembered with the table, since nobody can tell a day without reports from one that was
    taken out.

    Parameters
    ----------
    path
        Directory of the lake, or its address in an object store.
    keep_days
        Whole days before today that stay, by table; absent or None: all.
    today
        UTC day.

    Raises
    ------
    UnreadableTable
        When a table's log cannot be read.
    CommitFailedError
        When compactions came first five times.
    """
    done = []
    for name in TABLES:
        days = keep_days.get(name)
        if days is None:
            continue
        since = today - timedelta(days=days)
        for attempt in range(1, ATTEMPTS + 1):
            table = open_table(path, name)
            if table is None:
                break
            try:
                done += _retain(table, name, since)
                break
            except CommitFailedError:
                if attempt == ATTEMPTS:
                    raise
    return done


def _retain(table: DeltaTable, name: str, since: date) -> list[TableRetention]:
    old = {day: files for day, files in files_by_day(table).items() if day < since}
    if not old:
        return []
    known = kept_since(table)
    mark = max(since, known) if known else since
    remove(table, old, (KEPT_SINCE, (mark - _EPOCH).days))
    gone = [file for files in old.values() for file in files]
    return [TableRetention(name, mark, len(gone), sum(file.rows for file in gone))]
