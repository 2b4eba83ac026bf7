"""Who to call: by the lower bound of the trust score, with a small share of calls that explore."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from scoring.arrays import Floats, Ints
from scoring.errors import ScoringError

__all__ = ["EXPLORE_SHARE", "KNOWN_REPORTS", "InvalidShare", "Ranking", "rank"]

EXPLORE_SHARE: Final = 0.05
"""One call in twenty."""
KNOWN_REPORTS: Final = 100.0
"""Effective reports from which an entity needs no exploring (confidence "high")."""


class InvalidShare(ScoringError):
    """An exploration share outside [0, 1]."""

    def __init__(self, got: float) -> None:
        self.got = got
        super().__init__(f"explore_share must be a number from 0 to 1; got {got}; 0 never explores")


@dataclass(frozen=True, slots=True)
class Ranking:
    """An order of N entities, and whom to try this time."""

    order: Ints
    """Rows, best first, [N]."""
    place: Ints
    """Place of each row, [N], from 1; equal lower bounds share the better place (1, 2, 2, 4), all unknown the last."""
    explore: int | None
    """Row to call instead of the first this once, to learn about it; None: call the first."""


def rank(
    lower: Floats, n_effective: Floats, explore_share: float = EXPLORE_SHARE, upper: Floats | None = None, call: int = 0
) -> Ranking:
    """Ranking by lower bound, deterministic given its arguments.

    Parameters
    ----------
    lower
        Lower bound of the trust score, [N]; nan: unknown.
    n_effective
        Age-weighted reports, [N].
    explore_share
        Share of calls that explore, 0..1.
    upper
        Upper bound of the trust score, [N]; left out, every entity might be the best.
    call
        Running number of this call, from 0, counted by the caller.

    Raises
    ------
    InvalidShare
        When ``explore_share`` is not within 0..1.

    Notes
    -----
    Order: higher lower bound first; equal ones by more effective reports, then by row. An unknown entity stands after
    every known one: no evidence is not a middling score. So that it may become known, call c explores when
    ``floor((c + 1) share) > floor(c share)``: exactly the share of calls, evenly spread, without randomness. Candidates
    are all but the first with under 100 effective reports that might be better than the first (its upper bound, 1 when
    unknown, above the first's lower bound: optimism in the face of uncertainty, Auer, Cesa-Bianchi, Fischer, Machine
    Learning 47, 2002), fewest reports first; successive explorations take them in turn. Exploring never changes the
    order.

    Examples
    --------
    >>> found = rank(np.array([np.nan, 0.9, 0.95]), np.array([0.0, 30.0, 400.0]), explore_share=0.5, call=1)
    >>> found.order.tolist(), found.place.tolist(), found.explore
    ([2, 1, 0], [3, 2, 1], 0)
    """
    if not 0 <= explore_share <= 1:
        raise InvalidShare(explore_share)
    bound = np.where(np.isnan(lower), -np.inf, lower)
    order = np.lexsort((-n_effective, -bound)).astype(np.int64)  # stable: equal ones keep the order of their rows
    place = np.empty_like(order)
    place[order] = _places(bound[order])
    best = np.ones(len(bound)) if upper is None else np.where(np.isnan(upper), 1.0, upper)
    explorations = math.floor((call + 1) * explore_share)
    explore = None
    if explorations > math.floor(call * explore_share) and len(order) > 1:
        first, others = order[0], order[1:]
        open_ = others[(n_effective[others] < KNOWN_REPORTS) & (best[others] > bound[first])]
        if len(open_) > 0:
            waiting = open_[np.argsort(n_effective[open_], kind="stable")]
            explore = int(waiting[(explorations - 1) % len(waiting)])
    return Ranking(order, place, explore)


def _places(bound: Floats) -> Ints:
    """Place of each, from 1, given bounds in falling order; equal ones share the better place."""
    begins = np.ones(len(bound), dtype=np.int64)
    begins[1:] = bound[1:] != bound[:-1]
    return np.maximum.accumulate(np.where(begins == 1, np.arange(1, len(bound) + 1), 0))
