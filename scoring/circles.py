"""Who moves together: reporters whose peculiarities are largely the same ones."""

from typing import Final

import numpy as np

from scoring.arrays import Floats, Ints

__all__ = ["SHARED", "SHARED_PART", "circles"]

SHARED: Final = 3
"""Peculiarities two reporters must share to count as moving together."""
SHARED_PART: Final = 0.5
"""Part of all their peculiarities that the shared ones must be (Jaccard)."""


def circles(reporter: Ints, peculiarity: Ints, reporters: int, peculiarities: int) -> Ints:
    """Number of each reporter's circle, [reporters]; one that moves with nobody is alone in its circle.

    Parameters
    ----------
    reporter, peculiarity
        Who has which, one row each, [N]; the same twice is one.
    reporters, peculiarities
        How many there are of each.

    Notes
    -----
    Two reporters move together when they share 3 peculiarities and these are half of all that either has. Circles are
    the connected components. Time and memory grow with the square of the reporters that share a peculiarity.

    Examples
    --------
    >>> circles(np.repeat([0, 2], 3), np.tile(np.arange(3), 2), 3, 3).tolist()
    [0, 1, 0]
    """
    from scipy.sparse import coo_array  # 28 MiB, which a worker loads that only reads what was found
    from scipy.sparse.csgraph import connected_components

    shape = (reporters, peculiarities)
    made = coo_array((np.ones(len(reporter)), (reporter, peculiarity)), shape=shape).tocsr()
    made.data[:] = 1.0
    shared = (made @ made.T).tocoo()
    each: Floats = np.asarray(made.sum(axis=1), dtype=np.float64).reshape(-1)
    row, other = shared.coords
    either = each[row] + each[other] - shared.data
    together = (shared.data >= SHARED) & (shared.data >= SHARED_PART * either)
    links = coo_array((np.ones(int(together.sum())), (row[together], other[together])), shape=shared.shape)
    _, component = connected_components(links, directed=False)
    number: Ints = component.astype(np.int64)
    return number
