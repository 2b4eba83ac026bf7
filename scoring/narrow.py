"""Statistics that are read often and written no more: each column as narrow as its largest value lets it be."""

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring.panes import Ints
from scoring.stats import STATS
from scoring.sums import Sums

__all__ = ["Narrow", "columns_by_width", "width_of"]

_KINDS: Final = (np.uint8, np.uint16, np.uint32, np.int64)
_MOST: Final = tuple((1 << bits) - 1 for bits in (8, 16, 32))
"""Largest values of all kinds but the widest, which takes negative ones too."""


def width_of(bits: int) -> int:
    """Which of 1, 2, 4 unsigned and 8 signed bytes hold all bits set in any of some values, from 0.

    >>> width_of(255), width_of(256), width_of(1 << 32), width_of(-1)
    (0, 1, 3, 3)
    """
    return bisect_left(_MOST, bits) if bits >= 0 else len(_MOST)


def columns_by_width(sums: Sums) -> dict[int, list[int]]:
    """Statistics that are anything but 0, ascending, by ``width_of`` all their values.

    >>> columns_by_width({3: np.array([4]), 2: np.array([70_000]), 1: np.array([3]), 0: np.array([0])})
    {0: [1, 3], 2: [2]}
    """
    groups: dict[int, list[int]] = {}
    for column in sorted(sums):
        bits = int(np.bitwise_or.reduce(sums[column], initial=0))
        if bits:
            groups.setdefault(width_of(bits), []).append(column)
    return groups


class Narrow:
    """Statistics of some rows; a row of few reports takes some 15 bytes, where int64 takes 248.

    Parameters
    ----------
    rows
        [n], ascending.
    sums
        Of these rows.

    Examples
    --------
    >>> held = Narrow(np.array([4, 9]), {0: np.array([3, 70_000])})
    >>> held.of(np.array([9, 5, 4]))[:, 0].tolist(), held.nbytes
    ([70000, 0, 3], 16)
    """

    __slots__ = ("_groups", "_rows")

    def __init__(self, rows: Ints, sums: Sums) -> None:
        self._rows: NDArray[np.int32] = rows.astype(np.int32)
        groups = columns_by_width(sums)
        self._groups: Sequence[tuple[list[int], NDArray[np.integer]]] = [
            (columns, np.stack([sums[column] for column in columns], axis=1).astype(_KINDS[width]))
            for width, columns in groups.items()
        ]

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays."""
        return self._rows.nbytes + sum(values.nbytes for _, values in self._groups)

    def of(self, rows: Ints) -> Ints:
        """Statistics of ``rows``, [len(rows), len(STATS)]; zeros for those that are not held."""
        out = np.zeros((len(rows), len(STATS)), np.int64)
        place = np.searchsorted(self._rows, rows)
        place[place == len(self._rows)] = 0
        held = np.flatnonzero(self._rows[place] == rows) if len(self._rows) else place[:0]
        for columns, values in self._groups:
            out[held[:, None], columns] = values[place[held]]
        return out
