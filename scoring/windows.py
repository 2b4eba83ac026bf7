"""Rolling windows of many entities: what came is added, what expired subtracted; exact, the sums being integers."""

from collections.abc import Mapping
from typing import Final

import numpy as np

from scoring.book import Block, BlockKey
from scoring.panes import Ints
from scoring.stats import BUCKETS, LEVELS_S, QUANTILE_WINDOWS, STATS, WINDOWS, covers

__all__ = ["BASELINE_HOURS", "BASELINE_MINUTES", "Windows", "baseline_starts"]

BASELINE_HOURS: Final = 167
"""Closed hours before the running one that the hourly baseline looks at."""
BASELINE_MINUTES: Final = 55
"""Closed minutes before the 5m window that the baseline by minutes looks at."""
_SKETCH: Final = {WINDOWS.index(w): QUANTILE_WINDOWS.index(w.name) for w in WINDOWS if w.name in QUANTILE_WINDOWS}


class Windows:
    """Sums [entity, window, statistic] and latency histograms [entity, quantile window, bucket] at one moment."""

    def __init__(self) -> None:
        self.sums = np.zeros((0, len(WINDOWS), len(STATS)), np.int64)
        self.sketches = np.zeros((0, len(QUANTILE_WINDOWS), BUCKETS), np.int32)
        self._spans: list[tuple[int, int]] = [(0, -1)] * len(WINDOWS)

    def grow(self, entities: int) -> None:
        """Hold at least ``entities`` entities."""
        have = len(self.sums)
        if have < entities:
            more = max(entities, 2 * have, 64) - have
            self.sums = np.concatenate([self.sums, np.zeros((more, *self.sums.shape[1:]), np.int64)])
            self.sketches = np.concatenate([self.sketches, np.zeros((more, *self.sketches.shape[1:]), np.int32)])

    def add(self, key: BlockKey, entities: Ints, stats: Ints) -> None:
        """Add ``stats`` [n, statistic] of one pane to the windows that cover it now."""
        for window in self._covering(key):
            np.add.at(self.sums[:, window], entities, stats)

    def add_latency(self, key: BlockKey, entities: Ints, buckets: Ints, counts: Ints) -> None:
        """Add latency ``counts`` [n] of one pane to the histograms that cover it now."""
        for window in self._covering(key):
            if window in _SKETCH:
                self._add_sketch(_SKETCH[window], entities, buckets, counts)

    def advance(self, blocks: Mapping[BlockKey, Block], entity_of_row: Ints, as_of_s: float) -> Ints:
        """Move the windows to ``as_of_s``; the entities whose sums changed, ascending.

        ``entity_of_row`` names the entity of each block row (several rows may share one).
        """
        moved: list[Ints] = []
        for number, window in enumerate(WINDOWS):
            old, new = self._spans[number], covers(window, as_of_s)
            if old == new:
                continue
            for key, block in blocks.items():
                if key[0] == window.level_s:
                    sign = (new[0] <= key[1] <= new[1]) - (old[0] <= key[1] <= old[1])
                    if sign:
                        moved.append(self._move(number, block, entity_of_row, sign))
            self._spans[number] = new
        return np.unique(np.concatenate(moved)) if moved else np.empty(0, np.int64)

    def _move(self, number: int, block: Block, entity_of_row: Ints, sign: int) -> Ints:
        rows = np.flatnonzero(block.offset[: len(entity_of_row)] >= 0)
        entities = entity_of_row[rows]
        np.add.at(self.sums[:, number], entities, sign * block.stats[rows])
        if number in _SKETCH:
            keys, counts = block.latency.all()
            self._add_sketch(_SKETCH[number], entity_of_row[keys // BUCKETS], keys % BUCKETS, sign * counts)
        return entities

    def _add_sketch(self, sketch: int, entities: Ints, buckets: Ints, counts: Ints) -> None:
        flat = self.sketches.reshape(-1)  # a view: one index is several times faster than three
        np.add.at(flat, (entities * len(QUANTILE_WINDOWS) + sketch) * BUCKETS + buckets, counts.astype(np.int32))

    def _covering(self, key: BlockKey) -> list[int]:
        level_s, start_s = key
        return [
            number
            for number, (first, last) in enumerate(self._spans)
            if WINDOWS[number].level_s == level_s and first <= start_s <= last
        ]


def baseline_starts(as_of_s: float) -> tuple[list[int], list[int]]:
    """Starts of the closed hour panes and closed minute panes that a baseline at ``as_of_s`` looks at, oldest first."""
    hour = int(as_of_s // 3_600) * 3_600
    minute = int(as_of_s // 60) * 60
    hours = [hour - 3_600 * back for back in range(BASELINE_HOURS, 0, -1)]
    return hours, [minute - 60 * back for back in range(59, 59 - BASELINE_MINUTES, -1)]


assert {window.level_s for window in WINDOWS} == set(LEVELS_S)
