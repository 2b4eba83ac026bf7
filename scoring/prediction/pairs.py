"""Rows of a state table for pairs of ids: an open-addressing hash table in arrays, all look-ups of a batch at once."""

import numpy as np

from scoring.arrays import Ints

__all__ = ["Pairs"]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_EMPTY = -1


class Pairs:
    """Numbers from 1, in no order a caller may rely on, for pairs of ids below 2³¹; 0 is nobody's.

    Linear probing at most half full (Knuth, The Art of Computer Programming 3, 6.4): 24 to 48 bytes a pair.
    """

    def __init__(self) -> None:
        self._bits = 10
        self._keys: Ints = np.full(1 << self._bits, _EMPTY, dtype=np.int64)
        self._rows: Ints = np.zeros(1 << self._bits, dtype=np.int64)
        self.count = 0

    def find(self, left: Ints, right: Ints) -> Ints:
        """Row of each pair, 0 for one that was never placed or that has an id below 0.

        >>> pairs = Pairs()
        >>> pairs.place(np.array([3, 3]), np.array([4, 4])).tolist(), pairs.find(np.array([4, 3]), np.array([3, 4])).tolist()
        ([1, 1], [0, 1])
        """  # noqa: E501
        keys = _joined(left, right)
        rows, waiting = np.zeros(len(keys), dtype=np.int64), np.flatnonzero(keys >= 0)
        slots = self._slot(keys)
        while len(waiting):
            held = self._keys.take(slots.take(waiting))
            found = held == keys.take(waiting)
            rows[waiting[found]] = self._rows.take(slots.take(waiting[found]))
            waiting = waiting[~found & (held != _EMPTY)]
            slots[waiting] = (slots.take(waiting) + 1) & (len(self._keys) - 1)
        return rows

    def place(self, left: Ints, right: Ints) -> Ints:
        """Row of each pair, a new one for each pair that has none; 0 where an id is below 0."""
        rows = self.find(left, right)
        missing = np.unique(_joined(left, right)[(rows == 0) & (left >= 0) & (right >= 0)])
        if not len(missing):
            return rows
        while 2 * (self.count + len(missing)) > len(self._keys):
            self._grow()
        self._insert(missing, self.count + 1 + np.arange(len(missing)))
        self.count += len(missing)
        return self.find(left, right)

    def _slot(self, keys: Ints) -> Ints:
        mixed = keys.astype(np.uint64) * _GOLDEN >> np.uint64(64 - self._bits)
        return mixed.astype(np.int64)

    def _insert(self, keys: Ints, rows: Ints) -> None:
        """Place distinct keys that are not in the table; of those that meet in an empty slot one stays."""
        slots = self._slot(keys)
        while len(keys):
            empty = self._keys.take(slots) == _EMPTY
            self._keys[slots[empty]] = keys[empty]
            placed = self._keys.take(slots) == keys
            self._rows[slots[placed]] = rows[placed]
            keys, rows, slots = keys[~placed], rows[~placed], (slots[~placed] + 1) & (len(self._keys) - 1)

    def _grow(self) -> None:
        held = self._keys != _EMPTY
        keys, rows = self._keys[held], self._rows[held]
        self._bits += 1
        self._keys = np.full(1 << self._bits, _EMPTY, dtype=np.int64)
        self._rows = np.zeros(1 << self._bits, dtype=np.int64)
        self._insert(keys, rows)


def _joined(left: Ints, right: Ints) -> Ints:
    joined: Ints = np.where((left < 0) | (right < 0), _EMPTY, (left << 31) | right)
    return joined
