"""Linear recurrences over the rows of equal keys, all keys at once: what was known before each row."""

from typing import NamedTuple, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from scoring.arrays import Bools, Ints

__all__ = ["Runs", "Singles", "blended", "decayed", "runs_of"]

Number = TypeVar("Number", bound=np.generic)

Singles: TypeAlias = NDArray[np.float32]
"""State is kept in single precision, enough for sums of some hundred terms: half the memory, twice the speed."""


class Runs(NamedTuple):
    """Rows sorted by key, the order within a key kept."""

    order: Ints
    """Row numbers, key by key."""
    starts: Ints
    """Where each key begins in ``order``."""
    keys: Ints
    size: Ints
    rank: Ints
    """How many rows of the same key stand before, for each place in ``order``."""
    longest: int

    @property
    def ends(self) -> Ints:
        """Last place of each key."""
        return self.starts + self.size - 1

    def in_rows(self, sorted_values: NDArray[Number]) -> NDArray[Number]:
        """Values [..., N] in ``order`` back in the order of the rows."""
        values = np.empty_like(sorted_values)
        values[..., self.order] = sorted_values
        return values


def runs_of(keys: Ints) -> Runs:
    """The rows of each key.

    >>> runs_of(np.array([5, 2, 5])).order.tolist()
    [1, 0, 2]
    """
    count = len(keys)
    small = count > 0 and keys.min() >= 0 and keys.max() < 65_536
    order = np.argsort(keys.astype(np.uint16) if small else keys, kind="stable")
    ordered = keys.take(order)
    first: Bools = np.ones(count, dtype=np.bool_)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    starts = np.flatnonzero(first)
    size = np.diff(starts, append=count)
    rank = np.arange(count) - np.repeat(starts, size)
    return Runs(order, starts, ordered.take(starts), size, rank, int(size.max(initial=1)))


def decayed(runs: Runs, state: Singles, decay: Singles, add: Singles) -> Singles:
    """``T ← decay T + add`` row by row for each key; what T was before each row, and ``state`` as it is afterwards.

    Parameters
    ----------
    runs
        Of N rows.
    state
        [C, keys], changed in place.
    decay
        [C], in [0, 1].
    add
        [C, N].

    Notes
    -----
    Doubling (Hillis and Steele, Communications of the ACM 29, 1986): after step j a row holds the sum over the 2ʲ rows
    before it, so a run of n takes log₂ n steps over all rows.

    Examples
    --------
    >>> state = np.zeros((1, 2), np.float32)
    >>> half, one = np.array([0.5], np.float32), np.ones((1, 3), np.float32)
    >>> decayed(runs_of(np.array([1, 1, 1])), state, half, one).tolist(), state.tolist()
    ([[0.0, 1.0, 1.5]], [[0.0, 1.75]])
    """
    total, power, step = add.take(runs.order, axis=1), decay[:, None], 1
    before = state.take(runs.keys, axis=1)
    total[:, runs.starts] += power * before
    while step < runs.longest:
        further = total[:, :-step] * power
        further *= runs.rank[step:] >= step
        total[:, step:] += further
        power, step = power * power, 2 * step
    return _shifted(runs, state, total, before)


def blended(runs: Runs, state: Singles, keep: Singles, add: Singles) -> Singles:
    """``T ← keep T + add`` with a factor of its own for each row; otherwise as ``decayed``.

    Parameters
    ----------
    runs
        Of N rows.
    state
        [C, keys], changed in place.
    keep, add
        [C, N].

    Examples
    --------
    >>> state = np.ones((1, 1), np.float32)
    >>> keep, add = np.array([[1, 0.25]], np.float32), np.array([[0, 0.75]], np.float32)
    >>> blended(runs_of(np.array([0, 0])), state, keep, add).tolist(), state.tolist()
    ([[1.0, 1.0]], [[1.0]])
    """
    total, factor = add.take(runs.order, axis=1), keep.take(runs.order, axis=1)
    before = state.take(runs.keys, axis=1)
    total[:, runs.starts] += factor[:, runs.starts] * before
    factor[:, runs.starts] = 0
    step = 1
    while step < runs.longest:
        total[:, step:] += factor[:, step:] * total[:, :-step]
        factor[:, step:] *= factor[:, :-step]
        step *= 2
    return _shifted(runs, state, total, before)


def _shifted(runs: Runs, state: Singles, total: Singles, before: Singles) -> Singles:
    state[:, runs.keys] = total.take(runs.ends, axis=1)
    shifted = np.empty_like(total)
    shifted[:, 1:] = total[:, :-1]
    shifted[:, runs.starts] = before
    rows = np.empty_like(total)
    rows[:, runs.order] = shifted
    return rows
