"""Texts where they stand in memory, put together by nobody."""

import ctypes
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from compiled.library import address_of
from scoring.arrays import Ints

__all__ = ["Places", "places_of"]

Lengths = NDArray[np.int32]


class Places(NamedTuple):
    """Texts by their addresses."""

    held: tuple[bytes, ...]
    """What they stand in: kept as long as the addresses are."""
    start: Ints
    """[N] address of each."""
    length: Lengths
    """[N] bytes; -1: there is none."""

    def at(self, places: Ints | slice) -> "Places":
        """Some of the texts."""
        return Places(self.held, self.start[places], self.length[places])

    def text(self, at: int) -> bytes | None:
        """The text at a place."""
        length = int(self.length[at])
        return None if length < 0 else ctypes.string_at(int(self.start[at]), length)


def places_of(values: Sequence[bytes | None]) -> Places:
    """Texts that are put behind one another once.

    >>> places = places_of([b"ab", None, b"c"])
    >>> [places.text(at) for at in range(3)]
    [b'ab', None, b'c']
    """
    length = np.fromiter((-1 if value is None else len(value) for value in values), np.int32, len(values))
    whole = b"".join(value for value in values if value)
    size = np.maximum(length, 0).astype(np.int64)
    return Places((whole,), address_of(whole) + np.cumsum(size) - size, length)
