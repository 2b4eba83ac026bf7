import asyncio

import pytest

from scoring.book import KEEP_S, ROWS_PER_PART, Book
from streams.books import close_unused, flush_book, load_book, was_torn
from streams.codec import encode_names
from streams.steps.fold import FoldState, fold, mark_unsent, take_updates
from streams.tables import BookTable
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
    assert flush(table, state.book) == len(table.log) - 1, "all entries but the last marker"
    copy = load_book(MemoryTable(table.log).as_table, 3)
    assert panes_in(copy) == panes_in(state.book)
    assert copy.names == state.book.names


def test_what_was_never_flushed_is_an_empty_book() -> None:
    book = load_book(MemoryTable().as_table, 3)
    assert (book.names, book.block_keys(), book.named) == ([], [], 0)


def test_a_flush_leaves_no_second_copy_of_what_it_read_in_order() -> None:
    state, table = state_of(2_000), MemoryTable()
    flush(table, state.book)
    counts = [block.latency for block in state.book.blocks.values()]
    assert any(len(one.all()[0]) for one in counts)
    assert not any(getattr(one, "_ordered", None) for one in counts)


def test_names_go_first_and_a_single_marker_last() -> None:
    state, table = state_of(), MemoryTable()
    flush(table, state.book)
    kinds = [key.split(b"/")[1] for key, _ in table.log]
    assert kinds[0] == b"names"
    assert kinds.count(b"names") == kinds.count(b"began") == kinds.count(b"flushed") == 1
    assert table.log[-1] == (b"3/flushed", table.data[b"3/began"])


def test_parts_go_in_order_with_the_newest_offsets_first() -> None:
    state, table = state_of(), MemoryTable()
    flush(table, state.book)
    places = [tuple(map(int, key.split(b"/")[1:])) for key, _ in table.log[2:-1]]
    assert places == sorted(places)
    assert places[0] == (0, 0, 0), "a replay takes from it how far any state got"


def test_only_what_changed_is_written_again() -> None:
    state, table = state_of(), MemoryTable()
    flush(table, state.book)
    assert flush(table, state.book) == 0
    fold(state, columns_of_reports([GOOD | {"provider_id": "provider-0"}], 60), NOW_S)
    before = len(table.log)
    assert flush(table, state.book) == 5, "marker, last seen, minute, hour, day"
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
    assert len(table.log) == before + 1, "no marker: no pane has changed"
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
    assert {key[0] for key in load_book(MemoryTable(table.log).as_table, 3).block_keys()} == {0, 3_600, 86_400}


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


def test_a_flush_that_broke_off_behind_what_was_last_seen_is_known_to_the_next_owner() -> None:
    state, table = state_of(), MemoryTable()
    assert not was_torn(table.as_table, 3)
    flush(table, state.book)
    whole, log = len(table.log), table.log
    kinds = [key.split(b"/")[1] for key, _ in log]
    for cut in range(whole + 1):
        torn = kinds.index(b"began") < cut < whole
        assert was_torn(MemoryTable(log[:cut]).as_table, 3) == torn
    fold(state, columns_of_reports([GOOD], 1_000), NOW_S)
    flush(table, state.book)
    assert was_torn(MemoryTable(table.log[:-1]).as_table, 3)
    assert not was_torn(table.as_table, 3)


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


def test_all_is_written_anew_when_others_wrote_between() -> None:
    state, table = state_of(), MemoryTable()
    first = flush(table, state.book)
    table.disturbed = 2
    assert flush(table, state.book) == first, "nothing changed, and yet each entry may be hidden by a later one"
    assert flush(table, state.book) == 0, "once"
    table.disturbed = 3
    assert flush(table, state.book) == first


def test_what_could_not_be_written_anew_is_tried_again() -> None:
    state, table = state_of(), MemoryTable()
    first = flush(table, state.book)
    table.disturbed, table.takes = 2, 3
    with pytest.raises(NotServed):
        flush(table, state.book)
    table.takes = None
    assert flush(table, state.book) >= first
    assert flush(table, state.book) == 0


def test_state_of_a_later_layout_is_kept_as_the_reason_to_stop() -> None:
    table = MemoryTable([(b"3/60/1700000000/0", b"\x0f\x00\x00\x00none")])
    with pytest.raises(ValueError, match="state must be a zstd frame or an lz4 block; got") as refusal:
        load_book(table.as_table, 3)
    assert table.refusal is refusal.value


def test_entries_of_other_kinds_are_not_taken_for_panes() -> None:
    table = MemoryTable([(b"3/term/7", b"7"), (b"3/ids/1/2", b"x"), (b"3/flushed", b"9")])
    assert load_book(table.as_table, 3).block_keys() == []


# ------------------------------------------------------------------------------------------------------------ closed
def test_a_block_that_a_whole_flush_interval_left_alone_is_closed() -> None:
    state, table = state_of(), MemoryTable()
    take_updates(state, 3)
    flush(table, state.book)
    assert state.book.closed == {}, "what was asked for since the flush before stays open"
    flush(table, state.book)
    assert set(state.book.blocks) == {(0, 0)}
    values = [value for closed in state.book.closed.values() for value in closed.values.values()]
    assert all(any(value is held for held in table.data.values()) for value in values), "one copy, not two"
    assert panes_in(state.book) == panes_in(state_of().book)


def test_a_block_is_closed_without_a_flush_where_nothing_comes_any_more() -> None:
    state, table = state_of(), MemoryTable()
    flush(table, state.book)
    close_unused(table.as_table, 3, state.book)
    assert set(state.book.blocks) == {(0, 0)}
    assert panes_in(state.book) == panes_in(state_of().book)


def test_a_block_that_the_table_does_not_hold_whole_stays_open() -> None:
    state, table = state_of(), MemoryTable()
    flush(table, state.book)
    table.data.clear()
    flush(table, state.book)
    assert state.book.closed == {}


def test_what_was_closed_is_not_sent_again_but_what_comes_late_for_it_is() -> None:
    state, table = state_of(), MemoryTable()
    take_updates(state, 3)
    flush(table, state.book)
    flush(table, state.book)
    mark_unsent(state)
    again = take_updates(state, 3)
    assert again is not None
    assert set(again.level_s.tolist()) == {0}
    fold(state, columns_of_reports([GOOD], 1_000), NOW_S)
    late = take_updates(state, 3)
    assert late is not None
    assert sorted(set(late.level_s.tolist())) == [0, 60, 3_600, 86_400]


def test_a_state_costs_some_bytes_a_pane_row_once_it_is_quiet() -> None:
    state, table, reports = FoldState(), MemoryTable(), []
    for number in range(30_000):
        provider, age_s = f"provider-{number % 500}", (number * 7_919) % (80 * 86_400)
        latency_ms = 20 + (number * 31) % 400
        reports.append(
            {"provider_id": provider, "outcome": "success", "timestamp": NOW_S - age_s, "latency_ms": latency_ms}
        )
    fold(state, columns_of_reports(reports), NOW_S)
    rows = sum(len(block.rows()) for block in state.book.blocks.values())
    flush(table, state.book)
    flush(table, state.book)
    held = sum(len(value) for closed in state.book.closed.values() for value in closed.values.values())
    assert rows > 20_000
    assert held / rows < 24, "dense arrays take 256"
    assert len(state.book.blocks) == 1
