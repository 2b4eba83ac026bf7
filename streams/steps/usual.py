"""The usual level of each entity, kept until a closed pane of it changes or the next pane closes.

It is most of what a score costs, and between two minutes the same: the panes it looks at are closed.
"""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from scoring import anomalies
from scoring.anomalies import HOURS, MINUTES, Baseline, Level, Usual
from scoring.book import BlockKey
from scoring.panes import Ints
from scoring.tables import DIMENSIONS
from scoring.windows import baseline_starts

__all__ = ["UsualLevels"]

Gather = Callable[[int, Sequence[int], Ints], Ints]
"""(level_s, pane starts, entities) → sums of these panes [E, P, S]."""
_UNKNOWN: Final = -1
_COUNT: Final = np.int16
"""Kind of a number of panes, of which a baseline looks at some hundred."""


class _Kept:
    """What one level said when it was last asked, by entity."""

    def __init__(self, level_s: int, level: Level) -> None:
        self.level_s, self._level = level_s, level
        self._through_s: Ints = np.empty(0, np.int64)
        """Start of the newest pane looked at."""
        self._newest_s = _UNKNOWN
        nothing = np.empty((0, len(DIMENSIONS)))
        self._usual = Usual(nothing, nothing, nothing, nothing.astype(_COUNT))

    def grow(self, entities: int) -> None:
        have = len(self._through_s)
        if have < entities:
            more = max(entities, 2 * have, 64) - have
            self._through_s = np.concatenate([self._through_s, np.full(more, _UNKNOWN)])
            kept, rows = self._usual, np.zeros((more, len(DIMENSIONS)))
            self._usual = Usual(
                np.concatenate([kept.median, rows]),
                np.concatenate([kept.spread, rows]),
                np.concatenate([kept.pane_reports, rows]),
                np.concatenate([kept.panes, rows.astype(_COUNT)]),
            )

    def changed(self, start_s: int, entities: Ints) -> None:
        if start_s <= self._newest_s:
            self._through_s[entities] = _UNKNOWN

    def of(self, entities: Ints, starts: Sequence[int], gather: Gather) -> Usual:
        through_s = starts[-1]
        anew = entities[self._through_s[entities] != through_s]
        if len(anew):
            found = anomalies.usual(gather(self.level_s, starts, anew), self._level)
            for lasting, part in zip(self._usual, found, strict=True):
                lasting[anew] = part
            self._through_s[anew] = through_s
            self._newest_s = max(self._newest_s, through_s)
        kept = self._usual
        panes = kept.panes[entities].astype(np.int64)
        return Usual(kept.median[entities], kept.spread[entities], kept.pane_reports[entities], panes)


class UsualLevels:
    """Baselines of the entities of a partition; the same bits as ``scoring.anomalies.baseline`` of all their panes."""

    def __init__(self) -> None:
        self._hours, self._minutes = _Kept(3_600, HOURS), _Kept(60, MINUTES)

    def grow(self, entities: int) -> None:
        """Hold at least ``entities`` entities."""
        self._hours.grow(entities)
        self._minutes.grow(entities)

    def changed(self, key: BlockKey, entities: Ints) -> None:
        """Panes of a block changed for these entities."""
        for kept in (self._hours, self._minutes):
            if key[0] == kept.level_s:
                kept.changed(key[1], entities)

    def of(self, entities: Ints, as_of_s: float, gather: Gather) -> Baseline:
        """The baselines of these entities at ``as_of_s``."""
        hours, minutes = baseline_starts(as_of_s)
        return anomalies.better_of(self._hours.of(entities, hours, gather), self._minutes.of(entities, minutes, gather))
