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
from scoring.counts import new_counts
from scoring.narrow import Narrow
from scoring.panes import Ints
from scoring.stats import LEVELS_S
from scoring.sums import Sums, dense, joined

__all__ = ["KEEP_S", "LAST_SEEN", "Block", "BlockKey", "Book", "Closed", "Part"]

BlockKey = tuple[int, int]
"""(level_s, start_s): how long the pane is and where it starts."""
LAST_SEEN: Final[BlockKey] = (0, 0)
"""The block whose first column is each row's newest event time (µs) and whose offsets are its newest."""
KEEP_S: Final = {60: 70 * 60, 3_600: 170 * 3_600, 86_400: 92 * 86_400}
"""How long panes of a level are held after their start: what the windows need and some room for clocks."""
ROWS_PER_PART: Final = 1_024
MOST_OPEN_ROWS: Final = 1 << 17
"""Rows of all open blocks up to which they stay open for one more flush: 10 to 100 MB."""


class Block:
    """The panes of one start, open: sums, the last source offset in each row, latency counts.

    Only rows that hold something have a place, and only statistics that somebody states a column: a minute of a fleet
    in which few report, and most traffic, which states eight of 31, take what they hold.
    """

    __slots__ = ("_columns", "_held", "latency", "offset", "place")

    def __init__(self, rows: int) -> None:
        self.place: NDArray[np.int32] = np.zeros(rows, np.int32)
        """[rows] where a row's values stand; 0, where nothing stands, for a row that holds nothing."""
        self.offset = np.full(1, -1, np.int64)
        """Last source offset, by place."""
        self._columns: dict[int, Ints] = {}
        self._held = 1
        """Places that are taken; there is room for ``len(offset)``."""
        self.latency = new_counts()

    def grow(self, rows: int) -> None:
        """Hold at least ``rows`` rows."""
        have = len(self.place)
        if have < rows:
            self.place = grown(self.place, max(rows, have * 2))

    @property
    def room(self) -> int:
        """How many rows there is memory for."""
        return len(self.offset)

    def rows(self, first: int = 0, last: int | None = None) -> Ints:
        """Those from ``first`` up to, not including, ``last`` that hold something, ascending."""
        return np.flatnonzero(self.place[first:last]) + first

    def of(self, rows: Ints) -> dict[int, Ints]:
        """What ``rows`` hold, as ``Sums``."""
        place = self.place[rows]
        return {number: column[place] for number, column in self._columns.items()}

    def offsets(self, rows: Ints) -> Ints:
        """Last source offset of ``rows``, -1 for those that hold nothing."""
        return self.offset[self.place[rows]]

    def places(self, rows: Ints) -> Ints:
        """Places of ``rows``, which are made where there are none; a row may be given more than once."""
        place = self.place[rows]
        if not place.all():
            new = distinct_rows(rows[place == 0])
            held = self._held + len(new)
            if held > self.room:
                room = max(held, min(2 * self.room, len(self.place) + 1))
                self.offset = grown(self.offset, room, -1)
                self._columns = {number: grown(column, room) for number, column in self._columns.items()}
            self.place[new] = np.arange(self._held, held)
            self._held, place = held, self.place[rows]
        return place.astype(np.int64)

    def column(self, number: int) -> Ints:
        """One statistic by place, to be added to at ``places``; ask for those first."""
        column = self._columns.get(number)
        if column is None:
            column = self._columns[number] = np.zeros(self.room, np.int64)
        return column

    def put(self, rows: Ints, sums: Sums, offset: Ints) -> dict[int, Ints]:
        """Let ``rows``, each given once, hold these sums and offsets; what that adds to each statistic it changes."""
        place, nothing, changes = self.places(rows), np.zeros(len(rows), np.int64), dict[int, Ints]()
        for number in {*self._columns, *sums}:
            column = self._columns.get(number)
            change = sums.get(number, nothing) - (nothing if column is None else column[place])
            if change.any():
                self.column(number)[place] += change
                changes[number] = change
        self.offset[place] = offset
        return changes


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of a block as they go to the changelog: only those that hold something."""

    rows: Ints
    sums: Sums
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
EMPTY: Final = Part(_NOTHING, {}, _NOTHING, _NOTHING, _NOTHING)


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
        self.recent: set[BlockKey] = set()
        """Blocks that were asked for since something was sent of which it is not known yet whether it arrived."""
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
        self.recent.add(key)
        block = self.blocks.get(key)
        if block is None:
            block = self.blocks[key] = Block(max(64, len(self.names)))
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

    def crowding(self) -> list[BlockKey]:
        """Where many rows are open: blocks that may be closed since they did not change and all that was sent arrived.

        When the past comes in, those of some weeks are asked for between two flushes, and not again.
        """
        if sum(block.room for block in self.blocks.values()) <= MOST_OPEN_ROWS:
            return []
        changed = {dirty[:2] for dirty in self.dirty}
        return [key for key in self.blocks if key not in self.recent and key not in changed and key != LAST_SEEN]

    def touch(self, key: BlockKey, rows: Ints) -> None:
        """Mark ``rows`` of a block as changed."""
        if not len(rows):
            return
        first, last = int(rows.min()) // ROWS_PER_PART, int(rows.max()) // ROWS_PER_PART
        parts = [first] if first == last else distinct_rows(rows // ROWS_PER_PART).tolist()
        self.dirty.update((*key, part) for part in parts)

    def touch_all(self) -> None:
        """Mark everything as changed."""
        for key, block in self.blocks.items():
            self.touch(key, block.rows())
        self.dirty.update((*key, part) for key, closed in self.closed.items() for part in closed.values)

    def part(self, level_s: int, start_s: int, part: int) -> Part:
        """One part of a block, for the changelog."""
        key = (level_s, start_s)
        block = self.blocks.get(key)
        if block is None:
            closed = self.closed.get(key)
            return closed.read(closed.values[part]) if closed and part in closed.values else EMPTY
        first, last = part * ROWS_PER_PART, (part + 1) * ROWS_PER_PART
        rows = block.rows(first, last)
        return Part(rows, block.of(rows), block.offsets(rows), *block.latency.of_rows(first, last))

    def all_read(self, key: BlockKey) -> None:
        """All wanted parts of a block were asked for: let go of what is kept for the next one."""
        block = self.blocks.get(key)
        if block is not None:
            block.latency.all_read()

    def parts(self, key: BlockKey) -> Iterator[Part]:
        """All that a block holds, without opening it; an open one in one part."""
        block = self.blocks.get(key)
        if block is not None:
            rows = block.rows()
            yield Part(rows, block.of(rows), block.offsets(rows), *block.latency.all())
        elif key in self.closed:
            yield from self.closed[key].parts()

    def stats_of(self, key: BlockKey, rows: Ints) -> Ints | None:
        """Statistics of ``rows`` in a block, [len(rows), len(STATS)], without opening it; ``None`` without a block."""
        block = self.blocks.get(key)
        if block is not None:
            block.grow(len(self.names))
            return dense(block.of(rows), len(rows))
        narrow = self._narrow.get(key)
        if narrow is None:
            if key not in self.closed:
                return None
            parts = list(self.closed[key].parts())
            rows_held = np.concatenate([part.rows for part in parts])
            narrow = self._narrow[key] = Narrow(rows_held, joined([(part.sums, len(part.rows)) for part in parts]))
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
    block.put(part.rows, part.sums, part.offset)
    block.latency.put(part.latency_keys, part.latency_counts)


def is_past(level_s: int, start_s: int, now_s: float) -> bool:
    """Whether a pane is too old to be held at ``now_s``."""
    return start_s + KEEP_S[level_s] < now_s


def distinct_rows(rows: Ints) -> Ints:
    """Each row once, ascending; by marks, since there are few numbers that a row can have.

    >>> distinct_rows(np.array([3, 0, 3])).tolist()
    [0, 3]
    """
    marks = np.zeros(int(rows.max(initial=-1)) + 1, np.bool_)
    marks[rows] = True
    return np.flatnonzero(marks)


def distinct(values: Ints) -> Iterable[tuple[int, NDArray[np.bool_]]]:
    """Each distinct value with the places where it stands."""
    for value in np.unique(values).tolist():
        yield value, values == value


assert set(KEEP_S) == set(LEVELS_S)
