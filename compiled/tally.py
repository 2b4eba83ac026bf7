"""Counts by key in a hash table; only where the library was built."""

import ctypes
from typing import Final, Never

import numpy as np
from numpy.typing import NDArray

from compiled.arrays import Ints
from compiled.library import library, pointer

__all__ = ["Tally"]

LEAST_ROOM: Final = 64
GROWTH: Final = 2
NOTED_SHARE: Final = 16
"""Of the slots one in so many may change before a look through all of them is as good as a note of each."""


class _Table(ctypes.Structure):
    _fields_ = (
        ("slots", ctypes.c_void_p),
        ("room", ctypes.c_int64),
        ("held", ctypes.c_int64),
        ("changed", ctypes.c_int64),
        ("words", ctypes.c_int64),
        ("changes", ctypes.c_void_p),
        ("most", ctypes.c_int64),
    )


class Tally:
    """Counts by key, from 0 on, and which of them were added to; 12 to 25 bytes a key.

    Where a key is 2**34 - 1 or more, or a count 2**29 or more, a key takes twice as much. Counts are below 2**62.

    Raises
    ------
    RuntimeError
        Without the library.
    """

    __slots__ = ("_changes", "_slots", "_table")

    def __init__(self) -> None:
        self._make(LEAST_ROOM, 1)

    def _make(self, room: int, words: int) -> None:
        self._slots: NDArray[np.uint64] = np.zeros(room * words, np.uint64)
        self._changes = np.empty(room // NOTED_SHARE, np.uint32)
        self._table = _Table(pointer(self._slots), room, 0, 0, words, pointer(self._changes), len(self._changes))

    def __reduce_ex__(self, protocol: object) -> Never:
        raise TypeError("a Tally holds addresses of its own arrays and is not copied; put what it holds into a new one")

    def __len__(self) -> int:
        return int(self._table.held)

    @property
    def nbytes(self) -> int:
        """What the table takes."""
        return self._slots.nbytes + self._changes.nbytes

    def add(self, keys: Ints, amounts: Ints) -> None:
        """Add to counts, which are changed by it; a key may occur more than once."""
        keys, amounts = _given(keys), _given(amounts)
        is_first = not len(self) and len(keys) > LEAST_ROOM
        if is_first:
            self._make(_room_for(len(keys)), 1)  # most keys of one call differ: not grown step by step
        done = 0
        while done < len(keys):
            rest = keys[done:]
            done += _compiled().trustscore_tally_add(
                ctypes.byref(self._table), pointer(rest), pointer(amounts[done:]), ctypes.c_int64(len(rest))
            )
            if done < len(keys):
                self._make_way()
        if is_first and _room_for(len(self)) < self._table.room:  # they did not differ
            self._move(_room_for(len(self)), self._table.words)

    def put(self, keys: Ints, counts: Ints) -> Ints:
        """Set counts of keys (each once); the counts before, 0 where there was none."""
        keys, counts, before = _given(keys), _given(counts), np.empty(len(keys), np.int64)
        done = 0
        while done < len(keys):
            rest = keys[done:]
            done += _compiled().trustscore_tally_put(
                ctypes.byref(self._table), pointer(rest), pointer(counts[done:]), pointer(before[done:]),
                ctypes.c_int64(len(rest)),
            )  # fmt: skip
            if done < len(keys):
                self._make_way()
        return before

    def mark(self, keys: Ints) -> None:
        """Mark those of the keys that it holds as changed."""
        keys = _given(keys)
        _compiled().trustscore_tally_mark(ctypes.byref(self._table), pointer(keys), ctypes.c_int64(len(keys)))

    def all(self) -> tuple[Ints, Ints]:
        """All keys, in no order, and their counts."""
        keys, counts = (np.empty(self._table.held, np.int64) for _ in range(2))
        _compiled().trustscore_tally_read(ctypes.byref(self._table), pointer(keys), pointer(counts))
        return keys, counts

    def take_changed(self) -> tuple[Ints, Ints]:
        """Keys that were added to or marked since the last call, in no order, and their counts."""
        keys, counts = (np.empty(self._table.changed, np.int64) for _ in range(2))
        _compiled().trustscore_tally_take(ctypes.byref(self._table), pointer(keys), pointer(counts))
        return keys, counts

    def _make_way(self) -> None:
        """Make a larger table where this one is full, else one of wider slots: what came next did not fit in one."""
        table = self._table
        if _room_for(len(self) + 1) > table.room:
            self._move(GROWTH * table.room, table.words)
        else:
            self._move(table.room, 2)

    def _move(self, room: int, words: int) -> None:
        older, slots = self._table, self._slots  # of the older one's changes nothing is read
        self._make(room, words)
        _compiled().trustscore_tally_fill(ctypes.byref(self._table), ctypes.byref(older))
        del slots  # until here the older table points into them


def _room_for(keys: int) -> int:
    """The least room of which so many keys take at most two thirds."""
    return max(LEAST_ROOM, 1 << (-(-3 * keys // 2) - 1).bit_length())


def _given(values: Ints) -> Ints:
    return np.ascontiguousarray(values, np.int64)


def _compiled() -> ctypes.CDLL:
    compiled = library()
    if compiled is None:
        raise RuntimeError(
            "a Tally needs the compiled part, which was not built; run 'make venv-dev' with a C compiler"
        )
    return compiled
