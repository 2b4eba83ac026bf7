"""Which files answer a question by the hour: rolled-up weeks where they are current, panes for the rest."""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final
from weakref import WeakKeyDictionary

import pyarrow as pa
from deltalake import DeltaTable

from analytics.hour_rows import HourGroups, groups_of
from analytics.lake import Lake
from analytics.lake.address import is_remote
from analytics.lake.replacement import files_by_day
from analytics.lake.tables import data_files, newest, place_of
from analytics.rollup import covers, hours_table

__all__ = ["HourFiles", "hours_of"]


@dataclass(frozen=True, slots=True)
class RolledUp:
    """A file of hours, and the days of it that are still what it was made from."""

    path: str
    days: frozenset[date]


class HourFiles:
    """Files of one lake, brought up to date when asked."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._panes: DeltaTable | None = None
        self._hours: DeltaTable | None = None
        self._seen: tuple[int | None, ...] = ()
        self._lock = threading.Lock()
        self._weeks: tuple[RolledUp, ...] = ()
        self._groups: dict[str, HourGroups] = {}
        self._panes_of: dict[date, list[str]] = {}

    def refresh(self) -> None:
        """See what was committed since."""
        with self._lock:
            self._panes = newest(self._path, "panes", self._panes)
            if self._hours is None:
                self._hours = hours_table(self._path)
            else:
                self._hours.update_incremental()
            versions = tuple(table.version() if table else None for table in (self._panes, self._hours))
            if versions != self._seen:
                self._read()
                self._seen = versions

    def between(self, first: date, last: date) -> tuple[list[RolledUp], list[str]]:
        """Rolled-up files with a current day in the span, and files of the panes of all other days of it."""
        weeks = [week for week in self._weeks if any(first <= day <= last for day in week.days)]
        covered = {day for week in weeks for day in week.days}
        return weeks, self.panes(day for day in self._panes_of if first <= day <= last and day not in covered)

    def panes(self, days: Iterable[date]) -> list[str]:
        """Files of the panes of some days."""
        return [path for day in sorted(days) for path in self._panes_of.get(day, [])]

    def groups(self, weeks: Iterable[RolledUp]) -> list[HourGroups]:
        """Where in these files each provider is; footers are read once."""
        paths = [week.path for week in weeks]
        for path in paths:
            if path not in self._groups:
                self._groups[path] = groups_of(path)
        return [self._groups[path] for path in paths]

    def _read(self) -> None:
        by_day = files_by_day(self._panes) if self._panes else {}
        self._panes_of = _paths(self._panes, {file.path: day for day, files in by_day.items() for file in files})
        current = {covers({day: files}) for day, files in by_day.items()}
        weeks = []
        for path, says in _covering(self._hours):
            days = frozenset(date.fromisoformat(one.partition("=")[0]) for one in says.split(";") if one in current)
            weeks.append(RolledUp(path, days))
        self._weeks = tuple(weeks)
        self._groups = {week.path: self._groups[week.path] for week in weeks if week.path in self._groups}


_known: Final["WeakKeyDictionary[Lake, HourFiles]"] = WeakKeyDictionary()


def hours_of(lake: Lake) -> HourFiles | None:
    """The hour files of a lake, up to date; None for a lake in an object store, which is not rolled up."""
    if is_remote(lake.path):
        return None
    files = _known.get(lake)
    if files is None:
        # Footers of files are kept by DuckDB: 13 to 90 of them are most of what a history costs.
        lake.connection.execute("set parquet_metadata_cache = true")
        files = _known.setdefault(lake, HourFiles(lake.path))
    files.refresh()
    return files


def _paths(table: DeltaTable | None, day_of: dict[str, date]) -> dict[date, list[str]]:
    """Paths as DuckDB opens them, by day."""
    by_place = {place_of(path): day for path, day in day_of.items()}
    found: dict[date, list[str]] = {}
    for path in data_files(table) if table else []:
        found.setdefault(by_place[place_of(path)], []).append(path)
    return found


def _covering(table: DeltaTable | None) -> Sequence[tuple[str, str]]:
    """Path of each rolled-up file, and what it says it was made from."""
    if table is None:
        return []
    actions = pa.table(table.get_add_actions(flatten=True))
    says = {
        place_of(path): covered
        for path, covered in zip(actions["path"].to_pylist(), actions["partition.covers"].to_pylist(), strict=True)
    }
    return [(path, says[place_of(path)]) for path in data_files(table)]
