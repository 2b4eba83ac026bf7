"""Names of a book's rows as entries of its table: in parts that are sent together and count only without a gap."""

from collections.abc import Mapping
from itertools import count

from scoring.book import ROWS_PER_PART, Book
from streams.codec import decode_names, encode_names

__all__ = ["name_stages", "read_names"]


def read_names(entries: Mapping[bytes, bytes], partition: int, book: Book) -> None:
    """Give a new book the names that its partition's entries hold.

    What comes behind a part that is not full was sent with one that never arrived: nothing rests on it.
    """
    for part in count():
        names = decode_names(entries.get(_key(partition, part), b"[]"))
        for name in names:
            book.row(name)
        if len(names) < ROWS_PER_PART:
            break
    book.named = len(book.names)


def name_stages(entries: Mapping[bytes, bytes], partition: int, book: Book) -> list[list[tuple[bytes, bytes | None]]]:
    """What is written of names that the last flush did not know, each stage once the one before is there.

    First what a flush that was broken off left behind a gap is deleted: full parts before it would make it count.
    """
    if book.named >= len(book.names):
        return []
    parts = range(book.named // ROWS_PER_PART, -(-len(book.names) // ROWS_PER_PART))
    names = [book.names[part * ROWS_PER_PART : (part + 1) * ROWS_PER_PART] for part in parts]
    return [
        [(key, None) for key in _left_behind(entries, partition, book)],
        [(_key(partition, part), encode_names(some)) for part, some in zip(parts, names, strict=True)],
    ]


def _left_behind(entries: Mapping[bytes, bytes], partition: int, book: Book) -> list[bytes]:
    """Parts with other names than the book has there."""
    prefix, strange = _key(partition, 0)[:-1], []
    for key, value in entries.items():
        if key.startswith(prefix):
            names, first = decode_names(value), int(key[len(prefix) :]) * ROWS_PER_PART
            if names != book.names[first : first + len(names)]:
                strange.append(key)
    return strange


def _key(partition: int, part: int) -> bytes:
    return b"%d/names/%d" % (partition, part)
