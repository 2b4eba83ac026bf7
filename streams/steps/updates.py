"""What the fold tells the scores: new cumulative values of the panes that changed, of several source partitions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from scoring.panes import Ints

__all__ = ["SEPARATOR", "PaneUpdates", "concatenated", "provider_of", "row_name", "split"]

SEPARATOR: Final = "\x00"
"""Between the source partition and the entity in a row name; no entity name can hold it."""
MOST_PANES: Final = 8_192
"""Panes in one message: some hundred KiB as a rule, below 16 MiB with every statistic and 80 latency buckets each."""


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


def split(updates: PaneUpdates, target: Ints, most: int = MOST_PANES) -> Iterator[tuple[int, PaneUpdates]]:
    """The updates by where their entities belong: ``target`` [len(names)] numbers the place of each name.

    A place gets several when it has more than ``most`` panes: after a failed send all panes go out again, and a
    million would be no message that a broker takes.
    """
    place_of = target[updates.entity]
    for place in np.unique(place_of).tolist():
        panes = np.flatnonzero(place_of == place)
        for first in range(0, len(panes), most):
            yield place, _only(updates, panes[first : first + most])


def _only(updates: PaneUpdates, panes: Ints) -> PaneUpdates:
    used, entity = np.unique(updates.entity[panes], return_inverse=True)
    renumbered = np.full(len(updates.entity), -1, np.int64)
    renumbered[panes] = np.arange(len(panes))
    entry = np.flatnonzero(renumbered[updates.latency_pane] >= 0)
    return PaneUpdates(
        [updates.names[name] for name in used.tolist()],
        entity,
        updates.level_s[panes],
        updates.start_s[panes],
        updates.last_offset[panes],
        updates.stats[panes],
        renumbered[updates.latency_pane[entry]],
        updates.latency_bucket[entry],
        updates.latency_count[entry],
    )
