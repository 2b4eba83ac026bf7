"""Weights of the dimensions learned from what came next, held near those in use, and what that would gain."""

from dataclasses import astuple, dataclass
from typing import Final, NamedTuple

import numpy as np
from scipy.optimize import minimize

from scoring.arrays import Floats, Ints
from scoring.errors import ScoringError
from scoring.trust import SCEPTICAL
from scoring.weight_samples import Samples
from scoring.weights import DEFAULT, HALF_WEIGHT_REPORTS, Weights

__all__ = ["Fitness", "Gain", "NothingToLearn", "fit_weights", "fitness", "gain"]

PULL: Final = 1_000.0
"""Calls that the weights in use count as, in the penalty."""
LEARNED_SHARE: Final = 0.7
"""Of the moments, the first so many are learned from; what is gained is measured on the others."""
LEAST_LEFT: Final = 0.1
"""What every weight keeps of what it was."""
LEAST_SHARE: Final = 0.01
"""Share of the calls that must have evidence of a dimension for its weight to be learned."""
MATERIAL: Final = 1e-4
"""Brier score that is worth a change."""
SURE: Final = 2.0
"""Standard errors from which a gain is one."""


class NothingToLearn(ScoringError):
    """Too few moments with calls before and after them."""

    def __init__(self, moments: int) -> None:
        self.moments = moments
        super().__init__(
            f"reports must give at least 4 moments with calls before and after them; got {moments}; "
            "give a longer file, or more moments"
        )


class Fitness(NamedTuple):
    """How good trust scores are as predictions of the next calls."""

    brier: float
    log_loss: float


@dataclass(frozen=True, slots=True)
class Gain:
    """What learned weights would change, measured on moments after those they were learned from."""

    learned: Weights
    """In sum 1."""
    before: Fitness
    after: Fitness
    brier_gain: float
    """By which the Brier score falls."""
    standard_error: float
    """Of ``brier_gain``, over the moments measured on."""
    learned_from: int
    measured_on: int
    """Calls."""
    evidence: tuple[float, ...]
    """Share of the learned calls whose provider had evidence, by dimension."""

    @property
    def is_one(self) -> bool:
        """Whether the gain is more than chance, two standard errors, and more than nothing."""
        return self.brier_gain > max(SURE * self.standard_error, MATERIAL)


def fit_weights(samples: Samples, start: Weights = DEFAULT, pull: float = PULL) -> Weights:
    """Weights, in sum 1, whose trust scores predict the next calls best.

    Parameters
    ----------
    samples
        At least one case.
    start
        Weights in use.
    pull
        Calls that they count as: 0 follows the samples alone.

    Notes
    -----
    Minimised over w with Σ w = 1, w⁰ those in use, t the trust score with weights w (``scoring.trust``)::

        Σ over cases [good (1 − t)² + (calls − good) t²] + pull Σ (w − w⁰)²     (divided by all calls)

    The Brier score is a proper scoring rule (Gneiting, Raftery, JASA 102, 2007); the penalty is that of ridge
    regression around w⁰ (Hoerl, Kennard, Technometrics 12, 1970). Sequential least squares (SLSQP, Kraft, 1988) from
    w⁰, with the gradient ``∂C/∂w_d = g_d (v_d − C) / Σ w g``. Each w_d stays at least a tenth of w⁰_d, so that what
    every report speaks to still counts where nothing else is known. A dimension that less than 1 % of the calls have
    evidence of keeps w⁰_d: there is nothing to learn it from.
    """
    wanted = _normal(start)
    total = float(samples.calls.sum())

    speaks = samples.calls @ (samples.n_effective > 0) >= LEAST_SHARE * total
    lowest, highest = np.where(speaks, LEAST_LEFT * wanted, wanted), np.where(speaks, 1.0, wanted)

    def loss(weights: Floats) -> tuple[float, Floats]:
        score, slope = _scores(samples, weights)
        missed = samples.good * (1 - score) ** 2 + (samples.calls - samples.good) * score**2
        steep = 2 * (samples.calls * score - samples.good)
        value = float(missed.sum()) + pull * float(((weights - wanted) ** 2).sum())
        gradient: Floats = (steep @ slope + 2 * pull * (weights - wanted)) / total
        return value / total, gradient

    found = minimize(  # type: ignore[call-overload]  # scipy's stubs know no equality constraint with a ufunc
        loss,
        wanted,
        jac=True,
        method="SLSQP",
        bounds=list(zip(lowest.tolist(), highest.tolist(), strict=True)),
        constraints={"type": "eq", "fun": lambda weights: weights.sum() - 1, "jac": np.ones_like},
        options={"maxiter": 500, "ftol": 1e-12},
    )
    learned = np.clip(found.x, lowest, highest)
    return Weights(*(learned / learned.sum()).tolist())


def fitness(samples: Samples, weights: Weights) -> Fitness:
    """How well trust scores of these weights predict the next calls."""
    score = np.clip(_scores(samples, _normal(weights))[0], 1e-6, 1 - 1e-6)
    bad, total = samples.calls - samples.good, float(samples.calls.sum())
    squared = samples.good * (1 - score) ** 2 + bad * score**2
    logged = samples.good * np.log(score) + bad * np.log1p(-score)
    return Fitness(float(squared.sum()) / total, -float(logged.sum()) / total)


def gain(samples: Samples, start: Weights = DEFAULT, pull: float = PULL) -> Gain:
    """Weights learned from the first 70 % of the moments, measured on the others.

    Raises
    ------
    NothingToLearn
        When there are fewer than four moments.
    """
    moments = np.unique(samples.moment)
    if len(moments) < 4:
        raise NothingToLearn(len(moments))
    border = moments[int(len(moments) * LEARNED_SHARE)]
    first, rest = samples.part(samples.moment < border), samples.part(samples.moment >= border)
    learned = fit_weights(first, start, pull)
    before, after = fitness(rest, start), fitness(rest, learned)
    known = first.calls @ (first.n_effective > 0) / first.calls.sum()
    return Gain(
        learned=learned,
        before=before,
        after=after,
        brier_gain=before.brier - after.brier,
        standard_error=_standard_error(rest, start, learned),
        learned_from=int(first.calls.sum()),
        measured_on=int(rest.calls.sum()),
        evidence=tuple(known.tolist()),
    )


def _standard_error(samples: Samples, one: Weights, other: Weights) -> float:
    """Of the mean difference of the two Brier scores, moments taken as independent."""
    scores = [_scores(samples, _normal(weights))[0] for weights in (one, other)]
    bad = samples.calls - samples.good
    missed = [samples.good * (1 - score) ** 2 + bad * score**2 for score in scores]
    number: Ints = np.unique(samples.moment, return_inverse=True)[1]
    apart = np.bincount(number, missed[0] - missed[1])
    calls = np.bincount(number, samples.calls)
    off = apart - calls * (apart.sum() / calls.sum())
    moments = len(apart)
    return float(np.sqrt(moments / max(moments - 1, 1) * (off**2).sum()) / calls.sum())


def _scores(samples: Samples, weights: Floats) -> tuple[Floats, Floats]:
    """Trust scores [N], and their slopes by each weight [N, D]."""
    grown = samples.n_effective / (samples.n_effective + HALF_WEIGHT_REPORTS)
    values = np.nan_to_num(samples.values)
    whole = np.maximum(grown @ weights, 1e-12)
    composite = (grown * values) @ weights / whole
    certain = samples.reports / (samples.reports + sum(SCEPTICAL))
    score = certain * composite + SCEPTICAL[0] / (samples.reports + sum(SCEPTICAL))
    slope: Floats = certain[:, None] * grown * (values - composite[:, None]) / whole[:, None]
    return score, slope


def _normal(weights: Weights) -> Floats:
    relative: Floats = np.array(astuple(weights))
    share: Floats = relative / relative.sum()
    return share
