"""90 % intervals of a provider's success rate over its next calls, at a level that follows what they covered so far."""

import math
from array import array
from bisect import bisect_left, insort
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from scipy.special import ndtri

from scoring.arrays import Bools, Floats, Ints
from scoring.prediction.levels import grown
from scoring.prediction.runs import Runs, Singles, decayed, runs_of

__all__ = ["Expected", "NextCalls", "Stretches", "stretches_of"]

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
LEAST, MOST = 0.001, 1 - 0.5 / LONGEST
"""Bounds of the expected rate."""
_BY_CHANCE: Final[list[float]] = ndtri((np.arange(BORROWED) + 0.5) / BORROWED).tolist()


class Expected(NamedTuple):
    """Of a provider's next ``calls`` calls, whoever makes them, the success rate lies within with probability .9."""

    calls: int
    lower: float
    upper: float


class _Open(NamedTuple):
    """A stretch that has begun."""

    row: int
    calls: int
    lower: float
    upper: float
    centre: float
    scale: float
    """Distance by which a rate that chance alone moves lies off, in the middle."""

    @property
    def expected(self) -> Expected:
        return Expected(self.calls, self.lower, self.upper)


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


class NextCalls:
    """Learns from calls in the order they end, and says what success rate a provider's next ones will have.

    Providers are told by number, from 0 on. Each holds 100 bytes, and up to 5 KB for the stretches it has learned from.
    """

    def __init__(self) -> None:
        self._mean = np.zeros((2, 0), np.float32)
        """Predictions and calls, with a memory of 50 calls; [2, providers]."""
        self._counts = np.zeros((3, 0), np.int64)
        """Of the stretch that runs: its calls, 0 where none does; those that came, and the good ones of them."""
        self._open: dict[int, _Open] = {}
        self._levels: dict[int, _Level] = {}
        self._learned = 0

    def learn(self, provider: Ints, success: Bools, predicted: Floats) -> Stretches:
        """The stretches that end with these calls, in the order they began; rows are counted from the first call ever.

        Parameters
        ----------
        provider
            Of N calls, in the order they end.
        success
            What came of each.
        predicted
            Probability of each from what was known before it.
        """
        runs = runs_of(provider)
        most = int(provider.max(initial=-1)) + 1
        self._mean, self._counts = grown(self._mean, most), grown(self._counts, most)
        expected = _expected(runs, self._mean, predicted)
        good = np.concatenate([[0], np.cumsum(success.take(runs.order))])
        calls, came, _ = self._counts[:, runs.keys]
        goes_on = came + runs.size < calls
        keys, starts, size = runs.keys[goes_on], runs.starts[goes_on], runs.size[goes_on]
        self._counts[1, keys] += size
        self._counts[2, keys] += good[starts + size] - good[starts]
        ended: list[tuple[int, int, float, float, float]] = []
        for at in np.flatnonzero(~goes_on).tolist():
            start = int(runs.starts[at])
            rows = runs.order[start : start + int(runs.size[at])]
            self._follow(int(runs.keys[at]), rows, good[start : start + len(rows) + 1], expected, ended)
        self._learned += len(provider)
        columns = [np.array([each[column] for each in sorted(ended)]) for column in range(5)]
        return Stretches(columns[0].astype(np.int64), columns[1].astype(np.int64), *columns[2:])

    def expected(self, provider: int, predicted: float) -> Expected:
        """Of a provider's next calls; of one that was never called, what chance alone makes of ``predicted``."""
        if 0 <= provider < self._mean.shape[1]:
            predictions, calls = self._mean[:, provider].tolist()
        else:
            predictions, calls = 0.0, 0.0
        centre = (predictions + SURE * predicted) / (calls + SURE)
        return _begun(0, min(max(centre, LEAST), MOST), self._levels.get(provider, _FRESH)).expected

    def _follow(
        self, key: int, rows: Ints, good: Ints, expected: Floats, ended: list[tuple[int, int, float, float, float]]
    ) -> None:
        """Take in calls of one provider with which a stretch begins or ends; ``good`` are those before each [N + 1]."""
        _, came, well = self._counts[:, key].tolist()
        place = 0
        while place < len(rows):
            stretch = self._open.get(key)
            if stretch is None:
                level = self._levels.get(key, _FRESH)
                stretch = _begun(self._learned + int(rows[place]), float(expected[rows[place]]), level)
                self._open[key], came, well = stretch, 0, 0
            taken = min(stretch.calls - came, len(rows) - place)
            came, well = came + taken, well + int(good[place + taken] - good[place])
            place += taken
            if came == stretch.calls:
                rate = well / came
                missed = not stretch.lower <= rate <= stretch.upper
                self._levels.setdefault(key, _Level()).learn((rate - stretch.centre) / stretch.scale, missed=missed)
                ended.append((stretch.row, *stretch.expected, rate))
                del self._open[key]
        still = self._open.get(key)
        self._counts[:, key] = (0, 0, 0) if still is None else (still.calls, came, well)


def stretches_of(provider: Ints, success: Bools, predicted: Floats) -> Stretches:
    """Intervals of the success rate of all whole stretches of N calls, which are as ``NextCalls.learn`` takes them.

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
    return NextCalls().learn(provider, success, predicted)


def _begun(row: int, centre: float, level: "_Level") -> _Open:
    calls = round(min(max(1 / (1 - centre), SHORTEST), LONGEST))
    scale = math.sqrt(centre * (1 - centre) / calls)
    lower, upper = (min(max(centre + scale * far, 0.0), 1.0) for far in level.bounds())
    return _Open(row, calls, lower, upper, centre, scale)


class _Level:
    """One provider: its distances and its level."""

    def __init__(self) -> None:
        self.missed = MISSED
        self._last = array("d", _BY_CHANCE)
        """In the order they came; once it is full, from ``_oldest`` on and then from the start."""
        self._oldest = 0
        self._sorted = array("d", _BY_CHANCE)

    def bounds(self) -> tuple[float, float]:
        """Least and greatest distance within the interval."""
        share = min(max(self.missed / 2, 0.0), 0.5)
        return self._quantile(share), self._quantile(1 - share)

    def learn(self, distance: float, *, missed: bool) -> None:
        """Take in a stretch that has ended."""
        self.missed += LEARNING * (MISSED - missed)
        if len(self._last) < REMEMBERED:
            self._last.append(distance)
        else:
            del self._sorted[bisect_left(self._sorted, self._last[self._oldest])]
            self._last[self._oldest] = distance
            self._oldest = (self._oldest + 1) % REMEMBERED
        insort(self._sorted, distance)

    def _quantile(self, share: float) -> float:
        """Between the two values it falls between."""
        place = share * (len(self._sorted) - 1)
        left = min(int(place), len(self._sorted) - 2)
        low, high = self._sorted[left : left + 2]
        return low + (place - left) * (high - low)


_FRESH: Final = _Level()
"""Of a provider no stretch of which has ended."""


def _expected(runs: Runs, state: Singles, predicted: Floats) -> Floats:
    """Mean prediction for the provider, up to that of the call itself; ``state`` [2, providers] is moved on."""
    added = np.stack([predicted, np.ones(len(predicted))]).astype(np.float32)
    before = decayed(runs, state, np.full(2, MEMORY, dtype=np.float32), added).astype(np.float64)
    bounded: Floats = np.clip((before[0] + SURE * predicted) / (before[1] + SURE), LEAST, MOST)
    return bounded
