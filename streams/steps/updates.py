"""What the fold tells the scores: new cumulative values of the panes that changed, of several source partitions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from scoring.panes import Ints

__all__ = ["SEPARATOR", "PaneUpdates", "concatenated", "provider_of", "row_name", "split"]

SEPARATOR: Final = "\x00"
"""Between the source partition and the entity in a row name; no entity name can hold it."""


@dataclass(frozen=True, slots=True)
class PaneUpdates:
    """New cumulative values of G panes. Sent twice they change nothing."""

    names: list[str]
    """Source partition and entity of a row: ``row_name(source, entity)``."""
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


def row_name(source: int, entity: str) -> str:
    """Name of the panes of ``entity`` that come from the source partition ``source``."""
    return f"{source}{SEPARATOR}{entity}"


def provider_of(row: str) -> str:
    """Provider that a row name is about.

    >>> provider_of(row_name(3, "github|task=search"))
    'github'
    """
    return row.partition(SEPARATOR)[2].partition("|")[0]


def concatenated(parts: Sequence[PaneUpdates]) -> PaneUpdates:
    """The updates of several source partitions as one; at least one must be given."""
    if len(parts) == 1:
        return parts[0]
    names_before = np.cumsum([0] + [len(part.names) for part in parts])
    panes_before = np.cumsum([0] + [len(part.entity) for part in parts])
    return PaneUpdates(
        [name for part in parts for name in part.names],
        np.concatenate([part.entity + before for part, before in zip(parts, names_before, strict=False)]),
        np.concatenate([part.level_s for part in parts]),
        np.concatenate([part.start_s for part in parts]),
        np.concatenate([part.last_offset for part in parts]),
        np.concatenate([part.stats for part in parts]),
        np.concatenate([part.latency_pane + before for part, before in zip(parts, panes_before, strict=False)]),
        np.concatenate([part.latency_bucket for part in parts]),
        np.concatenate([part.latency_count for part in parts]),
    )


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
