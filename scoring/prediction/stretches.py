"""90 % intervals of a provider's success rate over its next calls, at a level that follows what they covered so far."""

import math
from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Final

import numpy as np
from scipy.special import ndtri

from scoring.arrays import Bools, Floats, Ints
from scoring.prediction.runs import Runs, decayed, runs_of

__all__ = ["Stretches", "stretches_of"]

MISSED: Final = 0.1
"""Share of the stretches whose rate may lie outside."""
LEARNING: Final = 0.06
"""How far one stretch moves the level of its provider."""
SHORTEST, LONGEST = 25, 1_000
"""Calls of a stretch: so many that one failure is expected, within these bounds."""
REMEMBERED: Final = 300
"""Last stretches of a provider whose distances are kept."""
BORROWED: Final = 20
"""Distances that a provider starts with: those of chance alone."""
MEMORY: Final = 0.98
"""What a call leaves of the earlier ones in the expected rate: a memory of 50 calls."""
SURE: Final = 2.0
"""Calls that the first expectation counts as."""
_BY_CHANCE: Final[list[float]] = ndtri((np.arange(BORROWED) + 0.5) / BORROWED).tolist()
_RESOLVES, _BEGINS = 0, 1


@dataclass(frozen=True, slots=True)
class Stretches:
    """S stretches of calls to one provider each, in the order they begin; arrays [S]."""

    begins: Ints
    """Row of the first call: the interval is from what was known before it."""
    calls: Ints
    lower: Floats
    upper: Floats
    observed: Floats
    """Success rate that came."""

    @property
    def covered(self) -> Bools:
        """Whether it lay within the interval."""
        return (self.lower <= self.observed) & (self.observed <= self.upper)

    @property
    def coverage(self) -> float:
        """Share of them; nan without a stretch."""
        return float(self.covered.mean()) if len(self.covered) else float("nan")


def stretches_of(provider: Ints, success: Bools, predicted: Floats) -> Stretches:
    """Intervals of the success rate of all whole stretches.

    Parameters
    ----------
    provider
        Of N calls, in the order they end.
    success
        What came of each.
    predicted
        Probability of each from what was known before it.

    Notes
    -----
    Expected is the mean c of ``predicted`` over the provider's calls so far, with a memory of 50. A stretch is of
    ``n = 1 / (1 − c)`` calls, within 25 and 1,000: of fewer the rate is nearly always 1 where providers are good, and
    no interval covers 90 %. A distance is ``(rate − c) / √(c (1 − c) / n)``. The interval reaches from the α/2 to the
    1 − α/2 quantile of the provider's last 300 distances (split conformal prediction: Vovk, Gammerman, Shafer,
    Algorithmic Learning in a Random World, 2005), and ``α ← α + .06 (.1 − missed)`` after each of its stretches
    (adaptive conformal inference: Gibbs, Candès, NeurIPS 2021). A stretch teaches once its last call has ended.

    Examples
    --------
    >>> found = stretches_of(np.zeros(100, np.int64), np.ones(100, bool), np.full(100, 0.96))
    >>> found.calls.tolist(), found.observed.tolist(), found.upper.tolist()
    ([25, 25, 25, 25], [1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 1.0])
    """
    runs = runs_of(provider)
    expected = _expected(runs, predicted)
    good = np.concatenate([[0], np.cumsum(success.take(runs.order))])
    ends = (runs.starts + runs.size).tolist()
    events = [(int(runs.order[start]), _BEGINS, key, int(start)) for key, start in enumerate(runs.starts.tolist())]
    heapify(events)
    levels = [_Level() for _ in runs.keys]
    made: list[tuple[int, int, float, float, float, int, float]] = []
    while events:
        row, kind, number, place = heappop(events)
        if kind == _RESOLVES:
            _, _, lower, upper, rate, owner, distance = made[number]
            levels[owner].learn(distance, missed=not lower <= rate <= upper)
            continue
        centre = float(expected[row])
        calls = round(min(max(1 / (1 - centre), SHORTEST), LONGEST))
        if place + calls > ends[number]:
            continue
        scale = math.sqrt(centre * (1 - centre) / calls)
        lower, upper = (min(max(centre + scale * far, 0.0), 1.0) for far in levels[number].bounds())
        rate = float(good[place + calls] - good[place]) / calls
        heappush(events, (int(runs.order[place + calls - 1]), _RESOLVES, len(made), 0))
        made.append((row, calls, lower, upper, rate, number, (rate - centre) / scale))
        if place + calls < ends[number]:
            heappush(events, (int(runs.order[place + calls]), _BEGINS, number, place + calls))
    columns = [np.array([each[column] for each in made]) for column in range(5)]
    return Stretches(columns[0].astype(np.int64), columns[1].astype(np.int64), *columns[2:])


class _Level:
    """One provider: its distances and its level."""

    def __init__(self) -> None:
        self.missed = MISSED
        self._last = deque(_BY_CHANCE, REMEMBERED)
        self._sorted = list(_BY_CHANCE)

    def bounds(self) -> tuple[float, float]:
        """Least and greatest distance within the interval."""
        share = min(max(self.missed / 2, 0.0), 0.5)
        return self._quantile(share), self._quantile(1 - share)

    def learn(self, distance: float, *, missed: bool) -> None:
        """Take in a stretch that has ended."""
        self.missed += LEARNING * (MISSED - missed)
        if len(self._last) == REMEMBERED:
            del self._sorted[bisect_left(self._sorted, self._last[0])]
        self._last.append(distance)
        insort(self._sorted, distance)

    def _quantile(self, share: float) -> float:
        """Between the two values it falls between."""
        place = share * (len(self._sorted) - 1)
        left = min(int(place), len(self._sorted) - 2)
        low, high = self._sorted[left : left + 2]
        return low + (place - left) * (high - low)


def _expected(runs: Runs, predicted: Floats) -> Floats:
    """Mean prediction for the provider, up to that of the call itself."""
    state = np.zeros((2, int(runs.keys.max(initial=0)) + 1), dtype=np.float32)
    added = np.stack([predicted, np.ones(len(predicted))]).astype(np.float32)
    before = decayed(runs, state, np.full(2, MEMORY, dtype=np.float32), added).astype(np.float64)
    mean = (before[0] + SURE * predicted) / (before[1] + SURE)
    bounded: Floats = np.clip(mean, 0.001, 1 - 0.5 / LONGEST)
    return bounded
