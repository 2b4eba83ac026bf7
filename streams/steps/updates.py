"""What the fold tells the scores: new cumulative values of the panes that changed, of several source partitions."""

import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from compiled.arrays import numbered, raise_at
from scoring.panes import Ints
from scoring.sums import Sums, joined, taken

__all__ = [
    "SEPARATOR",
    "Destinations",
    "PaneUpdates",
    "concatenated",
    "grouped",
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
    source: Ints
    """[len(names)] that source partition."""
    entity: Ints
    """[G] index into ``names``."""
    level_s: Ints
    start_s: Ints
    last_offset: Ints
    sums: Sums
    """Of the panes."""
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


class Destinations:
    """Where the scores of a provider are made: by its name alone, so that all its facets come together.

    >>> destinations = Destinations(4)
    >>> destinations.of([row_name(3, "github"), row_name(0, "github|task=search")]).tolist()
    [1, 1]
    """

    def __init__(self, partitions: int) -> None:
        self._partitions = partitions
        self._known: dict[str, int] = {}

    def of(self, rows: Sequence[str]) -> Ints:
        """Partition of the pane topic for each row name; a name that comes again is not taken apart again."""
        known = self._known
        places = list(map(known.get, rows))
        if None in places:
            for row in rows:
                if row not in known:
                    known[row] = zlib.crc32(provider_of(row).encode()) % self._partitions
            places = list(map(known.get, rows))
        return np.array(places, np.int64)


def concatenated(parts: Sequence[PaneUpdates]) -> PaneUpdates:
    """The updates of several source partitions as one; at least one must be given."""
    if len(parts) == 1:
        return parts[0]
    names_before = np.cumsum([0] + [len(part.names) for part in parts])
    panes_before = np.cumsum([0] + [len(part.entity) for part in parts])
    return PaneUpdates(
        [name for part in parts for name in part.names],
        np.concatenate([part.source for part in parts]),
        np.concatenate([part.entity + before for part, before in zip(parts, names_before, strict=False)]),
        np.concatenate([part.level_s for part in parts]),
        np.concatenate([part.start_s for part in parts]),
        np.concatenate([part.last_offset for part in parts]),
        joined([(part.sums, len(part.entity)) for part in parts]),
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
    panes_of = np.bincount(place_of)
    before = np.concatenate([[0], np.cumsum(-(-panes_of // most))])  # messages to the places before
    message, messages = before[place_of], int(before[-1])
    if panes_of.max(initial=0) > most:
        order = np.lexsort((updates.last_offset, place_of))
        rank = np.arange(len(order)) - np.repeat(np.cumsum(panes_of) - panes_of, panes_of)
        message[order] += rank // most
    renumbered = np.empty(len(message), np.int64)
    panes, entries = grouped(message, messages), grouped(message[updates.latency_pane], messages)
    for here, entry in zip(panes, entries, strict=True):  # as they stand: read in order they are in the caches
        renumbered[here] = np.arange(len(here))
        yield int(place_of[here[0]]), _only(updates, here, entry, renumbered)


def grouped(group: Ints, groups: int) -> list[Ints]:
    """Places of each of so many groups, below 65,536, ascending."""
    order = np.argsort(group.astype(np.uint16), kind="stable")  # by radix: linear
    return np.split(order, np.cumsum(np.bincount(group, minlength=groups))[:-1])


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
    sources, group = numbered(updates.source)
    offsets = np.full(len(sources), -1, np.int64)
    raise_at(offsets, group[updates.entity], updates.last_offset)
    return dict(zip(sources.tolist(), offsets.tolist(), strict=True))


def without_sources(updates: PaneUpdates, sources: Collection[int]) -> PaneUpdates:
    """The updates of all other source partitions."""
    kept = ~np.isin(updates.source, list(sources))[updates.entity]
    panes, renumbered = np.flatnonzero(kept), np.cumsum(kept) - 1
    entries = np.flatnonzero(kept[updates.latency_pane])
    return _only(updates, panes, entries, renumbered)


def _only(updates: PaneUpdates, panes: Ints, entry: Ints, renumbered: Ints) -> PaneUpdates:
    """Some panes and their latency entries; ``renumbered`` [G] says where each of the panes is among them."""
    used, entity = numbered(updates.entity[panes])
    return PaneUpdates(
        list(map(updates.names.__getitem__, used.tolist())),
        updates.source[used],
        entity,
        updates.level_s[panes],
        updates.start_s[panes],
        updates.last_offset[panes],
        taken(updates.sums, panes),
        renumbered[updates.latency_pane[entry]],
        updates.latency_bucket[entry],
        updates.latency_count[entry],
    )
