"""How an entity compares with its peers: others of the same group, the entity itself left out."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from scoring.anomalies import CONSISTENT
from scoring.arrays import NAN, Floats, Ints

__all__ = ["FEWEST_PEERS", "FLOOR", "PeerComparison", "compare"]

FEWEST_PEERS: Final = 5
"""Peers with a value that it takes to compare."""
FLOOR: Final = 0.01
"""Least spread of a group: where peers agree to a percentage point, a point is one standard deviation."""


@dataclass(frozen=True, slots=True)
class PeerComparison:
    """Arrays [N, D]; nan without a value of one's own or with under 5 peers."""

    z_scores: Floats
    """Robust, in standard deviations of the peers; negative is worse."""
    percentile: Floats
    """Share of the peers below, ties half: in [0, 1]."""
    median: Floats
    """Of the peers."""
    peers: Ints
    """Peers that have a value (never nan)."""


def compare(values: Floats, group: Ints) -> PeerComparison:
    """Comparison of every value with the same column of the others in its group, [N, D].

    Parameters
    ----------
    values
        Dimensions or scores, higher is better, [N, D]; nan is absent.
    group
        Group of each row, [N]; negative: no group, hence no peers.

    Notes
    -----
    ``z = (value - median) / max(1.4826 MAD, 0.01)`` over the others only: in a group of six an outlier left in would
    raise the very spread it is measured with. Leaving one out costs no more than a sort: the median without one of m
    sorted values is found by rank.

    Examples
    --------
    >>> found = compare(np.array([[0.9], [0.91], [0.92], [0.93], [0.94], [0.3]]), np.zeros(6, dtype=np.int64))
    >>> found.z_scores[5].round(1).tolist(), found.percentile[5].tolist(), int(found.peers[5, 0])
    ([-41.8], [0.0], 5)
    """
    z_scores, percentile, median = (np.full(values.shape, NAN) for _ in range(3))
    peers = np.zeros(values.shape, dtype=np.int64)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=np.iinfo(np.int64).min))
    for rows in np.split(order, starts)[1:]:
        if group[rows[0]] < 0:
            continue
        for column in range(values.shape[1]):
            own = values[rows, column]
            present = ~np.isnan(own)
            count = int(present.sum())
            peers[rows, column] = count - present
            if count > FEWEST_PEERS:
                at = rows[present]
                z_scores[at, column], percentile[at, column], median[at, column] = _leave_one_out(own[present])
    return PeerComparison(z_scores, percentile, median, peers)


def _leave_one_out(values: Floats) -> tuple[Floats, Floats, Floats]:
    """z-score, percentile and median of each value against all others; at least 2 values."""
    ordered = np.sort(values)
    median = _median_without_each(values)
    spread = np.empty_like(values)
    for centre in np.unique(median):  # two or three: leaving one out moves a median by at most one rank
        here = median == centre
        spread[here] = _median_without_each(np.abs(values - centre))[here]
    below = np.searchsorted(ordered, values, side="left")
    equal = np.searchsorted(ordered, values, side="right") - below - 1
    percentile = (below + equal / 2) / (len(values) - 1)
    return (values - median) / np.maximum(CONSISTENT * spread, FLOOR), percentile, median


def _median_without_each(values: Floats) -> Floats:
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    rank = np.empty(len(values), dtype=np.int64)
    rank[order] = np.arange(len(values))
    rest = len(values) - 1
    low, high = (rest - 1) // 2, rest // 2
    # Without the value at `rank`, the k-th of the rest is ordered[k], or ordered[k + 1] from that rank on.
    median: Floats = (ordered[low + (rank <= low)] + ordered[high + (rank <= high)]) / 2
    return median
