"""How much each dimension counts in the trust score."""

import math
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Final

import numpy as np

from scoring.arrays import Floats, ratio
from scoring.errors import ScoringError
from scoring.tables import DIMENSIONS

__all__ = ["DEFAULT", "HALF_WEIGHT_REPORTS", "InvalidWeights", "StatedBadly", "Weights", "shares", "stated_weights"]

HALF_WEIGHT_REPORTS: Final = 5.0
"""Effective reports at which a dimension has half of its weight: a stray one must not move a score by 10 %."""
SUM_TOLERANCE: Final = 0.001
"""By which stated weights may miss 1 in sum: they are written with four decimals."""


class InvalidWeights(ScoringError):
    """Weights that cannot weigh: which dimension, what was wanted, what came."""

    def __init__(self, dimension: str, got: float) -> None:
        self.dimension, self.got = dimension, got
        wanted = "more than 0 in sum" if dimension == "weights" else "a finite number of at least 0"
        super().__init__(f"{dimension} must be {wanted}; got {got}; 0 switches a dimension off, any other is relative")


class StatedBadly(ScoringError):
    """Weights that were stated and cannot be adopted: what, what was wanted, and what came."""

    def __init__(self, what: str, wanted: str, got: str) -> None:
        self.what, self.wanted, self.got = what, wanted, got
        super().__init__(
            f"{what} must be {wanted}; got {got}; write them anew: trustscore weights fit REPORTS --out FILE"
        )


@dataclass(frozen=True, slots=True)
class Weights:
    """Relative weight of every dimension, in the order of ``DIMENSIONS``; 0 switches one off.

    Raises
    ------
    InvalidWeights
        When one is negative or not finite, or all are 0.

    Examples
    --------
    >>> Weights(rate_limits=0.05).rate_limits
    0.05
    """

    reliability: float = 0.25
    uptime: float = 0.20
    latency: float = 0.15
    error_rate: float = 0.15
    quality: float = 0.10
    freshness: float = 0.10
    security: float = 0.05
    cost_efficiency: float = 0.0
    geographic_availability: float = 0.0
    consistency: float = 0.0
    rate_limits: float = 0.0

    def __post_init__(self) -> None:
        for name in DIMENSIONS:
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise InvalidWeights(name, value)
        if sum(astuple(self)) <= 0:
            raise InvalidWeights("weights", 0.0)


DEFAULT: Final = Weights()
"""The seven; the four further ones weigh nothing until asked for."""


def stated_weights(stated: object) -> Weights:
    """Weights as somebody stated them: a mapping of every dimension to its weight, in sum 1.

    Raises
    ------
    StatedBadly
        When a dimension is missing, one is unknown, a weight is no number of at least 0, or they miss 1 in sum by more
        than .001.

    Examples
    --------
    >>> stated_weights(dict.fromkeys(DIMENSIONS, 0.0) | {"reliability": 0.4, "latency": 0.6}).latency
    0.6
    """
    if not isinstance(stated, Mapping):
        raise StatedBadly("weights", "a JSON object of dimensions and their weights", type(stated).__name__)
    if missing := [name for name in DIMENSIONS if name not in stated]:
        raise StatedBadly("weights", f"of all {len(DIMENSIONS)} dimensions", f"none of {', '.join(missing)}")
    if unknown := [ascii(name) for name in stated if name not in DIMENSIONS]:
        raise StatedBadly("weights", f"of {', '.join(DIMENSIONS)}", ", ".join(unknown))
    for name in DIMENSIONS:
        weight = stated[name]
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < math.inf:
            raise StatedBadly(f"weight of {name}", "a number of at least 0", ascii(weight))
    total = math.fsum(stated.values())
    if abs(total - 1) > SUM_TOLERANCE:
        raise StatedBadly("weights", f"1 in sum (within {SUM_TOLERANCE:g})", f"{total:.6g}")
    return Weights(**{name: float(stated[name]) for name in DIMENSIONS})


def shares(weights: Weights, n_effective: Floats) -> Floats:
    """Share of each dimension in the score, shape [E, D]: rows sum to 1, or are nan where nothing weighs.

    Parameters
    ----------
    weights
        Relative weights.
    n_effective
        Age-weighted reports that speak to each dimension, shape [E, D].

    Notes
    -----
    ``share_d = w_d g_d / sum(w g)`` with ``g = n / (n + 5)``. An absent dimension (n = 0) gives its whole weight up to
    the others in proportion; one with little evidence gives up part of it, so that nothing jumps when the first report
    of a kind arrives, and a perfect first report of a kind never lowers a score.

    Examples
    --------
    >>> few = np.array([[30.0, 30, 0, 30, 0, 0, 0, 0, 0, 0, 0]])
    >>> shares(DEFAULT, few).round(3).tolist()
    [[0.417, 0.333, 0.0, 0.25, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]]
    """
    weight = np.array([getattr(weights, name) for name in DIMENSIONS])
    grown = weight * (n_effective / (n_effective + HALF_WEIGHT_REPORTS))
    total = np.zeros(len(grown))
    # One column after the other: numpy's own sum groups by memory layout, and a batch must equal its rows bit for bit.
    for column in range(grown.shape[1]):
        total += grown[:, column]
    return ratio(grown, total[:, None])
