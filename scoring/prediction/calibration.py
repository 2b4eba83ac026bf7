"""What a stated probability turned out to be worth: tables from probability to frequency, by context."""

from typing import Final

import numpy as np

from scoring.arrays import Floats, Ints
from scoring.prediction.mixing import logistic
from scoring.prediction.runs import Singles

__all__ = ["HIGHEST", "LOWEST", "Calibration"]

KNOTS: Final = 33
REACH: Final = 8.0
RATE: Final = 0.02
LOWEST: Final = 0.0005
HIGHEST: Final = 0.99999


class Calibration:
    """Half the mixers' probability, half the mean of what the maps of the call's contexts make of it.

    A map has a value at each of 33 logits from −8 to 8, between them it is a line; it starts as the identity. After
    calls with total closeness c to a knot (closeness as in interpolation) the knot has moved the share ``1 − .98ᶜ`` of
    the way to their success rate (adaptive probability maps: Mahoney, PAQ8, 2006).
    """

    def __init__(self, contexts: int) -> None:
        self._values: Floats = np.tile(_identity(), contexts)

    def before(self, z: Singles, contexts: Ints) -> Floats:
        """Probabilities [N] of logits ``z`` [N] in ``contexts`` [M, N]."""
        return self._said(z, *self._places(z, contexts))

    def learn(self, z: Singles, contexts: Ints, success: Singles) -> Floats:
        """Probabilities [N] with what was known before all of the calls, which then move the maps together."""
        knots, share = self._places(z, contexts)
        probability = self._said(z, knots, share)
        places = np.concatenate([knots.ravel(), knots.ravel() + 1])
        closeness = np.concatenate([np.tile(1 - share, len(contexts)), np.tile(share, len(contexts))])
        total = np.bincount(places, closeness, len(self._values))
        good = np.bincount(places, closeness * np.tile(success, 2 * len(contexts)), len(self._values))
        seen = total > 0
        moved = 1 - (1 - RATE) ** total[seen]
        self._values[seen] += moved * (good[seen] / total[seen] - self._values[seen])
        return probability

    def _said(self, z: Singles, knots: Ints, share: Floats) -> Floats:
        mapped = (1 - share) * self._values.take(knots) + share * self._values.take(knots + 1)
        probability: Floats = np.clip((logistic(z) + mapped.mean(axis=0)) / 2, LOWEST, HIGHEST)
        return probability

    @staticmethod
    def _places(z: Singles, contexts: Ints) -> tuple[Ints, Floats]:
        place = (np.clip(z.astype(np.float64), -REACH, REACH - 0.01) + REACH) * (KNOTS - 1) / (2 * REACH)
        knot = place.astype(np.int64)
        return contexts * KNOTS + knot, place - knot


def _identity() -> Floats:
    logits: Singles = ((np.arange(KNOTS) - KNOTS // 2) * (2 * REACH / (KNOTS - 1))).astype(np.float32)
    return logistic(logits).astype(np.float64)
