"""The predictor: what is known, mixed and calibrated into a probability, before each call and from every outcome."""

from typing import Final

import numpy as np

from scoring.prediction.audience import Audience
from scoring.prediction.calibration import Calibration
from scoring.prediction.calls import Calls, Outcomes
from scoring.prediction.clues import MAPS, STARTS, Clues, clues_of
from scoring.prediction.contexts import Contexts
from scoring.prediction.delay import LatencyQuantiles
from scoring.prediction.evidence import Evidence
from scoring.prediction.grounds import Grounds, Predictions, grounds_of
from scoring.prediction.mixing import Mixers, logit
from scoring.prediction.pool import Pool
from scoring.prediction.runs import Singles

__all__ = ["Predictor"]

BLOCK: Final = 512
"""Calls whose features are taken together, when not told: evidence is exact within, tables of latencies and the
calibration move after each block."""


class Predictor:
    """Learns from calls in the order they end, and predicts the next ones.

    Parameters
    ----------
    step
        Calls after which the weights of the mixers change. Smaller is more accurate and slower.
    block
        Calls whose features are taken together, at least ``step``; the same holds of it.
    """

    def __init__(self, step: int = 256, block: int = BLOCK) -> None:
        self.step, self.block = step, block
        self._evidence = Evidence()
        self._contexts = Contexts()
        self._mixers = Mixers(STARTS)
        self._calibration = Calibration(MAPS)
        self._pool = Pool()
        self._audience = Audience()
        self._delay = LatencyQuantiles()

    @property
    def pairs(self) -> int:
        """Pairs of a reporter and a provider that something is known of."""
        return self._evidence.pairs.count

    def learn(self, calls: Calls, outcomes: Outcomes) -> Predictions:
        """Predictions from what was known before each call, which then is learned."""
        if not len(calls):
            return self.predict(calls)
        parts = [slice(begin, begin + self.block) for begin in range(0, len(calls), self.block)]
        learned = [self._learn(calls.part(rows), outcomes.part(rows)) for rows in parts]
        return Predictions(
            np.concatenate([part.success for part in learned]),
            np.concatenate([part.score for part in learned]),
            np.concatenate([part.latency_ms for part in learned], axis=1),
        )

    def predict(self, calls: Calls) -> Predictions:
        """Predictions from what is known now; nothing is learned."""
        return self.grounds(calls).predictions

    def grounds(self, calls: Calls) -> Grounds:
        """Predictions from what is known now, and what they rest on; nothing is learned."""
        view = self._evidence.look(calls)
        clues = clues_of(view, calls.provider, calls.reporter)
        features = _features(clues, self._contexts.before(clues.contexts))
        success = self._calibration.before(self._mixers.before(features, clues.sets).mean(axis=0), clues.maps)
        success = self._pool.before(calls.provider + 1, view.parent, success)
        score = self._audience.before(calls.provider + 1, view.parent)
        latency = self._delay.before(calls.provider + 1, view.pair_row, view, success)
        shares = self._mixers.shares(features, clues.sets).astype(np.float64)
        return grounds_of(Predictions(success, score, latency), view, shares)

    def _learn(self, calls: Calls, outcomes: Outcomes) -> Predictions:
        good = outcomes.success.astype(np.float32)
        view = self._evidence.look(calls, outcomes)
        clues = clues_of(view, calls.provider, calls.reporter)
        features = _features(clues, self._contexts.learn(clues.contexts, good))
        success = self._calibration.learn(self._mixers.learn(features, clues.sets, good, self.step), clues.maps, good)
        success = self._pool.learn(calls.provider + 1, view.parent, success, good)
        score = self._audience.learn(calls.provider + 1, calls.reporter + 1, view.past, good, view.parent)
        latency = self._delay.learn(calls.provider + 1, view.pair_row, view, success, outcomes.latency_ms)
        return Predictions(success, score, latency)


def _features(clues: Clues, rates: Singles) -> Singles:
    return np.ascontiguousarray(np.concatenate([clues.features, logit(rates)]).T)
