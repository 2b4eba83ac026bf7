"""What the task asked for and the region of the caller change: a provider at a task, in a region, and both alone."""

from typing import Final

import numpy as np

from scoring.arrays import Ints
from scoring.prediction.calls import Calls
from scoring.prediction.levels import Level
from scoring.prediction.mixing import logistic, logit
from scoring.prediction.pairs import Pairs
from scoring.prediction.runs import Singles, runs_of

__all__ = ["Facets"]

_DECAYS: Final = (0.95, 0.99)
_STRENGTH: Final = np.full((2, 1), 5.0, dtype=np.float32)


class Facets:
    """Success rates by task and region; costs nothing where neither is ever stated."""

    def __init__(self) -> None:
        self._task, self._region, self._at_task, self._in_region = (Level(_DECAYS) for _ in range(4))
        self._task_pairs, self._region_pairs = Pairs(), Pairs()

    def peers(self, calls: Calls, success: Singles | None, overall: np.float32) -> tuple[Singles, Singles]:
        """What is expected of a provider from all of its task, a probability, [N], and what regions change, [2, N].

        The first is the overall rate where no task is stated.
        """
        nothing = np.zeros((2, len(calls)), dtype=np.float32)
        expected = np.broadcast_to(overall, (len(calls),)).astype(np.float32)
        if np.any(calls.task >= 0):
            expected = _rates(self._task, calls.task + 1, success, expected)[1]
        if not np.any(calls.region >= 0):
            return expected, nothing
        regions = _rates(self._region, calls.region + 1, success, nothing[0] + overall)
        return expected, _apart(regions, logit(nothing[0] + overall), calls.region)

    def look(self, calls: Calls, success: Singles | None, provider: Singles) -> Singles:
        """What differs for the provider at the task, [2, N], and in the region, [2, N], as logits beside its own."""
        apart = []
        for facet, level, pairs in (
            (calls.task, self._at_task, self._task_pairs),
            (calls.region, self._in_region, self._region_pairs),
        ):
            if np.any(facet >= 0):
                rows = (pairs.find if success is None else pairs.place)(calls.provider, facet)
                apart.append(_apart(_rates(level, rows, success, logistic(provider)), provider, facet))
            else:
                apart.append(np.zeros((2, len(calls)), dtype=np.float32))
        return np.concatenate(apart)


def _rates(level: Level, rows: Ints, success: Singles | None, parent: Singles) -> Singles:
    if success is None:
        seen = level.before(rows)
    else:
        seen = level.learn(runs_of(rows), np.broadcast_to(success, (len(_DECAYS), len(rows))))
    return seen.rates(slice(None), parent, _STRENGTH)


def _apart(rates: Singles, parent: Singles, facet: Ints) -> Singles:
    return np.where(facet >= 0, logit(rates) - parent, np.float32(0))
