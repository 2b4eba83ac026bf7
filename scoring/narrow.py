"""Statistics that are read often and written no more: each column as narrow as its largest value lets it be."""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring.panes import Ints
from scoring.stats import STATS

__all__ = ["Narrow"]

_KINDS: Final = (np.uint8, np.uint16, np.uint32, np.int64)


class Narrow:
    """Statistics of some rows; a row of few reports takes some 15 bytes, where int64 takes 248.

    Parameters
    ----------
    rows
        [n], ascending.
    stats
        [n, len(STATS)].

    Examples
    --------
    >>> stats = np.zeros((2, 31), np.int64)
    >>> stats[:, 0] = 3, 70_000
    >>> held = Narrow(np.array([4, 9]), stats)
    >>> held.of(np.array([9, 5, 4]))[:, 0].tolist(), held.nbytes
    ([70000, 0, 3], 16)
    """

    __slots__ = ("_groups", "_rows")

    def __init__(self, rows: Ints, stats: Ints) -> None:
        self._rows: NDArray[np.int32] = rows.astype(np.int32)
        kinds = [_kind(bits) for bits in np.bitwise_or.reduce(stats, axis=0, initial=0).tolist()]
        groups = {kind: [column for column, of in enumerate(kinds) if of == kind] for kind in set(kinds) if kind >= 0}
        self._groups: Sequence[tuple[list[int], NDArray[np.integer]]] = [
            (columns, stats[:, columns].astype(_KINDS[kind])) for kind, columns in groups.items()
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


def _kind(bits: int) -> int:
    """Place in ``_KINDS`` of the narrowest integers that hold all these bits; -1 where none is set."""
    if not bits:
        return -1
    return 3 if bits < 0 or bits >> 32 else 2 if bits >> 16 else 1 if bits >> 8 else 0
