"""Books in Faust tables: parts of blocks as entries, flushed together, read back at the start."""

import asyncio
from typing import Any

import faust

from scoring.book import ROWS_PER_PART, Book
from streams.codec import decode_names, decode_part, encode_names, encode_part

__all__ = ["BookTable", "flush_book", "load_book"]


class BookTable(faust.Table[bytes, bytes]):
    """A table whose keys begin with the partition they belong to (``b"3/60/1700000000/0"``).

    A plain Faust table takes the partition from the event being processed and refuses writes outside one; this one is
    written by a timer, and each write can be waited for.
    """

    def partition_for_key(self, key: bytes) -> int:
        """Partition that a key names."""
        return int(key[: key.index(b"/")])

    def write(self, key: bytes, value: bytes | None) -> "asyncio.Future[Any]":
        """Set (or, with ``None``, delete) an entry; the future is done when the changelog has it."""
        if value is None:
            self.data.pop(key, None)
        else:
            self.data[key] = value
        sent: asyncio.Future[Any] = self.send_changelog(self.partition_for_key(key), key, value)
        return sent


def load_book(table: BookTable, partition: int) -> Book:
    """The book of ``partition`` as last flushed; empty when it never was.

    Raises
    ------
    ValueError
        When the state was written in another layout.
    """
    book, prefix = Book(), b"%d/" % partition
    own = {key: value for key, value in table.data.items() if key.startswith(prefix)}
    names = {int(key.split(b"/")[2]): value for key, value in own.items() if key.split(b"/")[1] == b"names"}
    for part in sorted(names):
        for name in decode_names(names[part]):
            book.row(name)
    book.named = len(book.names)
    for key, value in own.items():
        fields = key.split(b"/")
        if len(fields) == 4:
            book.restore((int(fields[1]), int(fields[2])), decode_part(value))
    return book


async def flush_book(table: BookTable, partition: int, book: Book, now_s: float) -> int:
    """Write what changed since the last flush and wait until the changelog has it; how many entries were written.

    Names go first: a row that was written always has its name. A single marker goes last, as a batch of its own: the
    embedded broker reports the end of a log as the start of its last batch plus one, and recovery stops there.
    """
    gone = book.expire(now_s)
    entries: list[tuple[bytes, bytes | None]] = [(b"%d/%d/%d/%d" % (partition, *key), None) for key in gone]
    entries = [(key, value) for key, value in entries if key in table.data]
    if book.named < len(book.names):
        for part in range(book.named // ROWS_PER_PART, -(-len(book.names) // ROWS_PER_PART)):
            names = book.names[part * ROWS_PER_PART : (part + 1) * ROWS_PER_PART]
            entries.append((b"%d/names/%d" % (partition, part), encode_names(names)))
    named, book.named = book.named, len(book.names)
    dirty, book.dirty = sorted(book.dirty), set()
    entries += [(b"%d/%d/%d/%d" % (partition, *key), encode_part(book.part(*key))) for key in dirty]
    try:
        await asyncio.gather(*[table.write(key, value) for key, value in entries])
        if entries:
            await table.write(b"%d/flushed" % partition, b"%d" % book.high)
    except BaseException:
        book.named, book.dirty = min(named, book.named), book.dirty | set(dirty)
        raise
    return len(entries)
