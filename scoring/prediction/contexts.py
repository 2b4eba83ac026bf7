"""Success rates of contexts: how often a call succeeded when all that is known looked like this."""

from typing import Final

import numpy as np

from scoring.arrays import Ints
from scoring.prediction.levels import grown
from scoring.prediction.runs import Singles, blended, runs_of

__all__ = ["Contexts"]

START: Final = 0.95
HELD: Final = 1.5
"""Calls that the start counts as."""
LIMIT: Final = 255.0
"""Calls after which an old one counts less: a context adapts as fast as 255 calls allow."""


class Contexts:
    """One adaptive rate for each context.

    Notes
    -----
    ``rate ← rate + (success − rate) / min(n + 2.5, 255)`` with n the calls before: a mean at first, then a moving one
    (state counters of Mahoney, Adaptive Weighing of Context Models, Florida Tech CS-2005-16, 2005).
    """

    def __init__(self) -> None:
        self._rates: Singles = np.full((1, 1024), START, dtype=np.float32)
        self._count: Ints = np.zeros(1024, dtype=np.int64)

    def before(self, contexts: Ints) -> Singles:
        """Rate of each context [T, N] now."""
        rates: Singles = self._rates[0].take(np.where(contexts < len(self._count), contexts, 0))
        return rates

    def learn(self, contexts: Ints, success: Singles) -> Singles:
        """Rate of each context [T, N] before each call, calls [N] one after the other."""
        keys = contexts.ravel()
        needed = int(keys.max(initial=0)) + 1
        self._rates = grown(self._rates, needed, START)
        self._count = grown(self._count[None], needed)[0]
        runs = runs_of(keys)
        count = runs.rank + np.repeat(self._count.take(runs.keys), runs.size)
        self._count[runs.keys] += runs.size
        rate = runs.in_rows((1 / np.minimum(count + 1 + HELD, LIMIT)).astype(np.float32))
        said = np.broadcast_to(success, contexts.shape).ravel()
        before = blended(runs, self._rates, (1 - rate)[None], (rate * said)[None])
        return before.reshape(contexts.shape)
