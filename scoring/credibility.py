"""How far each reporter can be believed: agreement, later truth, extremity, tenure and anchors, in one weight."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from scoring.agreement import Agreement, agreement
from scoring.arrays import Bools, Floats, Ints, average_ranks
from scoring.ratings import InvalidRatings, Ratings, Tempo, extremity, tempo

__all__ = ["ANCHOR_KINDS", "Anchors", "Credibility", "credibility", "no_anchors", "reasons"]

ANCHOR_KINDS: Final = {"probe": 1.0, "receipt": 0.5, "outcome": 1.0}
"""What agreement cannot give, and how much one counts: a seeded probe whose answer is known, a receipt that the
provider signed (it may favour itself, so half), what later turned out to be true."""
ANCHORS_HALF: Final = 5.0
"""Anchors after which they weigh as much as all else."""
ANCHOR_WEIGHT: Final = 20.0
"""Weight in the consensus of a reporter whose many anchors all agree; 1 is perfect agreement without any."""
FEW: Final = 3
"""Ratings under which a reporter is said to have few."""
WORST: Final = 0.75
"""Rank, as a share, from which an ingredient is given as a reason."""


@dataclass(frozen=True, slots=True)
class Anchors:
    """Weighted counts of each reporter's anchored reports, [U]."""

    agreed: Floats
    contradicted: Floats


@dataclass(frozen=True, slots=True)
class Credibility:
    """Of U reporters, arrays [U]."""

    value: Floats
    """From 0 to 1; a rank among these reporters, not a probability; nan for one without ratings."""
    weight: Floats
    """In the consensus, above 0; to weigh reports by."""
    ranks: dict[str, Floats] = field(repr=False)
    """Of each ingredient, 0..1, high is suspicious."""
    agreement: Agreement = field(repr=False)
    tempo: Tempo = field(repr=False)
    given: Floats = field(repr=False)
    anchors: Anchors = field(repr=False)


def no_anchors(reporters: int) -> Anchors:
    """The anchors of reporters none of whose reports could be checked.

    >>> no_anchors(2).agreed.tolist()
    [0.0, 0.0]
    """
    return Anchors(np.zeros(reporters), np.zeros(reporters))


def credibility(ratings: Ratings, anchors: Anchors | None = None, *, with_tenure: bool = True) -> Credibility:
    """Credibility of each reporter, from what it reported only (never from what is reported of it).

    Parameters
    ----------
    ratings
        All ratings, in any order.
    anchors
        What could be checked; None: nothing.
    with_tenure
        Whether age, span and tempo count; without, a patient liar gains nothing by waiting.

    Raises
    ------
    InvalidRatings
        When the anchors are not one number from 0 per reporter.

    Notes
    -----
    ``r`` = mean rank, over the reporters that rated (ties averaged, suspicious high), of: deviation from the others,
    deviation from what others said later, extremity and, with tenure, a short span, a short usual gap, a late first
    rating; rank j of U stands as ``(j − 1/2) / U``, and ``v = 1 − r``. Anchors: n of them give ``a = (agreed + 1) /
    (n + 2)`` (Laplace) the share ``λ = n / (n + 5)``: credibility ``(1 − λ) v + λ a``; in the consensus
    ``20 max(0, 2a − 1)`` has the share λ of the weight. So reporters that agree only with those who share their error
    can be overruled by few that are anchored.

    Examples
    --------
    >>> who, what = np.repeat(np.arange(4), 6), np.tile(np.arange(6), 4)
    >>> said = np.repeat([0.5, 0.5, 0.5, -1.0], 6)
    >>> found = credibility(Ratings(who, what, said, np.arange(24) * 1e5, 4, 6))
    >>> int(np.argmin(found.value)), bool(np.all((found.value >= 0) & (found.value <= 1)))
    (3, True)
    """
    known = no_anchors(ratings.reporters) if anchors is None else anchors
    for name, counts in (("agreed", known.agreed), ("contradicted", known.contradicted)):
        if counts.shape != (ratings.reporters,) or not np.all((counts >= 0) & np.isfinite(counts)):
            raise InvalidRatings(f"anchors {name}", f"{ratings.reporters} counts from 0", repr(counts))
    checked = known.agreed + known.contradicted
    share, right = checked / (checked + ANCHORS_HALF), (known.agreed + 1) / (checked + 2)
    found = agreement(ratings, share, ANCHOR_WEIGHT * np.maximum(0.0, 2 * right - 1))
    time = tempo(ratings)
    suspicious = {
        "contradicts": found.deviation,
        "contradicted_later": found.later_deviation,
        "extreme": extremity(ratings),
    }
    if with_tenure:
        suspicious |= {"brief": -time.span_s, "hasty": -time.gap_s, "new": time.first_s}
    given = ratings.given
    speaks = given > 0
    ranks = {name: _rank(values, speaks) for name, values in suspicious.items()}
    value = (1 - share) * (1 - np.mean(list(ranks.values()), axis=0)) + share * right
    return Credibility(value, found.weight, ranks, found, time, given, known)


def reasons(found: Credibility, row: int) -> tuple[str, ...]:
    """Why a reporter is believed or not, in words; one sentence part for each ingredient in the worst quarter.

    Examples
    --------
    >>> one = np.zeros(1, dtype=np.int64)
    >>> reasons(credibility(Ratings(one, one, np.ones(1), np.zeros(1), 1, 1)), 0)
    ('1 rating only',)
    """
    days = found.tempo.span_s[row] / 86_400
    words = {
        "contradicts": "contradicts the others",
        "contradicted_later": "contradicted by what others said later",
        "extreme": "mostly extreme ratings",
        "brief": f"active for {days:.0f} days only",
        "hasty": f"usually {found.tempo.gap_s[row] / 3_600:.1f} hours between ratings",
        "new": "joined late",
    }
    given = int(found.given[row])
    told = [f"{given} rating{'' if given == 1 else 's'} only"] if given < FEW else []
    told += [words[name] for name, rank in found.ranks.items() if rank[row] >= WORST]
    circle: Ints = found.agreement.circle
    if circle[row] > 1:
        told.append(f"dissents together with {circle[row] - 1} others")
    agreed, contradicted = found.anchors.agreed[row], found.anchors.contradicted[row]
    if agreed + contradicted > 0:
        told.append(f"{agreed:g} of {agreed + contradicted:g} anchored reports right")
    return tuple(told) or ("agrees with the others, over time",)


def _rank(values: Floats, speaks: Bools) -> Floats:
    """Average rank among those that speak as a share, in (0, 1); nan for the others."""
    share = np.full(len(values), np.nan)
    share[speaks] = (average_ranks(values[speaks]) - 0.5) / max(int(speaks.sum()), 1)
    return share
