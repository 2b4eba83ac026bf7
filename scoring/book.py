"""All panes that one partition holds: dense blocks, one per pane start, one row per entity."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring.counts import Counts
from scoring.panes import Ints
from scoring.stats import LEVELS_S, STATS

__all__ = ["KEEP_S", "LAST_SEEN", "Block", "BlockKey", "Book", "Part"]

BlockKey = tuple[int, int]
"""(level_s, start_s): how long the pane is and where it starts."""
LAST_SEEN: Final[BlockKey] = (0, 0)
"""The block whose first column is each row's newest event time (µs) and whose offsets are its newest."""
KEEP_S: Final = {60: 70 * 60, 3_600: 170 * 3_600, 86_400: 92 * 86_400}
"""How long panes of a level are held after their start: what the windows need and some room for clocks."""
ROWS_PER_PART: Final = 1_024


class Block:
    """The panes of one start: sums, the last source offset in each row, latency counts."""

    __slots__ = ("latency", "offset", "stats")

    def __init__(self, rows: int) -> None:
        self.stats = np.zeros((rows, len(STATS)), np.int64)
        self.offset = np.full(rows, -1, np.int64)
        self.latency = Counts()

    def grow(self, rows: int) -> None:
        """Hold at least ``rows`` rows."""
        have = len(self.offset)
        if have < rows:
            more = max(rows, have * 2) - have
            self.stats = np.concatenate([self.stats, np.zeros((more, len(STATS)), np.int64)])
            self.offset = np.concatenate([self.offset, np.full(more, -1, np.int64)])


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a block as they go to the changelog: only those that hold something."""

    rows: Ints
    stats: Ints
    offset: Ints
    latency_keys: Ints
    latency_counts: Ints


class Book:
    """Panes of one partition, by pane start and entity row, and which of them changed."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.rows: dict[str, int] = {}
        self.blocks: dict[BlockKey, Block] = {}
        self.dirty: set[tuple[int, int, int]] = set()
        """(level_s, start_s, part) changed since the last flush."""
        self.named = 0
        """How many names the last flush wrote."""

    def row(self, name: str) -> int:
        """Row of an entity; a new one is appended."""
        row = self.rows.get(name)
        if row is None:
            row = self.rows[name] = len(self.names)
            self.names.append(name)
        return row

    def block(self, key: BlockKey) -> Block:
        """The block of ``key``, made or grown to hold every row."""
        block = self.blocks.get(key)
        if block is None:
            block = self.blocks[key] = Block(max(64, 1 << (len(self.names) - 1).bit_length()))
        block.grow(len(self.names))
        return block

    def touch(self, key: BlockKey, rows: Ints) -> None:
        """Mark ``rows`` of a block as changed."""
        level_s, start_s = key
        self.dirty.update((level_s, start_s, part) for part in np.unique(rows // ROWS_PER_PART).tolist())

    def part(self, level_s: int, start_s: int, part: int) -> Part:
        """One part of a block, for the changelog."""
        block = self.block((level_s, start_s))
        first, last = part * ROWS_PER_PART, (part + 1) * ROWS_PER_PART
        rows = np.flatnonzero(block.offset[first:last] >= 0) + first
        return Part(rows, block.stats[rows], block.offset[rows], *block.latency.of_rows(first, last))

    def restore(self, key: BlockKey, part: Part) -> None:
        """Take in a part read back from the changelog; its names must be known already."""
        block = self.block(key)
        block.stats[part.rows] = part.stats
        block.offset[part.rows] = part.offset
        block.latency.put(part.latency_keys, part.latency_counts)

    def expire(self, now_s: float) -> list[tuple[int, int, int]]:
        """Forget blocks no window needs any more; their (level_s, start_s, part) keys."""
        gone = [key for key in self.blocks if key[0] in KEEP_S and is_past(key[0], key[1], now_s)]
        parts = range(-(-max(len(self.names), 1) // ROWS_PER_PART))
        for key in gone:
            del self.blocks[key]
        self.dirty = {dirty for dirty in self.dirty if dirty[:2] in self.blocks}
        return [(*key, part) for key in gone for part in parts]

    @property
    def high(self) -> int:
        """The newest source offset in any row, -1 without one."""
        block = self.blocks.get(LAST_SEEN)
        return -1 if block is None else int(block.offset.max(initial=-1))


def is_past(level_s: int, start_s: int, now_s: float) -> bool:
    """Whether a pane is too old to be held at ``now_s``."""
    return start_s + KEEP_S[level_s] < now_s


def distinct(values: Ints) -> Iterable[tuple[int, NDArray[np.bool_]]]:
    """Each distinct value with the places where it stands."""
    for value in np.unique(values).tolist():
        yield value, values == value


assert set(KEEP_S) == set(LEVELS_S)
