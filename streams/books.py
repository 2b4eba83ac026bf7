"""Books as entries of a table: parts of blocks, flushed together, closed while nobody asks, read back at the start."""

import asyncio
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

import numpy as np
import structlog

from scoring.book import LAST_SEEN, ROWS_PER_PART, BlockKey, Book, Closed
from streams.codec import checked_part, decode_part, encode_part
from streams.crash import crash_point
from streams.id_codec import SECRET_BYTES, is_of_ids, restored, say_secret, settled
from streams.id_codec import entries as id_entries
from streams.steps.duplicates import Seen
from streams.table_names import name_stages, read_names
from streams.tables import BookTable

__all__ = ["Ids", "close_unused", "flush_book", "load_book", "load_seen", "was_torn"]

log = structlog.get_logger()
MARKER_BYTES: Final = 8
_BLOCK: Final = itemgetter(slice(2))
"""Of the key of a part, that of its block."""


def load_book(table: BookTable, partition: int) -> Book:
    """The book of ``partition`` as last flushed, all blocks closed; empty when it never was.

    Raises
    ------
    ValueError
        When the state was written in another layout.
    """
    book, prefix = Book(), b"%d/" % partition
    own = {key: value for key, value in table.data.items() if key.startswith(prefix)}
    read_names(own, partition, book)
    for key, value in own.items():
        fields = key.split(b"/")
        if len(fields) == 4 and fields[1].isdigit():
            block, part = (int(fields[1]), int(fields[2])), int(fields[3])
            with _refusal_kept(table):
                book.closed.setdefault(block, Closed({}, decode_part)).values[part] = checked_part(value)
    return book


def was_torn(table: BookTable, partition: int) -> bool:
    """Whether the last flush of ``partition`` wrote what was last seen, and perhaps not all panes."""
    began, ended = table.data.get(b"%d/began" % partition), table.data.get(b"%d/flushed" % partition)
    return began is not None and began != ended


def load_seen(table: BookTable, partition: int, window_s: float) -> Seen:
    """The report ids that ``partition`` had seen: as last flushed, or where it stayed with this worker all there are.

    Ids of reports that are read again are their own trace: these count again.

    Raises
    ------
    ValueError
        When they were written in another layout.
    """
    if partition not in table.seen:
        with _refusal_kept(table):
            table.seen[partition] = restored(table.data, partition, window_s, os.urandom(SECRET_BYTES))
    prefix = b"%d/" % partition
    for key in [key for key in table.data if key.startswith(prefix) and is_of_ids(key)]:
        del table.data[key]
    return table.seen[partition]


@contextmanager
def _refusal_kept(table: BookTable) -> Iterator[None]:
    """Let the table keep why its state cannot be read: the worker ends with that."""
    try:
        yield
    except ValueError as refusal:
        table.refusal = refusal
        raise


class Ids(NamedTuple):
    """Report ids to be written with a book."""

    seen: Seen
    first_ms: int
    """When the broker took the first record that is not acknowledged."""


async def flush_book(table: BookTable, partition: int, book: Book, now_s: float, ids: Ids | None = None) -> int:
    """Write what changed since the last flush and wait until the changelog has it; how many entries were written.

    What others rest on is waited for before they go. Sent together, the first might be refused while membership is
    unsure, and the others go out a moment later, when it is not. Names go first: a row that was written always has its
    name, and no next owner gives it to another. Of parts of names that went together a later one counts only where all
    before it are full; what a crash left of others is deleted before that. Then what was last seen: no pane holds a
    report behind it, so a replay knows from it which reports cannot be in any. It goes with a marker that the end of
    the flush repeats: ``was_torn`` tells the next owner by it that panes may be behind what was last seen.

    When others have written between, all is written anew: compaction keeps the last record of a key, also one that
    does not count. Of ids that is the secret alone.
    """
    written = await _flush(table, partition, book, now_s, ids)
    if not table.is_whole(partition):
        disturbances = table.disturbances(partition)
        log.warning("state_written_anew", partition=partition, disturbances=disturbances)
        book.named = 0
        book.touch_all()
        if ids:
            say_secret(ids.seen, partition)
        written += await _flush(table, partition, book, now_s, ids)
        table.healed(partition, disturbances)
    return written


def close_unused(table: BookTable, partition: int, book: Book) -> None:
    """Hold those blocks as bytes that nothing has asked for since the last time; the table has the bytes already.

    All that was sent of them must have arrived: a closed block is not sent again.
    """
    _close(table, partition, book, book.unused())
    book.used.clear()


def _close(table: BookTable, partition: int, book: Book, unused: Iterable[BlockKey]) -> None:
    for key in unused:
        block = book.blocks.get(key)
        if block is not None:
            parts = np.unique(block.rows() // ROWS_PER_PART).tolist()
            keys = {part: _part_key(partition, (*key, part)) for part in parts}
            if all(part_key in table.data for part_key in keys.values()):  # else the partition left
                book.close(key, Closed({part: table.data[part_key] for part, part_key in keys.items()}, decode_part))


def _part_key(partition: int, part: tuple[int, int, int]) -> bytes:
    return b"%d/%d/%d/%d" % (partition, *part)


async def _flush(table: BookTable, partition: int, book: Book, now_s: float, ids: Ids | None) -> int:
    gone = book.expire(now_s)
    unused = book.unused()
    book.used.clear()
    began = os.urandom(MARKER_BYTES) if any(key[:2] == LAST_SEEN for key in book.dirty) else b""
    stages = _stages(table, partition, book, gone, began)
    if ids:
        stages[-1] += id_entries(ids.seen, partition, ids.first_ms, table.term(partition))
    named, book.named = book.named, len(book.names)
    dirty, book.dirty = book.dirty, set()
    try:
        for stage in stages:
            await asyncio.gather(*[table.write(key, value) for key, value in stage])
        if began:
            crash_point("state-before-marker")
            await table.write(b"%d/flushed" % partition, began)
        if ids:
            settled(ids.seen)
    except BaseException:
        book.named, book.dirty = min(named, book.named), book.dirty | dirty
        raise
    _close(table, partition, book, {*(key for key in unused if key not in book.used), *book.crowding()})
    return sum(map(len, stages))


def _stages(
    table: BookTable, partition: int, book: Book, gone: Iterable[tuple[int, int, int]], began: bytes
) -> list[list[tuple[bytes, bytes | None]]]:
    """What a flush writes, each stage once the one before is there: names, what was last seen, panes.

    Each waits for the changelog, and a busy worker comes to look at its answer once in a second or so: with thirteen
    parts of names one after the other, a flush of four partitions took a minute.
    """
    last_seen: list[tuple[bytes, bytes | None]] = [(b"%d/began" % partition, began)] if began else []
    panes: list[tuple[bytes, bytes | None]] = [
        (entry, None) for entry in (_part_key(partition, key) for key in gone) if entry in table.data
    ]
    for block, keys in groupby(sorted(book.dirty), key=_BLOCK):
        entries = last_seen if block == LAST_SEEN else panes
        entries += [(_part_key(partition, key), encode_part(book.part(*key))) for key in keys]
        book.all_read(block)
    return [*name_stages(table.data, partition, book), last_seen, panes]
