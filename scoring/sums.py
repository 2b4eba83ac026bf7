"""Statistics of some rows, column by column: of 31 most traffic states eight, and nobody has to touch the others."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np

from scoring.arrays import Ints
from scoring.stats import STATS

__all__ = ["Sums", "dense", "joined", "taken"]

Sums: TypeAlias = Mapping[int, Ints]
"""By statistic (a number in ``STATS``) the values of the rows, [n] each; one that is not there is 0 in all of them."""


def dense(sums: Sums, rows: int) -> Ints:
    """All statistics of so many rows, [rows, len(STATS)]; a column lies together.

    >>> dense({1: np.array([5, 7])}, 2)[:, :3].tolist()
    [[0, 5, 0], [0, 7, 0]]
    """
    whole = np.zeros((len(STATS), rows), np.int64)
    for number, values in sums.items():
        whole[number] = values
    return whole.T


def taken(sums: Sums, rows: Ints) -> dict[int, Ints]:
    """Those of some of the rows.

    >>> taken({1: np.array([5, 7])}, np.array([1]))
    {1: array([7])}
    """
    return {number: values[rows] for number, values in sums.items()}


def joined(parts: Sequence[tuple[Sums, int]]) -> dict[int, Ints]:
    """Those of several parts, each given with how many rows it has, one behind the other.

    >>> joined([({1: np.array([5])}, 1), ({2: np.array([7, 8])}, 2)])
    {1: array([5, 0, 0]), 2: array([0, 7, 8])}
    """
    whole: dict[int, Ints] = {}
    rows, at = sum(rows for _, rows in parts), 0
    for sums, length in parts:
        for number, values in sums.items():
            if number not in whole:
                whole[number] = np.zeros(rows, np.int64)
            whole[number][at : at + length] = values
        at += length
    return whole
