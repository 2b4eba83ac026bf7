"""Simple predictions to be measured against: each from the provider's earlier calls only, before each call."""

from typing import Final

import numpy as np

from scoring.arrays import Floats
from scoring.prediction.calls import Calls, Outcomes
from scoring.prediction.runs import Runs, decayed, runs_of

__all__ = ["BASELINES", "baselines"]

BASELINES: Final = ("raw_rate", "first_formula", "ewma", "beta_0_995", "last_call")
EWMA: Final = 0.1
FORGETTING: Final = 0.995
SURE: Final = 10.0
"""Calls at which the first formula is half confident."""
HALF_LIFE_S: Final = 86_400.0
BOUND: Final = 0.001
"""No baseline says less than this, or more than one minus this: else one surprise would be an infinite log loss."""


def baselines(calls: Calls, outcomes: Outcomes) -> dict[str, Floats]:
    """Probabilities [N] by name, calls in the order they end.

    Notes
    -----
    With s successes of n earlier calls of the provider: ``raw_rate`` (s + 1) / (n + 2) (Laplace). ``first_formula``, of
    the first TrustScore: raw_rate (½ + ½ n / (n + 10)) (½ + ½ 2^(−age / 1 day)), age since the provider's last call, 0
    without one. ``ewma`` p ← p + .1 (success − p) from .5. ``beta_0_995`` (s' + 1) / (n' + 2), both sums times .995 a
    call (Jøsang, Ismail, The Beta Reputation System, 2002). ``last_call``: whether the last call succeeded, .5 without
    one. All within .001 and .999.

    Examples
    --------
    >>> ids = np.zeros(3, np.int64)
    >>> calls = Calls(np.arange(3.0), ids, ids, ids, ids)
    >>> found = baselines(calls, Outcomes(np.array([True, True, False]), np.ones(3)))
    >>> found["raw_rate"].round(3).tolist(), found["last_call"].tolist()
    ([0.5, 0.667, 0.75], [0.5, 0.999, 0.999])
    """
    runs = runs_of(calls.provider)
    success = outcomes.success.astype(np.float64)
    count = runs.in_rows(runs.rank.astype(np.float64))
    raw = (_before(runs, success) + 1) / (count + 2)
    age_s = calls.time_s - _last(runs, calls.time_s)
    confidence, recency = count / (count + SURE), np.exp2(-np.nan_to_num(age_s) / HALF_LIFE_S)
    smooth = _decayed(runs, success, 1 - EWMA)
    forgotten = _decayed(runs, success, FORGETTING)
    weight = (1 - FORGETTING**count) / (1 - FORGETTING)
    said = {
        "raw_rate": raw,
        "first_formula": raw * (0.5 + 0.5 * confidence) * (0.5 + 0.5 * recency),
        "ewma": EWMA * smooth + 0.5 * (1 - EWMA) ** count,
        "beta_0_995": (forgotten + 1) / (weight + 2),
        "last_call": np.nan_to_num(_last(runs, success), nan=0.5),
    }
    return {name: np.clip(said[name], BOUND, 1 - BOUND) for name in BASELINES}


def _before(runs: Runs, values: Floats) -> Floats:
    """Sum over the earlier rows of the same key."""
    ordered = values.take(runs.order)
    reached = np.cumsum(ordered) - ordered
    sums: Floats = runs.in_rows(reached - np.repeat(reached.take(runs.starts), runs.size))
    return sums


def _last(runs: Runs, values: Floats) -> Floats:
    """Value of the row before of the same key; nan for the first."""
    ordered = np.roll(values.take(runs.order), 1)
    ordered[runs.starts] = np.nan
    last: Floats = runs.in_rows(ordered)
    return last


def _decayed(runs: Runs, values: Floats, decay: float) -> Floats:
    keys = int(runs.keys.max(initial=0)) + 1
    state, factor = np.zeros((1, keys), dtype=np.float32), np.array([decay], dtype=np.float32)
    before: Floats = decayed(runs, state, factor, values.astype(np.float32)[None])[0].astype(np.float64)
    return before
