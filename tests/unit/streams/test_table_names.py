import asyncio
from collections.abc import Sequence
from contextlib import suppress

import pytest

from scoring.book import ROWS_PER_PART, Book
from streams.books import flush_book, load_book
from tests.support.memory_worker import MemoryTable, NotServed
from tests.support.plain_panes import NOW_S
from tests.support.stream_runs import small_parts


def flush(table: MemoryTable, book: Book) -> int:
    return asyncio.run(flush_book(table.as_table, 3, book, NOW_S))


def named(book: Book, names: Sequence[str]) -> Book:
    for name in names:
        book.row(name)
    return book


@pytest.mark.parametrize("lost", [0, 1, 2])
def test_names_behind_a_part_that_never_arrived_do_not_count(lost: int) -> None:
    with small_parts(2):
        first = MemoryTable()
        flush(first, named(Book(), "abcdef"))
        log = [entry for entry in first.log[:3] if entry[0] != b"3/names/%d" % lost]
        assert len(log) == 2
        assert load_book(MemoryTable(log).as_table, 3).names == [*"abcdef"[: 2 * lost]]


@pytest.mark.parametrize("lost", [0, 1, 2])
@pytest.mark.parametrize("takes", range(8))
@pytest.mark.parametrize("further", ["xy", "xyz", "fedc", "xyfabcd"])
def test_names_of_a_flush_that_was_broken_off_never_come_back(lost: int, takes: int, further: str) -> None:
    """The next owner gives the rows to others, and may crash anywhere on its way."""
    with small_parts(2):
        first = MemoryTable()
        flush(first, named(Book(), "abcdef"))
        second = MemoryTable([entry for entry in first.log[:3] if entry[0] != b"3/names/%d" % lost], takes=takes)
        book = named(load_book(second.as_table, 3), further)
        with suppress(NotServed):
            flush(second, book)
        third = MemoryTable(second.log)
        copy = load_book(third.as_table, 3)
        assert copy.names == book.names[: len(copy.names)], "what is read back is a beginning of what was given last"
        assert takes < 7 or copy.names == book.names
        flush(third, named(copy, "uvwefd"))
        assert load_book(MemoryTable(third.log).as_table, 3).names == copy.names


def test_names_that_rows_rest_on_are_never_deleted() -> None:
    book, table = named(Book(), [f"p{at}" for at in range(3 * ROWS_PER_PART)]), MemoryTable()
    flush(table, book)
    table.disturbed = 1
    flush(table, named(book, ["one more"]))
    assert [key for key, value in table.log if value is None] == []
    assert load_book(MemoryTable(table.log).as_table, 3).names == book.names


def test_all_names_wait_for_one_answer() -> None:
    """With one after the other a busy worker, which looks at answers once in a second, took a minute."""
    book, table = named(Book(), [f"p{at}" for at in range(3 * ROWS_PER_PART)]), MemoryTable()
    table.takes = 0
    with pytest.raises(NotServed):
        flush(table, book)
    assert sorted(table.data) == [b"3/names/0", b"3/names/1", b"3/names/2"], "all were sent, and nothing behind them"
