"""Rolling windows of many entities: what came is added, what expired subtracted; exact, the sums being integers."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from compiled.arrays import add_columns
from scoring.book import BlockKey, Book, Part
from scoring.panes import Ints
from scoring.sketches import Sketches
from scoring.stats import BUCKETS, LEVELS_S, QUANTILE_WINDOWS, STATS, WINDOWS, covers
from scoring.sums import Sums

__all__ = ["BASELINE_HOURS", "BASELINE_MINUTES", "Windows", "baseline_starts", "next_move_s"]

BASELINE_HOURS: Final = 167
"""Closed hours before the running one that the hourly baseline looks at."""
BASELINE_MINUTES: Final = 55
"""Closed minutes before the 5m window that the baseline by minutes looks at."""
_SKETCH: Final = {WINDOWS.index(w): QUANTILE_WINDOWS.index(w.name) for w in WINDOWS if w.name in QUANTILE_WINDOWS}

_SHORTEST_S: Final = min(window.level_s for window in WINDOWS)


class Windows:
    """Sums by entity, window and statistic, and latency histograms, at one moment.

    Of the 31 statistics those that somebody states take memory: most traffic states eight.
    """

    def __init__(self) -> None:
        self.sketches = Sketches()
        self._columns: dict[int, Ints] = {}
        """By statistic, [window, entity]."""
        self._entities = 0
        self._spans: list[tuple[int, int]] = [(0, -1)] * len(WINDOWS)

    def __len__(self) -> int:
        """How many entities there is room for."""
        return self._entities

    def grow(self, entities: int) -> None:
        """Hold at least ``entities`` entities."""
        if self._entities < entities:
            self._entities = max(entities, 2 * self._entities, 64)
            for number, column in self._columns.items():
                wider = np.zeros((len(WINDOWS), self._entities), np.int64)
                wider[:, : column.shape[1]] = column
                self._columns[number] = wider
            self.sketches.grow(self._entities)

    def of(self, entities: Ints) -> Ints:
        """Sums of these entities, [E, window, statistic]."""
        sums = np.zeros((len(STATS), len(WINDOWS), len(entities)), np.int64)  # a column lies together
        for number, column in self._columns.items():
            sums[number] = column[:, entities]
        return np.ascontiguousarray(sums.T)

    def add(self, key: BlockKey, entities: Ints, sums: Sums) -> None:
        """Add ``sums`` of panes of one block, [n] as the entities, to the windows that cover it now."""
        for window in self._covering(key):
            self._add(window, entities, sums)

    def _add(self, window: int, entities: Ints, sums: Sums) -> None:
        for number in sums:
            if number not in self._columns:
                self._columns[number] = np.zeros((len(WINDOWS), self._entities), np.int64)
        targets = [self._columns[number][window] for number in sums]
        add_columns(targets, entities, list(sums.values()))

    def add_latency(self, key: BlockKey, entities: Ints, buckets: Ints, counts: Ints) -> None:
        """Add latency ``counts`` [n] of one pane to the histograms that cover it now."""
        for window in self._covering(key):
            if window in _SKETCH:
                self.sketches.add(_SKETCH[window], entities, buckets, counts)

    def advance(self, book: Book, entity_of_row: Ints, as_of_s: float) -> Ints:
        """Move the windows to ``as_of_s``; the entities whose sums changed, ascending.

        ``entity_of_row`` names the entity of each row of the book (several rows may share one).
        """
        spans = [covers(window, as_of_s) for window in WINDOWS]
        moved: list[Ints] = []
        if spans != self._spans:
            for key in book.block_keys():
                signs = list(self._signs(key, spans))
                if signs:  # read once for all windows: a closed block is made from its bytes
                    moved += [self._move(signs, part, entity_of_row) for part in book.parts(key)]
            self._spans = spans
        return np.unique(np.concatenate(moved)) if moved else np.empty(0, np.int64)

    def _signs(self, key: BlockKey, spans: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """Windows that a block comes into (1) or leaves (-1) when they come to be ``spans``."""
        for number, (old, new) in enumerate(zip(self._spans, spans, strict=True)):
            if WINDOWS[number].level_s == key[0]:
                sign = (new[0] <= key[1] <= new[1]) - (old[0] <= key[1] <= old[1])
                if sign:
                    yield number, sign

    def _move(self, signs: list[tuple[int, int]], part: Part, entity_of_row: Ints) -> Ints:
        entities = entity_of_row[part.rows]
        row = part.latency_keys // BUCKETS
        holders, buckets = entity_of_row[row], part.latency_keys - row * BUCKETS
        for number, sign in signs:
            self._add(number, entities, {column: sign * values for column, values in part.sums.items()})
            if number in _SKETCH:
                self.sketches.add(_SKETCH[number], holders, buckets, sign * part.latency_counts)
        return entities

    def _covering(self, key: BlockKey) -> list[int]:
        level_s, start_s = key
        return [
            number
            for number, (first, last) in enumerate(self._spans)
            if WINDOWS[number].level_s == level_s and first <= start_s <= last
        ]


def next_move_s(as_of_s: float) -> float:
    """When windows that end at ``as_of_s`` come to cover other panes, epoch seconds.

    >>> next_move_s(600.5), next_move_s(660.0)
    (660.0, 720.0)
    """
    return (as_of_s // _SHORTEST_S + 1) * _SHORTEST_S


def baseline_starts(as_of_s: float) -> tuple[list[int], list[int]]:
    """Starts of the closed hour panes and closed minute panes that a baseline at ``as_of_s`` looks at, oldest first."""
    hour = int(as_of_s // 3_600) * 3_600
    minute = int(as_of_s // 60) * 60
    hours = [hour - 3_600 * back for back in range(BASELINE_HOURS, 0, -1)]
    return hours, [minute - 60 * back for back in range(59, 59 - BASELINE_MINUTES, -1)]


assert {window.level_s for window in WINDOWS} == set(LEVELS_S)
