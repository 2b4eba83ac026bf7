import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.structs import RecordMetadata
from faust.types import TP

from scoring.book import KEEP_S, ROWS_PER_PART, Book
from streams.app import build_app
from streams.codec import encode_names
from streams.fencing import Fence, NotMember
from streams.steps.fold import FoldState, fold, mark_unsent, take_updates
from streams.tables import BookTable, close_unused, flush_book, load_book
from tests.support.memory_worker import MemoryTable, NotServed, settings
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
    assert (book.names, book.block_keys(), book.named) == ([], [], 0)


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


def test_state_of_a_later_layout_is_kept_as_the_reason_to_stop() -> None:
    table = MemoryTable([(b"3/60/1700000000/0", b"\x0f\x00\x00\x00none")])
    with pytest.raises(ValueError, match="state must be an lz4 block; got") as refusal:
        load_book(table.as_table, 3)
    assert table.refusal is refusal.value


def test_entries_of_other_kinds_are_not_taken_for_panes() -> None:
    table = MemoryTable([(b"3/term/7", b"7"), (b"3/ids/1/2", b"x"), (b"3/flushed", b"9")])
    assert load_book(table.as_table, 3).block_keys() == []


# ------------------------------------------------------------------------------------------------ a table and its log
@dataclass
class Log:
    """A table of a worker that was never started, and the changelog as the broker would tell of it."""

    table: BookTable
    place: int = 0

    def tp(self, partition: int = 3) -> TP:
        return TP(self.table.changelog_topic_name, partition)

    def read(self, *entries: tuple[bytes, bytes | None, int | None], partition: int = 3, generation: int = 1) -> None:
        """Entries come by recovery: key, value, term."""
        events: list[Any] = []
        for key, value, term in entries:
            headers = None if term is None else [("term", b"%d" % term)]
            message = SimpleNamespace(
                offset=self.place, partition=partition, headers=headers, value=value, generation_id=generation
            )
            events.append(SimpleNamespace(key=key, value=value, message=message))
            self.place += 1
        self.table.apply_changelog_batch(events)

    def own(self, term: int = 7, partition: int = 3) -> None:
        """A term was opened at the end of the log."""
        self.table._ledger(partition).opened(term, self.place)
        self.place += 1

    def write(self, key: bytes, value: bytes | None) -> "asyncio.Future[Any]":
        return self.table.write(key, value)

    async def take(self, sent: "asyncio.Future[Any]", skipped: int = 0) -> None:
        """The broker acknowledges, after ``skipped`` records of others."""
        self.place += skipped
        sent.set_result(RecordMetadata(*self.tp(), self.tp(), self.place, 0, 0, 0))
        self.place += 1
        await asyncio.sleep(0)


@contextmanager
def a_log() -> Iterator[Log]:
    parts = build_app(settings(lake=""))
    yield Log(parts.tables[0])
    thread: Any = parts.app.consumer
    thread._thread.thread_loop.close()


def story(play: Callable[[Log], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        with a_log() as log:
            log.table.fence = Fence(10, lambda: 0.0)
            log.table.fence.confirmed(0.0)
            await log.table.on_rebalance(set(), set(), {log.tp()}, 1)
            await play(log)

    asyncio.run(run())


def test_what_an_owner_writes_late_is_not_read() -> None:
    async def play(log: Log) -> None:
        log.read(
            (b"3/a", b"old", 1), (b"3/term/2", b"", 2), (b"3/a", b"new", 2), (b"3/a", b"late", 1), (b"3/a", None, 1)
        )
        assert log.table.data[b"3/a"] == b"new"
        assert log.table.disturbances(3) == 2

    story(play)


def test_entries_without_a_term_are_read() -> None:
    async def play(log: Log) -> None:
        log.read((b"3/a", b"1", None), (b"3/b", b"2", 4), (b"3/a", b"3", None))
        assert log.table.data[b"3/a"] == b"3"

    story(play)


def test_nothing_is_written_before_a_term_is_open_and_while_the_group_is_silent() -> None:
    async def play(log: Log) -> None:
        clock = [0.0]
        log.table.fence = Fence(10, lambda: clock[0])
        log.table.fence.confirmed(0)
        with pytest.raises(NotMember):
            log.write(b"3/a", b"1")
        log.own()
        log.write(b"3/a", b"1")
        clock[0] = 11
        with pytest.raises(NotMember, match=r"last confirmed 11\.0 s ago"):
            log.write(b"3/a", b"2")
        log.table.fence.confirmed(11)
        log.table.revoked([log.tp()])
        with pytest.raises(NotMember):
            log.write(b"3/a", b"2")

    story(play)


def test_an_entry_carries_its_term() -> None:
    async def play(log: Log) -> None:
        log.own(7)
        message = log.write(b"3/a", b"1").message  # type: ignore[attr-defined]
        assert (message.partition, dict(message.headers)) == (3, {"term": b"7"})

    story(play)


def test_the_table_holds_what_the_changelog_has() -> None:
    async def play(log: Log) -> None:
        log.own()
        one, other = log.write(b"3/a", b"1"), log.write(b"3/b", b"1")
        assert b"3/a" not in log.table.data
        await log.take(one)
        other.set_exception(OSError("away"))
        await asyncio.sleep(0)
        assert dict(log.table.data.items()) == {b"3/a": b"1"}
        await log.take(log.write(b"3/a", None))
        assert dict(log.table.data.items()) == {}

    story(play)


def test_strangers_between_its_own_entries_are_noticed() -> None:
    async def play(log: Log) -> None:
        log.own()
        await log.take(log.write(b"3/a", b"1"))
        assert log.table.disturbances(3) == 0
        await log.take(log.write(b"3/a", b"2"), skipped=2)
        assert log.table.disturbances(3) == 2
        assert not log.table.healed(3, 2)
        assert log.table.healed(3, 2)

    story(play)


def test_of_a_partition_that_left_nothing_is_kept() -> None:
    async def play(log: Log) -> None:
        log.read((b"3/a", b"1", 1))
        log.read((b"4/a", b"1", 1), partition=4)
        assert log.table.persisted_offset(log.tp(3)) == 0
        await log.table.on_rebalance(set(), {log.tp(3)}, set(), 2)
        assert set(log.table.data) == {b"4/a"}
        assert log.table.persisted_offset(log.tp(3)) is None
        assert log.table.persisted_offset(log.tp(4)) == 1, "what stays is read on from there"

    story(play)


def test_a_worker_that_was_away_for_a_generation_reads_again_what_it_still_owns() -> None:
    async def play(log: Log) -> None:
        log.read((b"3/a", b"1", 1))
        await log.table.on_rebalance({log.tp(3)}, set(), set(), 2)
        assert log.table._torn == set(), "in the generation before: nobody else can have written"
        await log.table.on_rebalance({log.tp(3)}, set(), set(), 4)
        assert log.table._torn == {3}

    story(play)


def test_records_of_a_recovery_that_was_broken_off_are_not_mixed_in() -> None:
    async def play(log: Log) -> None:
        await log.table.on_rebalance(set(), set(), {log.tp()}, 2)
        log.read((b"3/a", b"1", 1), generation=1)
        assert dict(log.table.data.items()) == {}
        assert log.table._torn == {3}, "and all of it is read again before the term opens"

    story(play)


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
    rows = sum(int((block.offset >= 0).sum()) for block in state.book.blocks.values())
    flush(table, state.book)
    flush(table, state.book)
    held = sum(len(value) for closed in state.book.closed.values() for value in closed.values.values())
    assert rows > 20_000
    assert held / rows < 24, "dense arrays take 256"
    assert len(state.book.blocks) == 1
