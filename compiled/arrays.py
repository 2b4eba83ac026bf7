"""Groups of equal numbers, and sums and maxima by group, in one pass where the library was built."""

import ctypes
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from compiled.library import library, pointer

__all__ = ["Ints", "add_at", "add_columns", "hashes_in_order", "in_order", "numbered", "raise_at"]

Ints = NDArray[np.int64]
FEW = 64
"""Below so many, numpy is as fast."""
MANY = 2_000
"""From so many on, sorting by digits is faster."""
_MOST = np.iinfo(np.int64).max


def numbered(codes: Ints) -> tuple[Ints, Ints]:
    """The distinct values, ascending, and which of them each is: ``numpy.unique`` with ``return_inverse``.

    Few values among many are found without sorting: 7 ns a number, where sorting takes 40.

    >>> values, group = numbered(np.array([7, 3, 7]))
    >>> values.tolist(), group.tolist()
    ([3, 7], [1, 0, 1])
    """
    compiled = library()
    if compiled is None or len(codes) < FEW:
        values, group = np.unique(codes, return_inverse=True)
        return values, group
    codes = np.ascontiguousarray(codes, np.int64)
    group, values = np.empty(len(codes), np.int64), np.empty(len(codes), np.int64)
    found = compiled.trustscore_distinct(pointer(codes), ctypes.c_int64(len(codes)), pointer(group), pointer(values))
    if found < 0:
        raise MemoryError(f"no memory to number {len(codes):,} values")
    values, order = in_order(values[:found], np.arange(found))
    rank = np.empty(found, np.int64)
    rank[order] = np.arange(found)
    return values, rank[group]


def in_order(keys: Ints, values: Ints) -> tuple[Ints, Ints]:
    """The keys ascending, and the values that belong to them; each key must be there once.

    Many are sorted digit by digit: 15 ns a pair, where numpy takes 40 and two steps through memory after it.

    >>> keys, values = in_order(np.array([7, -3]), np.array([0, 1]))
    >>> keys.tolist(), values.tolist()
    ([-3, 7], [1, 0])
    """
    if len(keys) >= MANY:
        least = int(keys.min())
        if int(keys.max()) - least <= _MOST:
            shifted, moved = keys - least, values.astype(np.int64)  # copies, which are sorted in place
            if _are_sorted(shifted, moved):
                return shifted + least, moved
    order = np.argsort(keys)
    return keys[order], values[order]


def hashes_in_order(keys: NDArray[np.uint64]) -> tuple[NDArray[np.uint64], Ints]:
    """The keys ascending, and where each stood; equal ones in the order in which they stood.

    >>> keys, order = hashes_in_order(np.array([7, 3, 7], np.uint64))
    >>> keys.tolist(), order.tolist()
    ([3, 7, 7], [1, 0, 2])
    """
    if len(keys) >= MANY:
        ascending, order = keys.copy(), np.arange(len(keys))
        if _are_sorted(ascending, order):
            return ascending, order
    order = np.argsort(keys, kind="stable")
    return keys[order], order


def _are_sorted(keys: Ints | NDArray[np.uint64], values: Ints) -> bool:
    """Whether C sorted both in place, by keys as numbers without a sign."""
    compiled = library()
    if compiled is None:
        return False
    return not compiled.trustscore_sort(pointer(keys), pointer(values), ctypes.c_int64(len(keys)))


def add_at(target: Ints, group: Ints, values: Ints) -> None:
    """``numpy.add.at`` on one axis: add each value to its group's place, which may come more than once.

    >>> target = np.zeros(2, np.int64)
    >>> add_at(target, np.array([1, 1]), np.array([3, 4]))
    >>> target.tolist()
    [0, 7]
    """
    if not _went_into(_ADD, target, group, values):
        np.add.at(target, group, values)


def raise_at(target: Ints, group: Ints, values: Ints) -> None:
    """``numpy.maximum.at`` on one axis.

    >>> target = np.zeros(2, np.int64)
    >>> raise_at(target, np.array([1, 1]), np.array([4, 3]))
    >>> target.tolist()
    [0, 4]
    """
    if not _went_into(_RAISE, target, group, values):
        np.maximum.at(target, group, values)


_ADD, _RAISE = 0, 1


def _went_into(how: int, target: Ints, group: Ints, values: Ints) -> bool:
    """Whether C did it: all must be of the kinds that it takes on trust, and all groups within the target."""
    compiled = library()
    if compiled is None or len(group) < FEW or target.ndim != 1 or group.ndim != 1 or group.shape != values.shape:
        return False
    if not target.dtype == group.dtype == values.dtype == np.int64 or not group.flags.c_contiguous:
        return False
    return not compiled.trustscore_into(
        ctypes.c_int32(how), pointer(target), ctypes.c_int64(target.strides[0] // 8), ctypes.c_int64(len(target)),
        pointer(group), pointer(values), ctypes.c_int64(values.strides[0] // 8), ctypes.c_int64(len(group)),
    )  # fmt: skip


def add_columns(targets: Sequence[Ints], place: Ints, values: Sequence[Ints], taken: Ints | None = None) -> None:
    """``add_at`` for several columns of one length at once, to the same places.

    Parameters
    ----------
    targets, values
        A target and what is added to it, by column.
    place
        [n] where in a target.
    taken
        [n] which of the values; the first n when not given.

    Raises
    ------
    IndexError
        Where a place lies outside.

    Examples
    --------
    >>> sums = np.zeros(2, np.int64)
    >>> add_columns([sums], np.array([1, 1]), [np.array([5, 7])], np.array([0, 0]))
    >>> sums.tolist()
    [0, 10]
    """
    if not targets:
        return
    compiled, columns = library(), len(targets)
    arrays = (*targets, *values, place, place if taken is None else taken)
    fits = compiled is not None and all(one.dtype == np.int64 and one.flags.c_contiguous for one in arrays)
    if compiled is not None and fits:
        addresses = ctypes.c_void_p * columns
        length, given = min(map(len, targets)), min(map(len, values))
        outside = compiled.trustscore_add_columns(
            addresses(*map(_address, targets)), addresses(*map(_address, values)), ctypes.c_int64(columns),
            pointer(place), None if taken is None else pointer(taken), ctypes.c_int64(len(place)),
            ctypes.c_int64(length), ctypes.c_int64(given),
        )  # fmt: skip
        if not outside:
            return
    for target, added in zip(targets, values, strict=True):
        np.add.at(target, place, added[: len(place)] if taken is None else added[taken])


def _address(values: Ints) -> int | None:
    return pointer(values).value
