"""Counts by key as sorted arrays, by numpy alone: for where the compiled part was not built."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from compiled.arrays import add_at, numbered
from scoring.panes import Ints
from scoring.stats import BUCKETS

__all__ = ["SortedCounts"]

_T = TypeVar("_T", bound=np.generic)


class SortedCounts:
    """As ``scoring.counts.Counts``; what is new is put between all that is there, which costs by all that is there."""

    __slots__ = ("_changed", "_counts", "_keys")

    def __init__(self) -> None:
        self._keys: Ints = np.empty(0, np.int64)
        self._counts: Ints = np.empty(0, np.int64)
        self._changed: NDArray[np.bool_] = np.empty(0, bool)

    def add(self, keys: Ints, counts: Ints) -> None:
        """Add ``counts`` to ``keys``; a key may occur more than once."""
        keys, total = _summed(keys, counts)
        at, known = self._find(keys)
        self._counts[at[known]] += total[known]
        self._changed[at[known]] = True
        self._insert(at[~known], keys[~known], total[~known], True)

    def put(self, keys: Ints, counts: Ints) -> Ints:
        """Set ``counts`` of ``keys`` (each once); the counts before, 0 where there was none."""
        before = np.zeros(len(keys), np.int64)
        order = np.argsort(keys)
        some, new = keys[order], counts[order]
        at, known = self._find(some)
        before[order[known]] = self._counts[at[known]]
        self._counts[at[known]] = new[known]
        self._insert(at[~known], some[~known], new[~known], False)
        return before

    def mark(self, rows: Ints) -> None:
        """Let the next ``take_changed`` give all keys of ``rows``."""
        self._changed |= np.isin(self._keys // BUCKETS, rows)

    def mark_all(self) -> None:
        """Let the next ``take_changed`` give everything."""
        self._changed[:] = True

    def take_changed(self) -> tuple[Ints, Ints]:
        """Keys, ascending, and counts added to or marked since the last call."""
        here = np.flatnonzero(self._changed)
        self._changed[here] = False
        return self._keys[here], self._counts[here]

    def all(self) -> tuple[Ints, Ints]:
        """All keys, ascending, and counts."""
        return self._keys, self._counts

    def of_rows(self, first: int, last: int) -> tuple[Ints, Ints]:
        """Keys, ascending, and counts of the rows ``first`` up to, not including, ``last``."""
        here = slice(*np.searchsorted(self._keys, (first * BUCKETS, last * BUCKETS)))
        return self._keys[here], self._counts[here]

    def all_read(self) -> None:
        """Nothing: they are in order as they are."""

    def _find(self, keys: Ints) -> tuple[Ints, NDArray[np.bool_]]:
        """Where each key is or belongs among the sorted ones, and whether it is there."""
        place = np.searchsorted(self._keys, keys)
        known = place < len(self._keys)
        known[known] = self._keys[place[known]] == keys[known]
        return place, known

    def _insert(self, place: Ints, keys: Ints, counts: Ints, changed: bool) -> None:
        """Put keys among the sorted ones; ``place`` is where each belongs, ascending."""
        if not len(keys):
            return
        new = place + np.arange(len(keys))  # numpy.insert finds them anew for each of the three, at twice the cost
        old = np.ones(len(self._keys) + len(keys), bool)
        old[new] = False
        self._keys = _spread(self._keys, old, new, keys)
        self._counts = _spread(self._counts, old, new, counts)
        self._changed = _spread(self._changed, old, new, changed)


def _spread(held: NDArray[_T], old: NDArray[np.bool_], new: Ints, values: NDArray[_T] | bool) -> NDArray[_T]:
    """What was held where ``old`` says, ``values`` at the places ``new``."""
    spread = np.empty(len(old), held.dtype)
    spread[old] = held
    spread[new] = values
    return spread


def _summed(keys: Ints, counts: Ints) -> tuple[Ints, Ints]:
    """Distinct keys, ascending, and the sum of the counts of each."""
    values, group = numbered(keys)
    total = np.zeros(len(values), np.int64)
    add_at(total, group, counts)
    return values, total
