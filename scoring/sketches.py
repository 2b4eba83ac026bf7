"""Latency histograms of many entities: in pages of some buckets, each made when something first falls into it.

Latencies of one entity lie close together: of 871 buckets, which reach from 0.1 ms to an hour, most stay empty.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring.arrays import Ints, grown
from scoring.stats import BUCKETS, QUANTILE_WINDOWS

__all__ = ["PAGE", "Sketches"]

PAGE: Final = 32
"""Buckets in a page: 100 latencies spread by a factor of ten lie in six of them, and the table of pages takes 336 bytes
an entity; with half as many buckets in each both together take as much."""
_PAGES: Final = -(-BUCKETS // PAGE)
_SLOTS: Final = len(QUANTILE_WINDOWS) * _PAGES
_NONE: Final = 0
"""The page that holds nothing and belongs to nobody."""


class Sketches:
    """Counts by entity, quantile window and latency bucket.

    Examples
    --------
    >>> held = Sketches()
    >>> held.grow(2)
    >>> held.add(0, np.array([1, 1]), np.array([5, 870]), np.array([7, 8]))
    >>> held.of(np.array([1]))[0, 0, [5, 6, 870]].tolist(), held.pages
    ([7, 0, 8], 2)
    >>> held.add(0, np.array([1]), np.array([5]), np.array([-7]))
    >>> held.pages
    1
    """

    __slots__ = ("_counts", "_entities", "_free", "_page", "_slot")

    def __init__(self) -> None:
        self._entities = 0
        self._page = np.zeros(0, np.int32)
        """Page of each slot, which is an entity's window's run of ``PAGE`` buckets."""
        self._counts = np.zeros((1, PAGE), np.int32)
        self._slot: Ints = np.full(1, -1, np.int64)
        """Slot of each page, -1 where it is free."""
        self._free: list[int] = []

    def __len__(self) -> int:
        """How many entities there is room for."""
        return self._entities

    @property
    def pages(self) -> int:
        """Pages in use."""
        return len(self._counts) - 1 - len(self._free)

    def grow(self, entities: int) -> None:
        """Hold at least ``entities`` entities."""
        if self._entities < entities:
            self._page = grown(self._page, entities * _SLOTS)
            self._entities = entities

    def of(self, entities: Ints) -> Ints:
        """Histograms [len(entities), quantile window, bucket]."""
        pages = self._page.reshape(-1, _SLOTS)[entities]
        whole = self._counts[pages].reshape(len(entities), len(QUANTILE_WINDOWS), _PAGES * PAGE)
        return whole[:, :, :BUCKETS].astype(np.int64)

    def add(self, window: int, entities: Ints, buckets: Ints, counts: Ints) -> None:
        """Add ``counts`` [n], which may be negative, to buckets of one window; a place may occur more than once."""
        run, place = np.divmod(buckets, PAGE)
        slot = entities * _SLOTS + (window * _PAGES + run)
        page = self._page[slot]
        new = slot[page == _NONE]
        if len(new):
            self._make(np.unique(new))
            page = self._page[slot]
        np.add.at(self._counts.reshape(-1), page * np.int64(PAGE) + place, counts.astype(np.int32))
        if counts.min(initial=0) < 0:
            self._give_back(np.unique(page))

    def _make(self, slots: Ints) -> None:
        missing = len(slots) - len(self._free)
        if missing > 0:
            have, room = len(self._counts), max(missing, len(self._counts))
            self._counts, self._slot = grown(self._counts, have + room), grown(self._slot, have + room, -1)
            self._free += range(have + room - 1, have - 1, -1)
        pages = np.array(self._free[: -len(slots) - 1 : -1], np.int32)
        del self._free[-len(slots) :]
        self._page[slots], self._slot[pages] = pages, slots

    def _give_back(self, pages: NDArray[np.int32]) -> None:
        """Of some pages in use, free those that hold nothing any more."""
        empty = pages[~self._counts[pages].any(axis=1)]
        self._page[self._slot[empty]], self._slot[empty] = _NONE, -1
        self._free += empty.tolist()
