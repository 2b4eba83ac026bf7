"""Ratings that reporters gave to subjects, and what can be said of their givers without asking whom they agree with."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from scoring.arrays import Bools, Floats, Ints
from scoring.errors import ScoringError

__all__ = ["DAY_S", "EXTREME", "InvalidRatings", "Ratings", "Tempo", "burst_weight", "extremity", "medians", "tempo"]

DAY_S: Final = 86_400.0
EXTREME: Final = 0.9 - 1e-6
"""|value| from which a rating is extreme; the tolerance is for 9 of 10, which rescales to .8999999."""
EXTREME_PRIOR: Final = 3.0
"""Ratings of the population's mean extremity that a reporter starts with."""


class InvalidRatings(ScoringError):
    """Columns of ratings that do not fit together or hold what is no rating."""

    def __init__(self, field: str, wanted: str, got: str) -> None:
        self.field, self.wanted, self.got = field, wanted, got
        super().__init__(f"{field} must be {wanted}; got {got}; correct the column")


@dataclass(frozen=True, slots=True)
class Ratings:
    """Columns of N ratings by U reporters of B subjects; refused with ``InvalidRatings`` when they do not fit."""

    reporter: Ints
    """Row of the reporter, 0..U − 1, [N]."""
    subject: Ints
    """Row of the subject, 0..B − 1, [N]."""
    value: Floats
    """From −1, worst, to 1, best, [N]."""
    at_s: Floats
    """Epoch seconds, [N]."""
    reporters: int
    subjects: int

    def __post_init__(self) -> None:
        length = len(self.reporter)
        if not len(self.subject) == len(self.value) == len(self.at_s) == length:
            lengths = f"{length}, {len(self.subject)}, {len(self.value)}, {len(self.at_s)}"
            raise InvalidRatings("reporter, subject, value, at_s", "of one length", lengths)
        if not np.all(np.abs(self.value) <= 1):
            raise InvalidRatings("value", "numbers from -1 to 1", repr(self.value[~(np.abs(self.value) <= 1)][:3]))
        if not np.all(np.isfinite(self.at_s)):
            raise InvalidRatings("at_s", "epoch seconds", repr(self.at_s[~np.isfinite(self.at_s)][:3]))

    @property
    def given(self) -> Floats:
        """Ratings of each reporter, [U]."""
        return self.by_reporter(np.ones(len(self.value)))

    def by_reporter(self, amount: Floats) -> Floats:
        """Sum of an amount per rating over each reporter's ratings, [U]."""
        total: Floats = np.bincount(self.reporter, amount, self.reporters).astype(np.float64)
        return total

    def by_subject(self, amount: Floats) -> Floats:
        """Sum of an amount per rating over each subject's ratings, [B]."""
        total: Floats = np.bincount(self.subject, amount, self.subjects).astype(np.float64)
        return total


@dataclass(frozen=True, slots=True)
class Tempo:
    """How a reporter's ratings lie in time, arrays [U]; nan for one without ratings."""

    first_s: Floats
    """Epoch seconds of its first rating."""
    span_s: Floats
    """From the first rating to the last."""
    gap_s: Floats
    """Median time between its own consecutive ratings; the median of the others for one with a single rating."""


def burst_weight(ratings: Ratings) -> Floats:
    """Weight of each rating, [N]: ``1 / sqrt(ratings its reporter gave that day)``.

    A day of k ratings counts as ``sqrt(k)`` pieces of evidence, so that a flood does not drown what came before.

    Examples
    --------
    >>> given = np.zeros(4, dtype=np.int64)
    >>> burst_weight(Ratings(given, np.arange(4), np.ones(4), np.zeros(4), 1, 4)).tolist()
    [0.5, 0.5, 0.5, 0.5]
    """
    day = np.floor(ratings.at_s / DAY_S).astype(np.int64)
    _, inverse, count = np.unique(np.stack([ratings.reporter, day]), axis=1, return_inverse=True, return_counts=True)
    weight: Floats = 1 / np.sqrt(count[inverse.reshape(-1)])
    return weight


def extremity(ratings: Ratings) -> Floats:
    """Share of extreme ratings of each reporter, [U], shrunk towards the population's.

    Notes
    -----
    ``(e_u + k e) / (n_u + k)``: e_u of its n_u ratings have ``|value| >= .9``, e is the share over all, k = 3. Without
    ratings: 0.

    Examples
    --------
    >>> one = np.zeros(2, dtype=np.int64)
    >>> extremity(Ratings(np.arange(2), one, np.array([1.0, 0.1]), np.zeros(2), 2, 1)).tolist()
    [0.625, 0.375]
    """
    is_extreme: Floats = (np.abs(ratings.value) >= EXTREME).astype(np.float64)
    usual = is_extreme.sum() / max(len(is_extreme), 1)
    share: Floats = (ratings.by_reporter(is_extreme) + EXTREME_PRIOR * usual) / (ratings.given + EXTREME_PRIOR)
    return share


def tempo(ratings: Ratings) -> Tempo:
    """First rating, span and usual gap of each reporter.

    Examples
    --------
    >>> given = np.zeros(3, dtype=np.int64)
    >>> found = tempo(Ratings(given, np.arange(3), np.ones(3), np.array([50.0, 0.0, 10.0]), 1, 3))
    >>> found.first_s.tolist(), found.span_s.tolist(), found.gap_s.tolist()
    ([0.0], [50.0], [25.0])
    """
    order = np.lexsort((ratings.at_s, ratings.reporter))
    who, at_s = ratings.reporter[order], ratings.at_s[order]
    first_s, last_s = np.full(ratings.reporters, np.inf), np.full(ratings.reporters, -np.inf)
    np.minimum.at(first_s, who, at_s)
    np.maximum.at(last_s, who, at_s)
    speaks = np.isfinite(first_s)
    same: Bools = who[1:] == who[:-1]
    gap_s = medians(who[1:][same], np.diff(at_s)[same], ratings.reporters)
    known = gap_s[~np.isnan(gap_s)]
    usual = float(np.median(known)) if len(known) else 0.0
    gap_s = np.where(speaks & np.isnan(gap_s), usual, gap_s)
    span_s = np.subtract(last_s, first_s, out=np.full(ratings.reporters, np.nan), where=speaks)
    return Tempo(np.where(speaks, first_s, np.nan), span_s, gap_s)


def medians(group: Ints, values: Floats, groups: int) -> Floats:
    """Median of the values of each group, [groups]; nan for an empty one.

    >>> medians(np.array([0, 0, 2]), np.array([1.0, 2.0, 5.0]), 3).tolist()
    [1.5, nan, 5.0]
    """
    ordered = values[np.lexsort((values, group))]
    count = np.bincount(group, minlength=groups)
    begin = np.cumsum(count) - count
    some = count > 0
    median = np.full(groups, np.nan)
    low, high = begin + (count - 1) // 2, begin + count // 2
    median[some] = (ordered[low[some]] + ordered[high[some]]) / 2
    return median
