"""Statistics as a matrix, and as the columns of it that hold anything."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["sums_of"]


def sums_of(stats: NDArray[np.int64]) -> dict[int, NDArray[np.int64]]:
    """``stats`` [n, len(STATS)] as ``scoring.sums.Sums``.

    >>> sums_of(np.array([[0, 5], [0, 7]]))
    {1: array([5, 7])}
    """
    return {column: stats[:, column] for column in range(stats.shape[1]) if stats[:, column].any()}
