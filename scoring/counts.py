"""Latency histograms of many rows: counts by key, ``row * BUCKETS + bucket``."""

from collections.abc import Callable
from typing import Final, Protocol

import numpy as np

from compiled.arrays import in_order
from compiled.library import library
from compiled.tally import Tally
from scoring.panes import Ints
from scoring.sorted_counts import SortedCounts
from scoring.stats import BUCKETS

__all__ = ["Counts", "HashedCounts", "new_counts"]


class Counts(Protocol):
    """What holds them."""

    def add(self, keys: Ints, counts: Ints) -> None:
        """Add ``counts`` to ``keys``; a key may occur more than once."""

    def put(self, keys: Ints, counts: Ints) -> Ints:
        """Set ``counts`` of ``keys`` (each once); the counts before, 0 where there was none."""

    def mark(self, rows: Ints) -> None:
        """Let the next ``take_changed`` give all keys of ``rows``."""

    def mark_all(self) -> None:
        """Let the next ``take_changed`` give everything."""

    def take_changed(self) -> tuple[Ints, Ints]:
        """Keys, ascending, and counts added to or marked since the last call."""

    def all(self) -> tuple[Ints, Ints]:
        """All keys, ascending, and counts."""

    def of_rows(self, first: int, last: int) -> tuple[Ints, Ints]:
        """Keys, ascending, and counts of the rows ``first`` up to, not including, ``last``."""

    def all_read(self) -> None:
        """Let go of what ``of_rows`` keeps for the rows asked for next."""


class HashedCounts:
    """Counts in a hash table: adding costs the same however many there are. Read by rows, they are sorted once."""

    __slots__ = ("_ordered", "_tally")

    def __init__(self) -> None:
        self._tally = Tally()
        self._ordered: tuple[Ints, Ints] | None = None

    def add(self, keys: Ints, counts: Ints) -> None:  # noqa: D102  # as Counts says
        self._ordered = None
        self._tally.add(keys, counts)

    def put(self, keys: Ints, counts: Ints) -> Ints:  # noqa: D102
        self._ordered = None
        return self._tally.put(keys, counts)

    def mark(self, rows: Ints) -> None:  # noqa: D102
        keys, _ = self._tally.all()
        self._tally.mark(keys[np.isin(keys // BUCKETS, rows)])

    def mark_all(self) -> None:  # noqa: D102
        self._tally.mark(self._tally.all()[0])

    def take_changed(self) -> tuple[Ints, Ints]:  # noqa: D102
        return in_order(*self._tally.take_changed())

    def all(self) -> tuple[Ints, Ints]:  # noqa: D102
        return self._ordered or in_order(*self._tally.all())

    def of_rows(self, first: int, last: int) -> tuple[Ints, Ints]:  # noqa: D102
        keys, counts = self._ordered = self.all()
        here = slice(*np.searchsorted(keys, (first * BUCKETS, last * BUCKETS)))
        return keys[here], counts[here]

    def all_read(self) -> None:  # noqa: D102
        self._ordered = None


new_counts: Final[Callable[[], Counts]] = HashedCounts if library() else SortedCounts
"""Makes empty ones: sorted arrays where the compiled part was not built."""
