"""Latency histograms of many entities: in pages of some buckets, each made when something first falls into it.

Latencies of one entity lie close together: of 871 buckets, which reach from 0.1 ms to an hour, most stay empty. Most
counts are small, too: a page takes a byte a bucket until one of its counts needs more.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from compiled.pages import add_to_pages
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
    >>> held.add(0, np.array([1, 1]), np.array([5, 870]), np.array([7, 800]))
    >>> held.of(np.array([1]))[0, 0, [5, 6, 870]].tolist(), held.pages
    ([7, 0, 800], 2)
    >>> held.add(0, np.array([1]), np.array([5]), np.array([-7]))
    >>> held.pages
    1
    """

    __slots__ = ("_entities", "_narrow", "_page", "_wide")

    def __init__(self) -> None:
        self._entities = 0
        self._page = np.zeros(0, np.int32)
        """Page of each slot, which is an entity's window's run of ``PAGE`` buckets; that of a wide one is negative."""
        self._narrow, self._wide = _Pool(np.dtype(np.uint8)), _Pool(np.dtype(np.int32))

    def __len__(self) -> int:
        """How many entities there is room for."""
        return self._entities

    @property
    def pages(self) -> int:
        """Pages in use."""
        return self._narrow.used + self._wide.used

    @property
    def wide_pages(self) -> int:
        """Those of them that take four bytes a bucket."""
        return self._wide.used

    def grow(self, entities: int) -> None:
        """Hold at least ``entities`` entities."""
        if self._entities < entities:
            self._page = grown(self._page, entities * _SLOTS)
            self._entities = entities

    def of(self, entities: Ints) -> Ints:
        """Histograms [len(entities), quantile window, bucket]."""
        page = self._page.reshape(-1, _SLOTS)[entities]
        counts = self._narrow.counts[np.maximum(page, _NONE)].astype(np.int64)
        is_wide = page < 0
        if is_wide.any():
            counts[is_wide] = self._wide.counts[-page[is_wide]]
        return counts.reshape(len(entities), len(QUANTILE_WINDOWS), _PAGES * PAGE)[:, :, :BUCKETS]

    def add(self, window: int, entities: Ints, buckets: Ints, counts: Ints) -> None:
        """Add ``counts`` [n], which may be negative, to buckets of one window; a place may occur more than once."""
        run = buckets // PAGE
        slot, place = entities * _SLOTS + (window * _PAGES + run), buckets - run * PAGE
        page = self._page[slot]
        new = slot[page == _NONE]
        if len(new):
            slots = np.unique(new)
            self._page[slots] = self._narrow.take(len(slots))
            page = self._page[slot]
        left = self._add(page, place, counts)
        if len(left):
            self._widen(np.unique(slot[left]))
            self._add(self._page[slot[left]], place[left], counts[left])
        if counts.min(initial=0) < 0:
            self._give_back(np.unique(slot))

    def _add(self, page: NDArray[np.int32], place: Ints, counts: Ints) -> Ints:
        """Which were not added, their pages being too narrow."""
        at = page.astype(np.int64) * PAGE + np.where(page < 0, -place, place)
        return add_to_pages(self._narrow.counts.reshape(-1), self._wide.counts.reshape(-1), at, counts)

    def _widen(self, slots: Ints) -> None:
        narrow = self._page[slots]
        wide = self._wide.take(len(slots))
        self._wide.counts[wide] = self._narrow.counts[narrow]
        self._narrow.give_back(narrow)
        self._page[slots] = -wide

    def _give_back(self, slots: Ints) -> None:
        """Of some slots, free the pages of those that hold nothing any more."""
        page = self._page[slots]
        for pool, pages, here in ((self._narrow, page, page > 0), (self._wide, -page, page < 0)):
            held = np.flatnonzero(here)
            empty = held[~pool.counts[pages[held]].any(axis=1)]
            pool.give_back(pages[empty])
            self._page[slots[empty]] = _NONE


class _Pool:
    """Pages of one width."""

    __slots__ = ("_free", "_made", "counts")

    def __init__(self, kind: np.dtype[Any]) -> None:
        self.counts = np.zeros((1, PAGE), kind)
        self._made = 1
        """Pages that were ever in use; the rest of ``counts`` never was, and takes no memory."""
        self._free: list[int] = []

    @property
    def used(self) -> int:
        return self._made - 1 - len(self._free)

    def take(self, many: int) -> NDArray[np.int32]:
        """So many pages of zeros."""
        kept = max(len(self._free) - many, 0)
        again, made = self._free[kept:], self._made + many - (len(self._free) - kept)
        if made > len(self.counts):
            self.counts = grown(self.counts, max(made, 2 * len(self.counts)))
        pages = np.array([*again, *range(self._made, made)], np.int32)
        del self._free[kept:]
        self._made = made
        return pages

    def give_back(self, pages: NDArray[np.int32]) -> None:
        """Free these, whatever they hold."""
        self.counts[pages] = 0
        self._free += pages.tolist()
