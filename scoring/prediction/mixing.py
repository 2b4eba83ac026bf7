"""Logistic mixing: features into a probability, by weights that learn online and are chosen by context."""

from typing import Final

import numpy as np
from scipy.sparse import csr_array

from scoring.arrays import Ints
from scoring.prediction.runs import Singles, runs_of

__all__ = ["Mixers", "logistic", "logit"]

RATE: Final = np.float32(0.05)
COARSE_RATE: Final = np.float32(0.03)
"""Of steps over more than ``FINE`` calls, in which every gradient is taken at weights that are older."""
FINE: Final = 256
GRADIENTS: Final = np.float32(9.0)
"""Squared gradients that each weight is taken to have seen at first: larger, slower at first."""
CAREFUL: Final = np.float32(0.2)
FURTHEST: Final = np.float32(10.0)
"""Bound of a mixer's logit."""


def logit(probability: Singles | np.float32) -> Singles:
    """``ln(p / (1 − p))``, p bounded to 0.0001 and 0.9999.

    >>> logit(np.array([0.5, 1], np.float32)).round(2).tolist()
    [0.0, 9.210000038146973]
    """
    bounded = np.clip(probability, np.float32(1e-4), np.float32(1 - 1e-4))
    odds: Singles = np.log(bounded / (1 - bounded))
    return odds


def logistic(value: Singles) -> Singles:
    """``1 / (1 + exp(−value))``."""
    share: Singles = (1 / (1 + np.exp(-value))).astype(np.float32)
    return share


class Mixers:
    """Several mixers over the same F features; each takes, for each call, the weights of one context.

    Notes
    -----
    Mixer s says ``z_s = w_s · x`` and learns on its own error: gradient ``g = (success − logistic(z_s)) x`` (Mattern,
    Linear and Geometric Mixtures, Data Compression Conference 2013). The answer is the mean of the z_s. A step over m
    calls adds for each weight ``η Σg / (√(9 + Σ g² of all calls so far) + .2 η Σ p (1 − p) |x| Σ|x|)``, η = .05, or .03
    with steps over more than 256 calls: Adagrad (Duchi, Hazan, Singer, JMLR 12, 2011), held back by a bound of the
    loss's curvature (Böhning, Lindsay, Annals of the Institute of Statistical Mathematics 40, 1988), so that many calls
    of one step do not push the same weight too far. |x| of the single feature is its mean over the step.
    """

    def __init__(self, start: Singles) -> None:
        """``start``: weight of each feature at first, [F]."""
        self._start = start
        self._weights: Singles = np.tile(start, (64, 1))
        self._squares: Singles = np.full((64, len(start)), GRADIENTS, dtype=np.float32)

    def before(self, features: Singles, sets: Ints) -> Singles:
        """Logits [S, N] of S mixers; ``features`` [N, F], ``sets`` [S, N]: which weights each takes."""
        logits: Singles = np.clip(np.einsum("snf,nf->sn", self._taken(sets), features), -FURTHEST, FURTHEST)
        return logits

    def shares(self, features: Singles, sets: Ints) -> Singles:
        """What each feature adds to the mean logit of the mixers, [N, F], before a logit is bounded."""
        added: Singles = self._taken(sets).mean(axis=0) * features
        return added

    def _taken(self, sets: Ints) -> Singles:
        return self._weights.take(np.where(sets < len(self._weights), sets, 0), axis=0)

    def learn(self, features: Singles, sets: Ints, success: Singles, step: int) -> Singles:
        """Mean logit [N] before each call; weights change after every ``step`` calls."""
        self._grow(int(sets.max(initial=0)) + 1)
        rate = RATE if step <= FINE else COARSE_RATE
        size = np.abs(features)
        width, squares = size.sum(axis=1), features * features
        answer = np.empty(len(features), dtype=np.float32)
        for begin in range(0, len(features), step):
            rows = slice(begin, begin + step)
            here = sets[:, rows]
            z = self.before(features[rows], here)
            answer[rows] = z.mean(axis=0)
            said = logistic(z)
            curve = said * (1 - said) * width[rows]
            error, usual = success[rows] - said, size[rows].mean(axis=0)
            self._step(features[rows], squares[rows], here, error, curve, usual, rate)
        return answer

    def _step(
        self,
        features: Singles,
        squares: Singles,
        sets: Ints,
        error: Singles,
        curve: Singles,
        usual: Singles,
        rate: np.float32,
    ) -> None:
        runs = runs_of(sets.ravel())
        shape, calls = (len(runs.keys), len(features)), runs.order % len(features)
        ends = np.append(runs.starts, len(calls))
        errors = error.ravel().take(runs.order)
        gradient = csr_array((errors, calls, ends), shape=shape) @ features
        seen = self._squares.take(runs.keys, axis=0)
        seen += csr_array((errors * errors, calls, ends), shape=shape) @ squares
        bound = np.add.reduceat(curve.ravel().take(runs.order), runs.starts)
        self._squares[runs.keys] = seen
        self._weights[runs.keys] += rate * gradient / (np.sqrt(seen) + rate * CAREFUL * bound[:, None] * usual)

    def _grow(self, sets: int) -> None:
        if sets > len(self._weights):
            more = max(sets, 2 * len(self._weights)) - len(self._weights)
            self._weights = np.concatenate([self._weights, np.tile(self._start, (more, 1))])
            self._squares = np.concatenate([self._squares, np.full((more, len(self._start)), GRADIENTS, np.float32)])
