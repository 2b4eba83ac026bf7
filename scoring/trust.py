"""The trust score: dimensions, weighed and held back by what is not known.

Two sentences carry it. A dimension is an age-weighted share that recent windows may only lower
(``scoring.dimensions``). The score is their weighted mean, pulled towards a sceptical prior as if five more reports
had been seen, four of them good: with few reports the prior speaks, with many the provider does.
"""

from typing import Final

import numpy as np

from scoring.anomalies import own_z_scores
from scoring.arrays import NAN, Floats, or_zero, ratio
from scoring.bounds import beta_interval
from scoring.dimensions import COLUMN, capped, credits, decayed, geography
from scoring.evidence import Evidence
from scoring.flags import confidences, flags
from scoring.scores import Scores, records
from scoring.weights import DEFAULT, Weights, shares

__all__ = ["SCEPTICAL", "Scores", "records", "score"]

SCEPTICAL: Final = (4.0, 1.0)
"""Beta prior (successes, other outcomes) of a provider nobody has seen."""
GRID: Final = 2.0**-48
"""Contributions and scores are whole multiples of this: sums of a few are exact in any order and any engine."""

_RELIABILITY: Final = COLUMN["reliability"]
_GEOGRAPHY: Final = COLUMN["geographic_availability"]


def score(
    evidence: Evidence, as_of_s: float, weights: Weights = DEFAULT, prior: tuple[float, float] | Floats = SCEPTICAL
) -> Scores:
    """Scores of every entity of the evidence; an entity without reports has nan everywhere and confidence "none".

    Parameters
    ----------
    evidence
        Of E entities.
    as_of_s
        The moment the windows end, epoch seconds.
    weights
        Of the dimensions.
    prior
        Beta prior (successes, other outcomes) behind ``success_probability``: one for all, or [E, 2], for instance
        learned from peers. The trust score keeps the sceptical one: peers may teach what to expect, trust is earned.

    Notes
    -----
    With n effective reports, C the weighted mean of the present dimensions and the prior (a, b) = (4, 1)::

        trust_score         = (n C + a) / (n + a + b)
        success_probability = (n reliability + prior successes) / (n + sum of the prior)

    The second is the posterior mean of a Beta-Bernoulli model with discounted counts (Jøsang and Ismail, The Beta
    Reputation System, 2002). The interval is that of a Beta distribution with the score as mean and the standard
    deviation sum(weight sd): the posterior deviations of the dimensions as if all erred together, the most the
    deviation of a weighted sum can be. Every operation works element by element in a fixed order, so an entity's
    answer has the same bits alone and in any batch.
    """
    windows = evidence.windows
    sums = decayed(windows)
    places = geography(evidence.region_windows, evidence.region_of, len(windows))
    values, n_effective, n = capped(windows, sums), credits(sums).n, credits(windows[:, -1]).n
    for array, places_of in ((values, places.share), (n_effective, places.n_effective), (n, places.n)):
        array[:, _GEOGRAPHY] = places_of
    reports, reports_effective = n[:, _RELIABILITY].astype(np.int64), n_effective[:, _RELIABILITY]
    z_scores = own_z_scores(windows, evidence.baseline)
    weight = shares(weights, n_effective)
    contribution = or_zero(_on_grid(weight * values))
    trust, adjustment, lower, upper = _trust(values, n_effective, weight, contribution, reports_effective)
    beta = np.broadcast_to(np.asarray(prior, dtype=np.float64), (len(windows), 2))
    probability = ratio(
        beta[:, 0] + values[:, _RELIABILITY] * reports_effective, beta[:, 0] + beta[:, 1] + reports_effective
    )
    return Scores(
        evidence=evidence,
        as_of_s=as_of_s,
        places=places,
        values=values,
        n=n.astype(np.int64),
        n_effective=n_effective,
        weight=or_zero(weight),
        contribution=contribution,
        z_scores=z_scores,
        trust_score=trust,
        lower=lower,
        upper=upper,
        evidence_adjustment=adjustment,
        success_probability=probability,
        reports=reports,
        reports_effective=reports_effective,
        confidence=confidences(reports, reports_effective),
        flags=flags(evidence, as_of_s, reports, reports_effective, z_scores),
        prior=beta,
        weights=weights,
    )


def _trust(
    values: Floats, n_effective: Floats, weight: Floats, contribution: Floats, reports: Floats
) -> tuple[Floats, Floats, Floats, Floats]:
    """Score, adjustment, lower and upper bound, each [E]; nan, 0, nan, nan without a present dimension."""
    good, strength = SCEPTICAL[0], sum(SCEPTICAL)
    composite, deviation = np.zeros(len(values)), np.zeros(len(values))
    posterior = (or_zero(values) * n_effective + good) / (n_effective + strength)
    deviations = or_zero(weight) * np.sqrt(posterior * (1 - posterior) / (n_effective + strength + 1))
    for column in range(values.shape[1]):  # not numpy's sum: see scoring.weights.shares
        composite += contribution[:, column]
        deviation += deviations[:, column]
    known = ~np.isnan(weight[:, _RELIABILITY])
    trust = _on_grid((composite * reports + good) / (reports + strength))
    variance = np.maximum(deviation * deviation, 1e-18)
    interval = beta_interval(np.where(known, trust, NAN), np.maximum(trust * (1 - trust) / variance - 1, strength))
    return np.where(known, trust, NAN), np.where(known, trust - composite, 0.0), *interval


def _on_grid(values: Floats) -> Floats:
    return np.rint(values / GRID) * GRID
