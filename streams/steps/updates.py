"""What the fold tells the scores: new cumulative values of the panes that changed."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from scoring.panes import Ints

__all__ = ["PaneUpdates", "split"]


@dataclass(frozen=True, slots=True)
class PaneUpdates:
    """New cumulative values of G panes of one source partition. Sent twice they change nothing."""

    names: list[str]
    entity: Ints
    """[G] index into ``names``."""
    level_s: Ints
    start_s: Ints
    last_offset: Ints
    stats: Ints
    """[G, len(STATS)]"""
    latency_pane: Ints
    """[K] index into G."""
    latency_bucket: Ints
    latency_count: Ints
    """[K] cumulative counts of the buckets that changed."""


def split(updates: PaneUpdates, target: Ints) -> Iterator[tuple[int, PaneUpdates]]:
    """The updates by where their entities belong: ``target`` [len(names)] numbers the place of each name."""
    for place in np.unique(target).tolist():
        keep_name = target == place
        renumber = np.cumsum(keep_name) - 1
        pane = np.flatnonzero(keep_name[updates.entity])
        new_pane = np.full(len(updates.entity), -1, np.int64)
        new_pane[pane] = np.arange(len(pane))
        entry = np.flatnonzero(new_pane[updates.latency_pane] >= 0)
        yield (
            place,
            PaneUpdates(
                [updates.names[i] for i in np.flatnonzero(keep_name).tolist()],
                renumber[updates.entity[pane]],
                updates.level_s[pane],
                updates.start_s[pane],
                updates.last_offset[pane],
                updates.stats[pane],
                new_pane[updates.latency_pane[entry]],
                updates.latency_bucket[entry],
                updates.latency_count[entry],
            ),
        )
