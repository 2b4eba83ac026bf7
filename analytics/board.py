"""The live view: what is known of every provider now, in memory.

Pure: no IO and no clock. ``feed.py`` fills it from Kafka, ``views.py`` from the lake when Kafka is away.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring.records import ScoreRecord
from scoring.tables import DIMENSIONS

__all__ = ["Board", "Columns", "facet_of"]

_SUMMARY: Final = 4
"""Columns before the dimensions: lower, upper, n_effective, as_of_s."""
_N_EFFECTIVE: Final = 2


def facet_of(task_type: str | None = None, region: str | None = None) -> str:
    """Facet that holds the reports of a task type, else of a region, else of all.

    >>> facet_of("search"), facet_of(region="eu"), facet_of()
    ('task=search', 'region=eu', '')
    """
    if task_type is not None:
        return f"task={task_type}"
    return "" if region is None else f"region={region}"


@dataclass(frozen=True, slots=True)
class Columns:
    """One facet of all providers that have it, as arrays over N providers; nan is absent. Valid until the next put."""

    provider_ids: list[str]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    n_effective: NDArray[np.float64]
    as_of_s: NDArray[np.float64]
    values: NDArray[np.float64]
    """Dimensions in the order of ``scoring.tables.DIMENSIONS``, [N, D]."""

    @property
    def span_s(self) -> tuple[float | None, float | None]:
        """Moments of the oldest and the newest record; None without any."""
        known = self.as_of_s[~np.isnan(self.as_of_s)]
        return (float(known.min()), float(known.max())) if len(known) else (None, None)


class _Facet:
    """Rows of one facet, dense: a removed row takes the last one's place."""

    def __init__(self) -> None:
        self.provider_ids: list[str] = []
        self.row_of: dict[str, int] = {}
        self.cells = np.empty((16, _SUMMARY + len(DIMENSIONS)))

    def put(self, record: ScoreRecord) -> None:
        row = self.row_of.setdefault(record.provider_id, len(self.provider_ids))
        if row == len(self.provider_ids):
            self.provider_ids.append(record.provider_id)
            if row == len(self.cells):
                self.cells = np.concatenate([self.cells, np.empty_like(self.cells)])
        found = (record.dimensions.get(name) for name in DIMENSIONS)
        numbers = (
            record.lower,
            record.upper,
            record.n_effective,
            record.as_of_s,
            *(None if d is None else d.value for d in found),
        )
        self.cells[row] = [np.nan if number is None else number for number in numbers]

    def remove(self, provider_id: str) -> None:
        row = self.row_of.pop(provider_id)
        last = self.provider_ids.pop()
        if last != provider_id:
            self.provider_ids[row], self.row_of[last] = last, row
            self.cells[row] = self.cells[len(self.provider_ids)]


class Board:
    """Latest score record of every provider and facet. Used from one thread."""

    def __init__(self, records: Iterable[ScoreRecord] = ()) -> None:
        self._records: dict[str, dict[str, ScoreRecord]] = {}
        self._facets: dict[str, _Facet] = {}
        self._main_tasks: dict[str, str | None] = {}
        """Of providers asked about, until a score of theirs comes."""
        self._count = 0
        self.version = 0
        """Grows with every change."""
        self.newest_s: float | None = None
        """Latest ``as_of_s`` put so far, epoch seconds."""
        self.through: dict[int, int] = {}
        """Newest offset of each partition of ``trust.reports`` that any record holds."""
        for record in records:
            self.put(record)

    def __len__(self) -> int:
        """Records, all facets counted."""
        return self._count

    @property
    def provider_count(self) -> int:
        """Providers with at least one record."""
        return len(self._records)

    def put(self, record: ScoreRecord) -> None:
        """Take a record in; it replaces what was known of its provider and facet."""
        facets = self._records.setdefault(record.provider_id, {})
        self._count += record.facet not in facets
        facets[record.facet] = record
        self._main_tasks.pop(record.provider_id, None)
        self._facets.setdefault(record.facet, _Facet()).put(record)
        self.newest_s = record.as_of_s if self.newest_s is None else max(self.newest_s, record.as_of_s)
        self.version += 1
        for partition, offset in record.through.items():
            if offset > self.through.get(partition, -1):
                self.through[partition] = offset

    def remove(self, provider_id: str, facet: str) -> None:
        """Forget a record (a tombstone came); harmless when there is none."""
        facets = self._records.get(provider_id, {})
        if facets.pop(facet, None) is None:
            return
        if not facets:
            del self._records[provider_id]
        self._main_tasks.pop(provider_id, None)
        self._facets[facet].remove(provider_id)
        self._count -= 1
        self.version += 1

    def adopt(self, other: "Board") -> None:
        """Become what ``other`` holds; ``other`` must not be used afterwards."""
        self._records, self._facets, self._count = other._records, other._facets, other._count
        self._main_tasks = other._main_tasks
        self.newest_s, self.through = other.newest_s, other.through
        self.version += 1

    def get(self, provider_id: str, facet: str = "") -> ScoreRecord | None:
        """The record of a provider and facet; None when there is none."""
        return self._records.get(provider_id, {}).get(facet)

    def best_fit(self, provider_id: str, task_type: str | None, region: str | None) -> ScoreRecord | None:
        """The record for the task type, else for the region, else for all reports; None when there is none."""
        facets = self._records.get(provider_id, {})
        for facet in (facet_of(task_type), facet_of(None, region)):
            if facet in facets and facet:
                return facets[facet]
        return facets.get("")

    def providers(self) -> Iterator[str]:
        """Ids of all providers that have a record."""
        return iter(self._records)

    def main_task(self, provider_id: str) -> str | None:
        """Facet of the task type with the most reports, the first by name among equals; None without one."""
        if provider_id not in self._main_tasks:
            facets = self._records.get(provider_id, {})
            tasks = [record for facet, record in facets.items() if facet.startswith("task=")]
            most = min(tasks, key=lambda record: (-record.n, record.facet)).facet if tasks else None
            self._main_tasks[provider_id] = most
        return self._main_tasks[provider_id]

    def columns(self, facet: str = "") -> Columns:
        """All providers that have the facet, as arrays."""
        rows = self._facets.get(facet) or _Facet()
        return _columns(list(rows.provider_ids), rows.cells[: len(rows.provider_ids)])

    def rows(self, provider_ids: Sequence[str], task_type: str | None = None) -> Columns:
        """What ``best_fit`` finds for each of these, as arrays; without a record: nan, and 0 effective reports."""
        cells = np.full((len(provider_ids), _SUMMARY + len(DIMENSIONS)), np.nan)
        cells[:, _N_EFFECTIVE] = 0.0
        for facet in dict.fromkeys(("", facet_of(task_type))):  # the task type's, where there is one, is written over
            if (found := self._facets.get(facet)) is not None:
                row = np.array([found.row_of.get(provider_id, -1) for provider_id in provider_ids], np.int64)
                cells[row >= 0] = found.cells[row[row >= 0]]
        return _columns(list(provider_ids), cells)


def _columns(provider_ids: list[str], cells: NDArray[np.float64]) -> Columns:
    return Columns(provider_ids, cells[:, 0], cells[:, 1], cells[:, _N_EFFECTIVE], cells[:, 3], cells[:, _SUMMARY:])
