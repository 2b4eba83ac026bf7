"""Counts in two arrays of different width, added to in one pass where the library was built."""

import ctypes
from typing import Final

import numpy as np
from numpy.typing import NDArray

from compiled.arrays import Ints, add_at, numbered
from compiled.library import library, pointer

__all__ = ["NARROW_MOST", "add_to_pages"]

NARROW_MOST: Final = np.iinfo(np.uint8).max
"""The most that a narrow count holds."""


def add_to_pages(narrow: NDArray[np.uint8], wide: NDArray[np.int32], place: Ints, amounts: Ints) -> Ints:
    """Add each amount to ``narrow[place]``, or to ``wide[-place]`` where the place is negative; one may come again.

    Parameters
    ----------
    narrow, wide
        One axis each.
    place, amounts
        [n]; every place must lie within its array.

    Returns
    -------
    Which of the n, ascending, were not added, since a narrow count would have left 0 to ``NARROW_MOST``.

    Examples
    --------
    >>> narrow, wide = np.zeros(2, np.uint8), np.zeros(2, np.int32)
    >>> add_to_pages(narrow, wide, np.array([1, -1, 0]), np.array([255, 300, 256])).tolist()
    [2]
    >>> narrow.tolist(), wide.tolist()
    ([0, 255], [0, 300])
    """
    compiled = library()
    if compiled is None:
        return _added(narrow, wide, place, amounts)
    place, amounts = np.ascontiguousarray(place, np.int64), np.ascontiguousarray(amounts, np.int64)
    left = np.empty(len(place), np.int64)
    found = compiled.trustscore_pages_add(
        pointer(narrow), pointer(wide), pointer(place), pointer(amounts), ctypes.c_int64(len(place)), pointer(left)
    )
    return left[:found]


def _added(narrow: NDArray[np.uint8], wide: NDArray[np.int32], place: Ints, amounts: Ints) -> Ints:
    """The same by numpy: of places that come again either all amounts are added or none."""
    is_wide = place < 0
    np.add.at(wide, -place[is_wide], amounts[is_wide].astype(np.int32))
    here = np.flatnonzero(~is_wide)
    used, group = numbered(place[here])
    total = narrow[used].astype(np.int64)
    add_at(total, group, amounts[here])
    fits = (total >= 0) & (total <= NARROW_MOST)
    narrow[used[fits]] = total[fits]
    return here[~fits[group]]
