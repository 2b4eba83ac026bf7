"""How good predictions were: Brier score, log loss, calibration, coverage, and what routing by them would have cost."""

from typing import Final, NamedTuple

import numpy as np

from scoring.arrays import Bools, Floats
from scoring.prediction.calls import Calls
from scoring.prediction.runs import runs_of

__all__ = ["CHOICES", "Bin", "brier", "calibration_error", "coverage", "log_loss", "reliability", "routing_regret"]

BINS: Final = 20
CHOICES: Final = 5
"""Providers a routing decision chooses from."""
TOGETHER_S: Final = 900.0
"""Calls of one decision lie in the same so many seconds."""


class Bin(NamedTuple):
    """Predictions of nearly the same value."""

    lower: float
    upper: float
    reports: int
    predicted: float
    """Mean prediction; nan when there is none."""
    observed: float
    """Success rate; nan when there is none."""


def brier(predicted: Floats, success: Bools) -> float:
    """Mean squared error (Brier, Monthly Weather Review 78, 1950); nan without predictions.

    >>> brier(np.array([0.5, 1.0]), np.array([True, True]))
    0.125
    """
    return float(np.mean((predicted - success) ** 2)) if len(predicted) else float("nan")


def log_loss(predicted: Floats, success: Bools) -> float:
    """Mean of −ln of the probability given to what happened; nan without predictions.

    >>> round(log_loss(np.array([0.5, 0.5]), np.array([True, False])), 4)
    0.6931
    """
    said = np.where(success, predicted, 1 - predicted)
    return float(-np.mean(np.log(said))) if len(said) else float("nan")


def reliability(predicted: Floats, success: Bools) -> tuple[Bin, ...]:
    """Twenty bins of equal width: what was predicted and what came.

    >>> reliability(np.array([0.93, 0.94]), np.array([True, False]))[18].observed
    0.5
    """
    bins = np.clip((predicted * BINS).astype(np.int64), 0, BINS - 1)
    count = np.bincount(bins, minlength=BINS)
    some = np.where(count > 0, count, np.nan)
    said = np.bincount(bins, predicted, BINS) / some
    came = np.bincount(bins, success, BINS) / some
    return tuple(
        Bin(row / BINS, (row + 1) / BINS, int(count[row]), float(said[row]), float(came[row])) for row in range(BINS)
    )


def calibration_error(predicted: Floats, success: Bools) -> float:
    """Expected calibration error: mean distance of the bins' predicted and observed rates, weighted by count.

    Naeini, Cooper, Hauskrecht, Obtaining Well Calibrated Probabilities Using Bayesian Binning, AAAI 2015; nan without
    predictions.

    >>> calibration_error(np.array([0.75, 0.75]), np.array([True, False]))
    0.25
    """
    held = [each for each in reliability(predicted, success) if each.reports]
    if not held:
        return float("nan")
    return sum(each.reports * abs(each.predicted - each.observed) for each in held) / len(predicted)


def coverage(values: Floats, lower: Floats, upper: Floats) -> float:
    """Share of the known values that lie within their bounds; nan when none is known.

    >>> coverage(np.array([1.0, 3.0, np.nan]), np.zeros(3), np.full(3, 2.0))
    0.5
    """
    known = ~np.isnan(values)
    inside = (values[known] >= lower[known]) & (values[known] <= upper[known])
    return float(np.mean(inside)) if known.any() else float("nan")


def routing_regret(calls: Calls, success: Bools, worth: Floats, seed: int = 0) -> tuple[float, int]:
    """Success that choosing by what is known gives away, and how many decisions there were.

    Notes
    -----
    The calls of one reporter within one quarter of an hour are dealt at random (``seed``) into decisions of five; what
    is left over, and a decision with one provider only, is left out. The greatest worth is chosen, such as the
    predicted probability, the first dealt of equal ones. Regret is the mean of best outcome (1 when any succeeded)
    minus outcome of the chosen call: 0 for who knows the future. Each worth is from before its own call. nan without
    decisions.

    Examples
    --------
    >>> one, five = np.zeros(5, np.int64), np.arange(5)
    >>> calls = Calls(np.zeros(5), five, one, one, one)
    >>> routing_regret(calls, np.array([False, True, True, True, True]), np.array([0.9, 0.5, 0.5, 0.5, 0.5]))
    (1.0, 1)
    """
    dealt = np.random.default_rng(seed).permutation(len(calls))
    together = np.stack([calls.reporter[dealt], np.floor(calls.time_s[dealt] / TOGETHER_S).astype(np.int64)])
    _, together_of = np.unique(together, axis=1, return_inverse=True)
    runs = runs_of(together_of)
    whole = np.repeat(runs.size // CHOICES * CHOICES, runs.size)
    rows = dealt[runs.order[runs.rank < whole]].reshape(-1, CHOICES)
    rows = rows[np.ptp(calls.provider[rows], axis=1) > 0]
    if not len(rows):
        return float("nan"), 0
    chosen = rows[np.arange(len(rows)), np.argmax(worth[rows], axis=1)]
    return float(np.mean(success[rows].any(axis=1).astype(np.float64) - success[chosen])), len(rows)
