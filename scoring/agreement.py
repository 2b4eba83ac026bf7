"""How far a reporter agrees with independent others, with what came later, and who moves together."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from scoring.arrays import Bools, Floats, Ints
from scoring.circles import circles
from scoring.ratings import Ratings, burst_weight, medians

__all__ = ["BAD_WEIGHT", "SCEPTICISM", "Agreement", "agreement", "circle_sizes"]

SCEPTICISM: Final = 3.0
"""A newcomer starts at so many times the population's mean deviation."""
PRIOR_RATINGS: Final = 5.0
"""Ratings that this start weighs."""
BAD_WEIGHT: Final = 2.0
"""A rating below the others' counts so many times as one above: to slander is worse than to praise."""
ROUNDS: Final = 5
DISSENT: Final = 0.5
"""Difference to the others, on −1..1, from which a rating is a dissent."""
LEAST: Final = 3
"""Ratings of a subject from which one of them can be a dissent."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Of each of U reporters, arrays [U]."""

    deviation: Floats
    """From what the others say, sceptical: 0 none; a reporter without others to compare with has 3 × the mean."""
    later_deviation: Floats
    """The same from what others said later only: a forecast, which following the crowd does not improve."""
    weight: Floats
    """In the consensus, above 0: 1 for perfect agreement, 1/4 for a newcomer, more with anchors; shared in a circle."""
    circle: Ints
    """Reporters that move together with it, itself counted."""


def agreement(ratings: Ratings, anchor_share: Floats, anchor_weight: Floats) -> Agreement:
    """Agreement of each reporter with weighted, independent others.

    Parameters
    ----------
    ratings
        What was said.
    anchor_share
        How far anchors replace agreement in a reporter's weight, 0..1, [U]; 0: no anchors.
    anchor_weight
        Weight that the anchors give, from 0, [U].

    Notes
    -----
    A rating w of reporter u about b: consensus of the others ``m = (Σ C_a w_a + μ) / (S + 1)``, ``S = Σ C_a`` over b's
    other ratings, μ the mean of all values; its reach ``q = S / (S + 1)``; x the burst weight. Then
    ``d_u = Σ q x a |w − m| / 2`` with a = 2 where w < m, else 1; ``n_u = Σ q x``; g = Σ d / Σ n; deviation
    ``D_u = (d_u + k s g) / (n_u + k)`` with k = 5, s = 3; weight ``C_u = g / (D_u + g)``, mixed with the anchors', and
    divided by the size of its circle. Five rounds from equal weights. After Kumar et al., Edge Weight Prediction in
    Weighted Signed Networks, ICDM 2016 (mutual fairness and goodness), with the sceptical start of a newcomer from
    REV2 (Kumar et al., WSDM 2018) and leave-one-out consensus. Without ratings every deviation is 0 and every weight 1.

    Examples
    --------
    >>> who, what = np.repeat(np.arange(4), 6), np.tile(np.arange(6), 4)
    >>> said = np.repeat([0.8, 0.8, 0.8, -0.8], 6)
    >>> found = agreement(Ratings(who, what, said, np.arange(24) * 1e5, 4, 6), np.zeros(4), np.zeros(4))
    >>> bool(found.deviation[3] > found.deviation[0]), found.circle.tolist()
    (True, [1, 1, 1, 1])
    """
    burst = burst_weight(ratings)
    circle = circle_sizes(ratings)
    weight = 1.0 / circle
    deviation = np.zeros(ratings.reporters)
    for _ in range(ROUNDS):
        each = weight[ratings.reporter]
        total, said = ratings.by_subject(each), ratings.by_subject(each * ratings.value)
        others = np.maximum(total[ratings.subject] - each, 0.0)
        deviation, mean = _deviation(ratings, burst, others, said[ratings.subject] - each * ratings.value)
        agreed = np.divide(mean, deviation + mean, out=np.ones(ratings.reporters), where=deviation + mean > 0)
        weight = ((1 - anchor_share) * agreed + anchor_share * anchor_weight) / circle
    each = weight[ratings.reporter]
    later, _ = _deviation(ratings, burst, np.maximum(_after(ratings, each), 0.0), _after(ratings, each * ratings.value))
    return Agreement(deviation, later, weight, circle)


def circle_sizes(ratings: Ratings) -> Ints:
    """Size of each reporter's circle, [U], at least 1: who dissents from everybody else together, on the same subjects.

    Notes
    -----
    A dissent is a rating more than .5 (on −1..1) above or below the median of a subject's ratings, three at least.
    Two reporters move together when they share 3 dissents (subject and direction) and these are half of all that either
    has (Jaccard). Circles are the connected components. Agreement makes no circle: honest reporters agree too. A ring
    that is the majority of a subject's reporters is not seen; the honest rest then looks like one.

    Examples
    --------
    >>> who, what = np.repeat(np.arange(9), 4), np.tile(np.arange(4), 9)
    >>> said = np.repeat([0.9] * 6 + [-0.9] * 3, 4)
    >>> circle_sizes(Ratings(who, what, said, np.zeros(36), 9, 4)).tolist()
    [1, 1, 1, 1, 1, 1, 3, 3, 3]
    """
    count = np.bincount(ratings.subject, minlength=ratings.subjects)[ratings.subject]
    off = ratings.value - medians(ratings.subject, ratings.value, ratings.subjects)[ratings.subject]
    dissents = (np.abs(off) > DISSENT) & (count >= LEAST)
    column = 2 * ratings.subject + (off > 0)
    component = circles(ratings.reporter[dissents], column[dissents], ratings.reporters, 2 * ratings.subjects)
    sizes: Ints = np.bincount(component, minlength=1)[component].astype(np.int64)
    return sizes


def _deviation(ratings: Ratings, burst: Floats, others: Floats, said: Floats) -> tuple[Floats, float]:
    """Sceptical deviation of each reporter, [U], and the mean of all, from weight and weighted sum of the others."""
    mean = ratings.value.sum() / max(len(ratings.value), 1)
    consensus, reach = (said + mean) / (others + 1), others / (others + 1)
    apart = np.abs(ratings.value - consensus) / 2 * np.where(ratings.value < consensus, BAD_WEIGHT, 1.0)
    found, evidence = ratings.by_reporter(reach * burst * apart), ratings.by_reporter(reach * burst)
    usual = float(found.sum() / max(evidence.sum(), 1e-12))
    deviation: Floats = (found + PRIOR_RATINGS * SCEPTICISM * usual) / (evidence + PRIOR_RATINGS)
    return deviation, usual


def _after(ratings: Ratings, amount: Floats) -> Floats:
    """Sum of an amount over the ratings of the same subject that are later than each one, not of its moment, [N]."""
    order = np.lexsort((ratings.at_s, ratings.subject))
    what, at_s = ratings.subject[order], ratings.at_s[order]
    running = np.cumsum(amount[order])
    place = np.arange(len(order))
    subject_ends = np.append(what[1:] != what[:-1], True)[: len(order)]
    moment_ends = subject_ends | np.append(at_s[1:] != at_s[:-1], True)[: len(order)]
    left = np.empty(len(amount))
    left[order] = running[_next(place, subject_ends)] - running[_next(place, moment_ends)]
    return left


def _next(place: Ints, ends: Bools) -> Ints:
    """First place from each one on at which something ends."""
    return np.minimum.accumulate(np.where(ends, place, len(place))[::-1])[::-1]
