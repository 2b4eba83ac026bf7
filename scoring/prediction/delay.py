"""How long the next call will take: quantiles of its latency around what is expected of the pair."""

from typing import Final

import numpy as np

from scoring.arrays import Floats, Ints
from scoring.prediction.evidence import View
from scoring.prediction.levels import Level, Seen
from scoring.prediction.runs import Singles, runs_of

__all__ = ["QUANTILES", "LatencyQuantiles"]

QUANTILES: Final = (0.05, 0.5, 0.95)
_SPREADS: Final = 12
"""Classes of a pair's usual deviation, half a power of e wide, from 0.01."""
_CHANCES: Final = 8
"""Classes of the probability of success, 1 wide as logit, from −2."""
_HALF: Final = 60
_BINS: Final = 2 * _HALF + 1
_FINE: Final = 0.02
"""Below this, bins are even in the deviation, above in its logarithm."""
_WIDTH: Final = 0.12
_REMEMBERED: Final = 0.9995
"""What a call leaves of the earlier ones of its class: a memory of 2,000 calls."""
_BORROWED: Final = 20.0
"""Calls of all classes together that a class starts with."""


class LatencyQuantiles:
    """Histograms of ln(1 + ms) minus its expectation, one for each class of usual deviation and chance of success.

    Notes
    -----
    Expected is the mean of the pair's mean latency (memory of 5 calls) with weight n, its calls up to 5, and of the
    provider's (memory of 10 calls) with weight 1. Bins are even in asinh(deviation / 0.02): 0.0024 wide at 0, far
    out an eighth of the deviation; within a bin a quantile is interpolated. Latencies of calls that failed count as
    they were observed: a time-out is a long wait. Quantile of level q: the deviation that the share q of a class's
    histogram does not exceed.
    """

    def __init__(self) -> None:
        self._pair = Level((0.9,))
        self._provider = Level((0.98,))
        self._held: Floats = np.zeros((_SPREADS * _CHANCES, _BINS))
        self._all: Floats = np.zeros(_BINS)
        self._all[_HALF - 40 : _HALF + 41] = 1 / 81

    def before(self, provider: Ints, pair: Ints, view: View, success: Floats) -> Floats:
        """Milliseconds [3, N] at ``QUANTILES`` now; ``provider`` and ``pair`` are rows, ``success`` is predicted."""
        classes = _classes(self._pair.before(pair), self._provider.before(provider), success)
        return self._answer(_expected(view), classes)

    def learn(self, provider: Ints, pair: Ints, view: View, success: Floats, latency_ms: Floats) -> Floats:
        """Milliseconds [3, N] at ``QUANTILES`` before each call; the histograms move with all of the calls together."""
        expected = _expected(view)
        known = ~np.isnan(latency_ms)
        apart = np.where(known, np.log1p(latency_ms) - expected, 0.0)
        added = np.abs(apart).astype(np.float32)[None]
        classes = _classes(
            self._pair.learn(runs_of(pair), added), self._provider.learn(runs_of(provider), added), success
        )
        answer = self._answer(expected, classes)
        self._remember(classes[known], apart[known])
        return answer

    def _answer(self, expected: Floats, classes: Ints) -> Floats:
        total = self._all.sum()
        reach = np.cumsum(self._held + _BORROWED * self._all / total, axis=1)
        apart = np.stack([_at(reach, level) for level in QUANTILES]).take(classes, axis=1)
        return np.maximum(np.expm1(expected + apart), 0.0)

    def _remember(self, classes: Ints, apart: Floats) -> None:
        bins = np.clip(np.rint(np.arcsinh(apart / _FINE) / _WIDTH), -_HALF, _HALF).astype(np.int64) + _HALF
        added = np.bincount(classes * _BINS + bins, minlength=self._held.size).reshape(self._held.shape)
        self._held *= _REMEMBERED ** added.sum(axis=1, keepdims=True)
        self._held += added
        self._all = self._all * _REMEMBERED ** len(classes) + added.sum(axis=0)


def _expected(view: View) -> Floats:
    count = np.minimum(view.pair_seen, 5)
    expected: Floats = (count * view.delays.mean.astype(np.float64) + view.delays.provider) / (count + 1)
    return expected


def _classes(pair: Seen, provider: Seen, success: Floats) -> Ints:
    usual: Singles = np.full(len(success), 0.5, dtype=np.float32)
    spread = (pair.sums[0] + provider.mean(0, usual)) / (pair.weights[0] + 1)
    by_spread = np.clip(2 * np.log(np.maximum(spread, 1e-6) / 0.01), 0, _SPREADS - 1).astype(np.int64)
    by_chance = np.clip(np.log(success / (1 - success)) + 2, 0, _CHANCES - 1).astype(np.int64)
    classes: Ints = by_spread * _CHANCES + by_chance
    return classes


def _at(reach: Floats, level: float) -> Floats:
    """Deviation at a level of each cumulated histogram."""
    wanted = level * reach[:, -1:]
    bins = np.minimum((reach < wanted).sum(axis=1), _BINS - 1)
    rows = np.arange(len(reach))
    below = np.where(bins > 0, reach[rows, bins - 1], 0.0)
    share = (wanted[:, 0] - below) / np.maximum(reach[rows, bins] - below, 1e-12)
    deviation: Floats = _FINE * np.sinh((bins - _HALF - 0.5 + share) * _WIDTH)
    return deviation
