"""What the fold tells the scores: new cumulative values of the panes that changed, of several source partitions."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from scoring.panes import Ints

__all__ = [
    "SEPARATOR",
    "PaneUpdates",
    "concatenated",
    "linked",
    "newest",
    "provider_of",
    "row_name",
    "source_of",
    "split",
    "without_sources",
]

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
    since: Mapping[int, int] = field(default_factory=dict)
    """By source partition: newest offset of the message before this one that its owner sent to the same place. A source
    that is left out tells everything since the state that was last made durable."""


def row_name(source: int, entity: str) -> str:
    """Name of the panes of ``entity`` that come from the source partition ``source``."""
    return f"{source}{SEPARATOR}{entity}"


def provider_of(row: str) -> str:
    """Provider that a row name is about.

    >>> provider_of(row_name(3, "github|task=search"))
    'github'
    """
    return row.partition(SEPARATOR)[2].partition("|")[0]


def source_of(row: str) -> int:
    """Source partition of a row name.

    >>> source_of(row_name(3, "github"))
    3
    """
    return int(row.partition(SEPARATOR)[0])


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
    million would be no message that a broker takes. Of several the newer panes are in the later ones.
    """
    place_of = target[updates.entity]
    for place in np.unique(place_of).tolist():
        panes = np.flatnonzero(place_of == place)
        if len(panes) > most:
            panes = panes[np.argsort(updates.last_offset[panes], kind="stable")]
        for first in range(0, len(panes), most):
            yield place, _only(updates, panes[first : first + most])


def linked(part: PaneUpdates, told: Mapping[int, dict[int, int]], place: int) -> PaneUpdates:
    """The part with where it follows on the last one to ``place``; ``told`` (by source, then place) moves on.

    A message names only the latency buckets that changed since the one before. So who reads it must have read that
    one: without the link a lost message would go unnoticed, since the next one has newer offsets.
    """
    since = {}
    for source, offset in newest(part).items():
        if place in told[source]:
            since[source] = told[source][place]
        told[source][place] = max(offset, told[source].get(place, -1))
    return replace(part, since=since)


def newest(updates: PaneUpdates) -> dict[int, int]:
    """The newest offset of each source partition."""
    sources, place = np.unique([source_of(name) for name in updates.names], return_inverse=True)
    offsets = np.full(len(sources), -1, np.int64)
    np.maximum.at(offsets, place[updates.entity], updates.last_offset)
    return dict(zip(sources.tolist(), offsets.tolist(), strict=True))


def without_sources(updates: PaneUpdates, sources: Collection[int]) -> PaneUpdates:
    """The updates of all other source partitions."""
    kept = np.array([source_of(name) not in sources for name in updates.names], bool)
    return _only(updates, np.flatnonzero(kept[updates.entity]))


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
