"""What the whole audience of a provider sees: its own success, with failures that are the caller's taken out."""

from typing import Final

import numpy as np

from scoring.arrays import Floats, Ints
from scoring.prediction.levels import Level, grown
from scoring.prediction.mixing import logistic, logit
from scoring.prediction.runs import Singles, blended, runs_of

__all__ = ["Audience"]

DECAYS: Final = (0.97, 0.99, 0.998)
STRENGTH: Final = np.full((3, 1), 5.0, dtype=np.float32)
HEALTH_RATE: Final = 0.2
"""How far one call moves what is thought of its caller: a memory of five calls."""
USUAL: Final = np.float32(0.1)
"""Share of calls that fail by a caller of whom nothing bad is known."""


class Audience:
    """Each failure is shared between the provider and its caller, by how likely either is to fail.

    Notes
    -----
    A call succeeds when the provider (with probability a) and the caller's side (h) both work; of a failure the
    provider bears ``(1 − a) / ((1 − a) + (1 − h))``, the expected share of a noisy-or to first order (Pearl,
    Probabilistic Reasoning in Intelligent Systems, 1988, 4.3). a is what was known of the provider before the batch,
    h = 1 − max(.1, −s): s is the caller's success above a, ``s ← s + .2 v (success − a − s)``. v halves with each
    failure in a row of the same pair: one provider that is down says little about who calls it, failures at many do.
    """

    def __init__(self) -> None:
        self._provider = Level(DECAYS)
        self._health: Singles = np.zeros((1, 64), dtype=np.float32)

    def before(self, provider: Ints, parent: Singles) -> Floats:
        """Success of providers (rows, [N]) now; ``parent`` [N] is expected of one without reports."""
        return _mean(self._provider.before(provider).rates(slice(None), parent, STRENGTH))

    def learn(self, provider: Ints, reporter: Ints, past: Ints, success: Singles, parent: Singles) -> Floats:
        """Success of the provider before each call; ``past``: the pair's last calls, as in ``View``."""
        known = self.before(provider, parent)
        sick = np.maximum(USUAL, -self._learn_health(reporter, past, (success - known).astype(np.float32)))
        bad = 1 - known
        shared = (1 - (1 - success) * bad / (bad + sick)).astype(np.float32)
        seen = self._provider.learn(runs_of(provider), np.broadcast_to(shared, (len(DECAYS), len(shared))))
        return _mean(seen.rates(slice(None), parent, STRENGTH))

    def _learn_health(self, reporter: Ints, past: Ints, above: Singles) -> Singles:
        self._health = grown(self._health, int(reporter.max(initial=0)) + 1)
        moves = HEALTH_RATE * np.float32(0.5) ** _failures_in_a_row(past)
        before = blended(runs_of(reporter), self._health, (1 - moves)[None], (moves * above)[None])[0]
        self._health[:, 0] = 0
        health: Singles = before
        return health


def _failures_in_a_row(past: Ints) -> Ints:
    """Leading ones of eight bits."""
    return 8 - np.ceil(np.log2(256 - past)).astype(np.int64)


def _mean(rates: Singles) -> Floats:
    """Geometric mean of the odds."""
    return logistic(logit(rates).mean(axis=0)).astype(np.float64)
