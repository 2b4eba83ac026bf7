"""Latency histograms of many rows: dense where a row has many buckets, sorted keys where it has few."""

from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from scoring.panes import Ints
from scoring.stats import BUCKETS

__all__ = ["DENSE_FROM", "Counts"]

_T = TypeVar("_T", bound=np.generic)
DENSE_FROM: Final = 96
"""Buckets in use from which on a row is held dense: 7 KB then, where its keys alone would take 1.6 KB."""
DENSE_SUM: Final = 32
"""Range of keys per key up to which sums are counted in a dense array."""


class Counts:
    """Counts by key, ``row * BUCKETS + bucket``.

    A row begins as sorted keys. With ``DENSE_FROM`` of them it becomes a line of a matrix, where adding is one indexed
    operation instead of a search: six times faster, and most of the traffic is in such rows.
    """

    __slots__ = ("_changed", "_counts", "_dense", "_dense_changed", "_dense_rows", "_keys", "_slot")

    def __init__(self) -> None:
        self._keys: Ints = np.empty(0, np.int64)
        self._counts: Ints = np.empty(0, np.int64)
        self._changed: NDArray[np.bool_] = np.empty(0, bool)
        """Which keys were added to or marked since the last ``take_changed``."""
        self._slot: Ints = np.empty(0, np.int64)
        """Line of a row in the matrix, -1 where it has none; rows beyond its end have none."""
        self._dense_rows: Ints = np.empty(0, np.int64)
        self._dense: Ints = np.zeros((0, BUCKETS), np.int64)
        self._dense_changed: NDArray[np.bool_] = np.zeros((0, BUCKETS), bool)

    def add(self, keys: Ints, counts: Ints) -> None:
        """Add ``counts`` to ``keys``; a key may occur more than once."""
        if not len(keys):
            return
        place, sparse = self._places(keys)
        if place is not None:
            np.add.at(self._dense.reshape(-1), place, counts if sparse is None else counts[~sparse])
            self._dense_changed.reshape(-1)[place] = True
            if sparse is None:
                return
            keys, counts = keys[sparse], counts[sparse]
        keys, total = _summed(keys, counts)
        at, known = self._find(keys)
        self._counts[at[known]] += total[known]
        self._changed[at[known]] = True
        self._insert(at[~known], keys[~known], total[~known], True)
        self._promote(keys[~known])

    def put(self, keys: Ints, counts: Ints) -> Ints:
        """Set ``counts`` of ``keys`` (each once); the counts before, 0 where there was none."""
        before = np.zeros(len(keys), np.int64)
        place, sparse = self._places(keys)
        if place is not None:
            flat, where = self._dense.reshape(-1), slice(None) if sparse is None else ~sparse
            before[where] = flat[place]
            flat[place] = counts[where]
            if sparse is None:
                return before
            rest = np.flatnonzero(sparse)
        else:
            rest = np.arange(len(keys))
        rest = rest[np.argsort(keys[rest])]
        some, new = keys[rest], counts[rest]
        at, known = self._find(some)
        before[rest[known]] = self._counts[at[known]]
        self._counts[at[known]] = new[known]
        self._insert(at[~known], some[~known], new[~known], False)
        self._promote(some[~known])
        return before

    def mark(self, rows: Ints) -> None:
        """Let the next ``take_changed`` give all keys of ``rows``."""
        self._changed |= np.isin(self._keys // BUCKETS, rows)
        lines = np.isin(self._dense_rows, rows)
        self._dense_changed[: len(lines)][lines] = self._dense[: len(lines)][lines] != 0

    def mark_all(self) -> None:
        """Let the next ``take_changed`` give everything."""
        self._changed[:] = True
        self._dense_changed[:] = self._dense != 0

    def take_changed(self) -> tuple[Ints, Ints]:
        """Keys and counts added to or marked since the last call; keys of a row stand together, ascending."""
        here = np.flatnonzero(self._changed)
        self._changed[here] = False
        place = np.flatnonzero(self._dense_changed)
        self._dense_changed.reshape(-1)[place] = False
        return self._joined(self._keys[here], self._counts[here], place)

    def all(self) -> tuple[Ints, Ints]:
        """All keys and counts; keys of a row stand together, ascending."""
        return self._joined(self._keys, self._counts, np.flatnonzero(self._dense))

    def of_rows(self, first: int, last: int) -> tuple[Ints, Ints]:
        """Keys and counts of the rows ``first`` up to, not including, ``last``, as ``all`` gives them."""
        here = slice(*np.searchsorted(self._keys, (first * BUCKETS, last * BUCKETS)))
        lines = np.flatnonzero((self._dense_rows >= first) & (self._dense_rows < last))
        line, bucket = np.nonzero(self._dense[lines])
        return self._joined(self._keys[here], self._counts[here], lines[line] * BUCKETS + bucket)

    def _joined(self, keys: Ints, counts: Ints, place: Ints) -> tuple[Ints, Ints]:
        if not len(place):
            return keys, counts
        line, bucket = np.divmod(place, BUCKETS)
        dense = self._dense_rows[line] * BUCKETS + bucket, self._dense.reshape(-1)[place]
        return np.concatenate([keys, dense[0]]), np.concatenate([counts, dense[1]])

    def _places(self, keys: Ints) -> tuple[Ints | None, NDArray[np.bool_] | None]:
        """Places in the matrix of the keys that are held there, and which are not; ``None`` for none of either."""
        if not len(self._dense_rows):
            return None, None
        row, bucket = np.divmod(keys, BUCKETS)
        known = row < len(self._slot)
        if known.all():
            slot = self._slot[row]
        else:
            slot = np.full(len(row), -1, np.int64)
            slot[known] = self._slot[row[known]]
        sparse = slot < 0
        if not sparse.any():
            return slot * BUCKETS + bucket, None
        dense = ~sparse
        return (slot[dense] * BUCKETS + bucket[dense], sparse) if dense.any() else (None, sparse)

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

    def _promote(self, keys: Ints) -> None:
        """Make dense those rows that have enough keys now; ``keys`` are the new ones, ascending."""
        if not len(keys):
            return
        row = keys // BUCKETS
        rows = row[np.concatenate([[True], row[1:] != row[:-1]])]
        first, last = np.searchsorted(self._keys, (rows * BUCKETS, (rows + 1) * BUCKETS))
        enough = last - first >= DENSE_FROM
        if not enough.any():
            return
        rows, first, last = rows[enough], first[enough], last[enough]
        have, need = len(self._dense_rows), len(self._dense_rows) + len(rows)
        if need > len(self._dense):
            more = max(need, 2 * have) - len(self._dense)
            self._dense = np.concatenate([self._dense, np.zeros((more, BUCKETS), np.int64)])
            self._dense_changed = np.concatenate([self._dense_changed, np.zeros((more, BUCKETS), bool)])
        if int(rows[-1]) >= len(self._slot):
            grown = np.full(2 * int(rows[-1]) + 1, -1, np.int64)
            grown[: len(self._slot)] = self._slot
            self._slot = grown
        self._slot[rows] = np.arange(have, need)
        self._dense_rows = np.concatenate([self._dense_rows, rows])
        moved = np.zeros(len(self._keys), bool)
        for begin, end in zip(first.tolist(), last.tolist(), strict=True):
            moved[begin:end] = True
        row, bucket = np.divmod(self._keys[moved], BUCKETS)
        self._dense[self._slot[row], bucket] = self._counts[moved]
        self._dense_changed[self._slot[row], bucket] = self._changed[moved]
        self._keys, self._counts, self._changed = self._keys[~moved], self._counts[~moved], self._changed[~moved]


def _spread(held: NDArray[_T], old: NDArray[np.bool_], new: Ints, values: NDArray[_T] | bool) -> NDArray[_T]:
    """What was held where ``old`` says, ``values`` at the places ``new``."""
    spread = np.empty(len(old), held.dtype)
    spread[old] = held
    spread[new] = values
    return spread


def _summed(keys: Ints, counts: Ints) -> tuple[Ints, Ints]:
    """Distinct keys, ascending, and the sum of the counts of each."""
    first = int(keys.min())
    if int(keys.max()) - first < DENSE_SUM * len(keys):  # counting beats sorting five to one where keys lie close
        dense = np.bincount(keys - first, weights=counts)
        used = np.flatnonzero(dense)
        return used + first, dense[used].astype(np.int64)
    order = np.argsort(keys)
    keys = keys[order]
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    return keys[starts], np.add.reduceat(counts[order], starts)
