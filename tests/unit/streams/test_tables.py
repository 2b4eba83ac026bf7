import asyncio

import pytest

from scoring.book import KEEP_S, ROWS_PER_PART, Book
from streams.codec import encode_names
from streams.steps.fold import FoldState, fold
from streams.tables import BookTable, flush_book, load_book
from tests.support.memory_worker import MemoryTable, NotServed
from tests.support.plain_panes import NOW_S, columns_of_reports, panes_in, some_reports

GOOD = {"provider_id": "a", "outcome": "success", "timestamp": NOW_S, "latency_ms": 5}


def state_of(n: int = 60, seed: int = 1) -> FoldState:
    state = FoldState()
    fold(state, columns_of_reports(some_reports(seed, n)), NOW_S)
    return state


def flush(table: MemoryTable, book: Book, now_s: float = NOW_S, partition: int = 3) -> int:
    return asyncio.run(flush_book(table.as_table, partition, book, now_s))


def test_a_book_is_read_back_as_it_was_flushed() -> None:
    state, table = state_of(), MemoryTable()
    assert flush(table, state.book) == len(table.log) - 1, "all entries but the marker"
    copy = load_book(MemoryTable(table.log).as_table, 3)
    assert panes_in(copy) == panes_in(state.book)
    assert copy.names == state.book.names


def test_what_was_never_flushed_is_an_empty_book() -> None:
    book = load_book(MemoryTable().as_table, 3)
    assert (book.names, book.blocks, book.named) == ([], {}, 0)


def test_names_go_first_and_a_single_marker_last() -> None:
    state, table = state_of(), MemoryTable()
    flush(table, state.book)
    kinds = [key.split(b"/")[1] for key, _ in table.log]
    assert kinds[0] == b"names"
    assert kinds.count(b"names") == kinds.count(b"flushed") == 1
    assert table.log[-1] == (b"3/flushed", b"59")


def test_parts_go_in_order_with_the_newest_offsets_first() -> None:
    state, table = state_of(), MemoryTable()
    flush(table, state.book)
    places = [tuple(map(int, key.split(b"/")[1:])) for key, _ in table.log[1:-1]]
    assert places == sorted(places)
    assert places[0] == (0, 0, 0), "a replay takes from it how far any state got"


def test_only_what_changed_is_written_again() -> None:
    state, table = state_of(), MemoryTable()
    flush(table, state.book)
    assert flush(table, state.book) == 0
    fold(state, columns_of_reports([GOOD | {"provider_id": "provider-0"}], 60), NOW_S)
    before = len(table.log)
    assert flush(table, state.book) == 4, "last seen, minute, hour, day"
    assert not any(b"names" in key for key, _ in table.log[before:])


def test_only_the_last_names_are_written_again() -> None:
    book, table = Book(), MemoryTable()
    for at in range(ROWS_PER_PART + 2):
        book.row(f"p{at}")
    flush(table, book)
    book.row("one more")
    before = len(table.log)
    flush(table, book)
    assert table.log[before] == (b"3/names/1", encode_names([f"p{ROWS_PER_PART}", f"p{ROWS_PER_PART + 1}", "one more"]))
    assert len(table.log) == before + 2
    assert load_book(MemoryTable(table.log).as_table, 3).names == book.names


def test_many_parts_of_names_come_back_in_order() -> None:
    book, table = Book(), MemoryTable()
    for at in range(11 * ROWS_PER_PART):
        book.row(f"p{at}")
    flush(table, book)
    assert load_book(MemoryTable(list(reversed(table.log))).as_table, 3).names == book.names


def test_expired_blocks_are_deleted_once() -> None:
    state, table = FoldState(), MemoryTable()
    fold(state, columns_of_reports([GOOD]), NOW_S)
    flush(table, state.book)
    later = NOW_S + KEEP_S[60] + 60
    before = len(table.log)
    assert flush(table, state.book, later) == 1
    assert table.log[before] == (b"3/60/%d/0" % (NOW_S // 60 * 60), None)
    assert flush(table, state.book, later) == 0
    assert {key[0] for key in load_book(MemoryTable(table.log).as_table, 3).blocks} == {0, 3_600, 86_400}


def test_a_block_that_expires_before_its_first_flush_is_never_written() -> None:
    state, table = FoldState(), MemoryTable()
    fold(state, columns_of_reports([GOOD]), NOW_S)
    flush(table, state.book, NOW_S + KEEP_S[60] + 60)
    assert not any(key.startswith(b"3/60/") for key, _ in table.log)


@pytest.mark.parametrize("takes", [0, 1, 2, 5])
def test_what_a_failed_flush_did_not_write_is_written_by_the_next(takes: int) -> None:
    state, table = state_of(), MemoryTable(takes=takes)
    with pytest.raises(NotServed):
        flush(table, state.book)
    table.takes = None
    flush(table, state.book)
    copy = load_book(MemoryTable(table.log).as_table, 3)
    assert panes_in(copy) == panes_in(state.book)
    assert copy.names == state.book.names


def test_each_partition_reads_its_own_entries() -> None:
    table = MemoryTable()
    for partition, seed in ((1, 1), (11, 2)):
        flush(table, state_of(seed=seed).book, partition=partition)
    for partition, seed in ((1, 1), (11, 2)):
        assert panes_in(load_book(table.as_table, partition)) == panes_in(state_of(seed=seed).book)
    assert load_book(table.as_table, 2).names == []


def test_a_key_names_its_partition() -> None:
    table: BookTable = BookTable.__new__(BookTable)  # what a key says does not depend on an app
    assert [table.partition_for_key(key) for key in (b"3/60/1700000000/0", b"12/flushed", b"0/names/1")] == [3, 12, 0]
