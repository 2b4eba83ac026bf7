"""All panes that one partition holds: a block for each pane start, with a row for each entity.

A block that is written is open: dense arrays. One that is written no more is closed: its parts as the bytes that stand
in the changelog, a twentieth of the room, and opened again when something late comes (docs/decisions/0008).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scoring.arrays import grown
from scoring.counts import Counts
from scoring.narrow import Narrow
from scoring.panes import Ints
from scoring.stats import LEVELS_S, STATS

__all__ = ["KEEP_S", "LAST_SEEN", "Block", "BlockKey", "Book", "Closed", "Part"]

BlockKey = tuple[int, int]
"""(level_s, start_s): how long the pane is and where it starts."""
LAST_SEEN: Final[BlockKey] = (0, 0)
"""The block whose first column is each row's newest event time (µs) and whose offsets are its newest."""
KEEP_S: Final = {60: 70 * 60, 3_600: 170 * 3_600, 86_400: 92 * 86_400}
"""How long panes of a level are held after their start: what the windows need and some room for clocks."""
ROWS_PER_PART: Final = 1_024


class Block:
    """The panes of one start, open: sums, the last source offset in each row, latency counts.

    Of a statistic that nobody states no column is written, and what was never written takes no memory: most traffic
    states eight of 31.
    """

    __slots__ = ("latency", "offset", "stats")

    def __init__(self, rows: int) -> None:
        self.stats = _no_stats(rows)
        """[rows, len(STATS)], to be read; written by ``add``."""
        self.offset = np.full(rows, -1, np.int64)
        self.latency = Counts()

    def grow(self, rows: int) -> None:
        """Hold at least ``rows`` rows."""
        have = len(self.offset)
        if have < rows:
            room, before = max(rows, have * 2), self.stats
            self.stats, self.offset = _no_stats(room), grown(self.offset, room, -1)
            self.add(np.arange(have), before)

    def of(self, rows: Ints) -> Ints:
        """What ``rows`` hold, [n, len(STATS)]."""
        return self.stats.T.take(rows, axis=1).T

    def add(self, rows: Ints, stats: Ints) -> None:
        """Add ``stats`` [n, len(STATS)], of either sign, to ``rows``, each of which is given once."""
        for column in np.flatnonzero(np.bitwise_or.reduce(stats, axis=0)).tolist():
            self.stats[rows, column] += stats[:, column]


def _no_stats(rows: int) -> Ints:
    return np.zeros((len(STATS), rows), np.int64).T  # a column lies together


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a block as they go to the changelog: only those that hold something."""

    rows: Ints
    stats: Ints
    offset: Ints
    latency_keys: Ints
    latency_counts: Ints


class Closed(NamedTuple):
    """The panes of one start, closed: each part as bytes, and what reads them."""

    values: dict[int, bytes]
    read: Callable[[bytes], Part]

    def parts(self) -> Iterator[Part]:
        """The parts, in order."""
        return map(self.read, (self.values[number] for number in sorted(self.values)))


_NOTHING: Final = np.empty(0, np.int64)
EMPTY: Final = Part(_NOTHING, np.zeros((0, len(STATS)), np.int64), _NOTHING, _NOTHING, _NOTHING)


class Book:
    """Panes of one partition, by pane start and entity row, and which of them changed."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.rows: dict[str, int] = {}
        self.blocks: dict[BlockKey, Block] = {}
        """The open ones."""
        self.closed: dict[BlockKey, Closed] = {}
        self.dirty: set[tuple[int, int, int]] = set()
        """(level_s, start_s, part) changed since the last flush."""
        self.used: set[BlockKey] = set()
        """Blocks that were asked for since the last flush."""
        self.named = 0
        """How many names the last flush wrote."""
        self._narrow: dict[BlockKey, Narrow] = {}

    def row(self, name: str) -> int:
        """Row of an entity; a new one is appended."""
        row = self.rows.get(name)
        if row is None:
            row = self.rows[name] = len(self.names)
            self.names.append(name)
        return row

    def block(self, key: BlockKey) -> Block:
        """The block of ``key``, opened, made or grown to hold every row."""
        self.used.add(key)
        block = self.blocks.get(key)
        if block is None:
            block = self.blocks[key] = Block(max(64, 1 << (len(self.names) - 1).bit_length()))
            self._narrow.pop(key, None)
            if key in self.closed:
                for part in self.closed.pop(key).parts():
                    _fill(block, part)
        block.grow(len(self.names))
        return block

    def close(self, key: BlockKey, closed: Closed) -> None:
        """Hold a block as bytes, which must be of all that is in it; one that holds nothing is let go."""
        self.blocks.pop(key, None)
        if closed.values:
            self.closed[key] = closed

    def holds(self, key: BlockKey) -> bool:
        """Whether there is a block of ``key``."""
        return key in self.blocks or key in self.closed

    def block_keys(self) -> list[BlockKey]:
        """Keys of all blocks."""
        return [*self.blocks, *self.closed]

    def unused(self) -> list[BlockKey]:
        """Open blocks that nothing has asked for since the last flush, and that did not change."""
        changed = {dirty[:2] for dirty in self.dirty}
        return [key for key in self.blocks if key not in self.used and key not in changed and key != LAST_SEEN]

    def touch(self, key: BlockKey, rows: Ints) -> None:
        """Mark ``rows`` of a block as changed."""
        level_s, start_s = key
        self.dirty.update((level_s, start_s, part) for part in np.unique(rows // ROWS_PER_PART).tolist())

    def touch_all(self) -> None:
        """Mark everything as changed."""
        for key, block in self.blocks.items():
            self.touch(key, np.flatnonzero(block.offset >= 0))
        self.dirty.update((*key, part) for key, closed in self.closed.items() for part in closed.values)

    def part(self, level_s: int, start_s: int, part: int) -> Part:
        """One part of a block, for the changelog."""
        key = (level_s, start_s)
        block = self.blocks.get(key)
        if block is None:
            closed = self.closed.get(key)
            return closed.read(closed.values[part]) if closed and part in closed.values else EMPTY
        first, last = part * ROWS_PER_PART, (part + 1) * ROWS_PER_PART
        rows = np.flatnonzero(block.offset[first:last] >= 0) + first
        return Part(rows, block.of(rows), block.offset[rows], *block.latency.of_rows(first, last))

    def parts(self, key: BlockKey) -> Iterator[Part]:
        """All that a block holds, without opening it; an open one in one part."""
        block = self.blocks.get(key)
        if block is not None:
            rows = np.flatnonzero(block.offset >= 0)
            yield Part(rows, block.of(rows), block.offset[rows], *block.latency.all())
        elif key in self.closed:
            yield from self.closed[key].parts()

    def stats_of(self, key: BlockKey, rows: Ints) -> Ints | None:
        """Statistics of ``rows`` in a block, [len(rows), len(STATS)], without opening it; ``None`` without a block."""
        block = self.blocks.get(key)
        if block is not None:
            block.grow(len(self.names))
            return block.of(rows)
        narrow = self._narrow.get(key)
        if narrow is None:
            if key not in self.closed:
                return None
            parts = [(part.rows, part.stats) for part in self.closed[key].parts()]
            narrow = Narrow(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
            self._narrow[key] = narrow
        return narrow.of(rows)

    def restore(self, key: BlockKey, part: Part) -> None:
        """Take in a part read back from the changelog; its names must be known already."""
        _fill(self.block(key), part)

    def expire(self, now_s: float) -> list[tuple[int, int, int]]:
        """Forget blocks no window needs any more; their (level_s, start_s, part) keys."""
        gone = [key for key in self.block_keys() if key[0] in KEEP_S and is_past(key[0], key[1], now_s)]
        parts = range(-(-max(len(self.names), 1) // ROWS_PER_PART))
        for key in gone:
            for held in (self.blocks, self.closed, self._narrow):
                held.pop(key, None)
        self.dirty = {dirty for dirty in self.dirty if self.holds(dirty[:2])}
        return [(*key, part) for key in gone for part in parts]

    @property
    def high(self) -> int:
        """The newest source offset in any row, -1 without one."""
        return int(self.block(LAST_SEEN).offset.max(initial=-1)) if self.holds(LAST_SEEN) else -1


def _fill(block: Block, part: Part) -> None:
    block.add(part.rows, part.stats - block.of(part.rows))
    block.offset[part.rows] = part.offset
    block.latency.put(part.latency_keys, part.latency_counts)


def is_past(level_s: int, start_s: int, now_s: float) -> bool:
    """Whether a pane is too old to be held at ``now_s``."""
    return start_s + KEEP_S[level_s] < now_s


def distinct(values: Ints) -> Iterable[tuple[int, NDArray[np.bool_]]]:
    """Each distinct value with the places where it stands."""
    for value in np.unique(values).tolist():
        yield value, values == value


assert set(KEEP_S) == set(LEVELS_S)
