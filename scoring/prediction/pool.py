"""The prediction beside a provider's long mean: each counts by how well it did on the provider's last calls."""

from typing import Final

import numpy as np

from scoring.arrays import Floats, Ints
from scoring.prediction.calibration import HIGHEST, LOWEST
from scoring.prediction.levels import Level, Seen, grown
from scoring.prediction.mixing import logistic
from scoring.prediction.runs import Singles, decayed, runs_of

__all__ = ["Pool"]

DECAYS: Final = (0.9995,)
"""Memory of 2,000 calls: where failures are independent, the longest mean is the best one."""
STRENGTH: Final = np.full((1, 1), 10.0, dtype=np.float32)
KEPT: Final = np.full(1, 0.999, dtype=np.float32)
"""What a call leaves of the earlier ones' evidence for either: a memory of 1,000 calls."""
START: Final = np.float32(2.0)
"""Log odds of the prediction against the mean at first."""
FURTHEST: Final = np.float32(30.0)


class Pool:
    """Weighted mean of the mixed probability p and the provider's long success rate q, shrunk to that of its peers.

    Notes
    -----
    The weight of p is ``logistic(2 + L)``, L the log likelihood ratio of p to q over the provider's earlier calls, each
    call leaving .999 of what was before: exponential weights (Vovk, Aggregating Strategies, COLT 1990) with forgetting.
    Mixers learn from noise too; where nothing but the mean can be known, p is slightly worse than q and gives way.
    """

    def __init__(self) -> None:
        self._rates = Level(DECAYS)
        self._ratio: Singles = np.zeros((1, 64), dtype=np.float32)

    def before(self, provider: Ints, parent: Singles, success: Floats) -> Floats:
        """Pooled probabilities [N] of ``success`` [N] now; ``parent`` [N] is expected of one without reports."""
        rate = _rate(self._rates.before(provider), parent)
        return _pooled(self._ratio[0].take(np.where(provider < self._ratio.shape[1], provider, 0)), success, rate)

    def learn(self, provider: Ints, parent: Singles, success: Floats, good: Singles) -> Floats:
        """Pooled probabilities [N] before each call, which then is learned; ``good`` [N]: 1 for success, else 0."""
        runs = runs_of(provider)
        rate = _rate(self._rates.learn(runs, good[None]), parent)
        ratio = np.log(np.abs(success - (1 - good)) / np.abs(rate - (1 - good))).astype(np.float32)
        self._ratio = grown(self._ratio, int(provider.max(initial=0)) + 1)
        before = decayed(runs, self._ratio, KEPT, ratio[None])[0]
        return _pooled(before, success, rate)


def _rate(seen: Seen, parent: Singles) -> Singles:
    bounded: Singles = np.clip(seen.rates(slice(None), parent, STRENGTH)[0], LOWEST, HIGHEST)
    return bounded


def _pooled(ratio: Singles, success: Floats, rate: Singles) -> Floats:
    weight = logistic(np.clip(START + ratio, -FURTHEST, FURTHEST))
    pooled: Floats = rate + weight * (success - rate)
    return pooled
