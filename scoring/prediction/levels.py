"""Decayed sums about subjects of one kind (providers, reporters, pairs): what is known, and what a report adds."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring.arrays import Ints
from scoring.prediction.runs import Number, Runs, Singles, decayed

__all__ = ["Level", "Seen", "grown"]

_SPANS: Final = 16
"""Memories of the slowest column after which the sum of weights is its limit, as far as single precision can tell."""


def grown(values: NDArray[Number], rows: int, fill: float = 0.0) -> NDArray[Number]:
    """State [C, at least ``rows``], what is new filled; twice as long as before where it has to grow.

    >>> grown(np.ones((1, 2), np.float32), 3).tolist()
    [[1.0, 1.0, 0.0, 0.0]]
    """
    held = values.shape[1]
    if rows <= held:
        return values
    longer = np.full((len(values), max(rows, 2 * held)), fill, dtype=values.dtype)
    longer[:, :held] = values
    return longer


@dataclass(frozen=True, slots=True)
class Seen:
    """What was known of N subjects before N calls."""

    count: Ints
    """Reports so far, [N]."""
    sums: Singles
    """[C, N]."""
    weights: Singles
    """Σ dᵏ over the reports so far, [C, N]."""

    def rates(self, columns: slice, parent: Singles | np.float32, strength: Singles) -> Singles:
        """``(sum + k parent) / (weight + k)``: means shrunk to what is expected of such a subject."""
        rates: Singles = (self.sums[columns] + strength * parent) / (self.weights[columns] + strength)
        return rates

    def mean(self, column: int, otherwise: Singles) -> Singles:
        """Weighted mean of one column; ``otherwise`` without a report."""
        none = self.count == 0
        return np.where(none, otherwise, self.sums[column] / np.where(none, np.float32(1), self.weights[column]))


class Level:
    """State of all subjects of one kind; row 0 is nobody and stays empty.

    Parameters
    ----------
    decays
        Factor of each column, in [0, 1): what a report leaves of the sum before it is added.
    """

    def __init__(self, decays: tuple[float, ...]) -> None:
        self.decays: Singles = np.array(decays, dtype=np.float32)
        self.sums: Singles = np.zeros((len(decays), 64), dtype=np.float32)
        self.count: Ints = np.zeros(64, dtype=np.int64)
        factors, steps = np.array(decays)[:, None], np.arange(round(_SPANS / (1 - max(decays))) + 1)
        self._weights: Singles = ((1 - factors**steps) / (1 - factors)).astype(np.float32)

    def before(self, rows: Ints) -> Seen:
        """What is known of each row now; nothing of rows that were never learned."""
        rows = np.where(rows < len(self.count), rows, 0)
        return self._seen(self.count.take(rows), self.sums.take(rows, axis=1))

    def learn(self, runs: Runs, add: Singles) -> Seen:
        """What is known before each of N reports, which add [C, N] one after the other."""
        needed = int(runs.keys[-1]) + 1 if len(runs.keys) else 0
        self.sums = grown(self.sums, needed)
        self.count = grown(self.count[None], needed)[0]
        count = runs.rank + np.repeat(self.count.take(runs.keys), runs.size)
        self.count[runs.keys] += runs.size
        sums = decayed(runs, self.sums, self.decays, add)
        self.sums[:, 0], self.count[0] = 0, 0
        return self._seen(runs.in_rows(count), sums)

    def _seen(self, count: Ints, sums: Singles) -> Seen:
        return Seen(count, sums, self._weights.take(np.minimum(count, self._weights.shape[1] - 1), axis=1))
