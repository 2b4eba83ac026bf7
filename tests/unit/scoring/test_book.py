import pickle
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from scoring.book import KEEP_S, LAST_SEEN, ROWS_PER_PART, Block, Book, Closed, distinct, is_past
from scoring.stats import BUCKETS, STATS, WINDOWS, covers
from scoring.sums import dense
from tests.support.plain_panes import NOW_S, panes_in
from tests.support.sums import sums_of

MINUTE = (60, NOW_S // 60 * 60)
HOUR = (3_600, NOW_S // 3_600 * 3_600)


def ints(*values: int) -> NDArray[np.int64]:
    return np.array(values, np.int64)


# ------------------------------------------------------------------------------------------------------------ blocks
def test_a_block_grows_without_losing_anything() -> None:
    block = Block(2)
    block.put(ints(1), {0: ints(7)}, ints(3))
    block.grow(5)
    block.grow(4)
    block.put(ints(4, 0), {2: ints(5, 5)}, ints(8, 9))
    assert block.offsets(np.arange(5)).tolist() == [9, 3, -1, -1, 8]
    assert dense(block.of(np.arange(5)), 5)[:, :3].tolist() == [[0, 0, 5], [7, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 5]]
    assert (block.rows().tolist(), block.rows(1, 4).tolist()) == ([0, 1, 4], [1])


def test_a_row_has_one_place_however_often_it_is_asked_for() -> None:
    block = Block(100)
    place = block.places(ints(7, 3, 7, 3, 50))
    assert len(set(place.tolist())) == 3
    assert place.all(), "the first place is that of rows that hold nothing"
    assert place[:2].tolist() == place[2:4].tolist() == block.places(ints(7, 3)).tolist()


def test_rows_that_hold_nothing_take_four_bytes() -> None:
    block = Block(100_000)
    block.put(ints(5, 99_999), {3: ints(1, 1)}, ints(0, 1))
    assert block.place.nbytes == 400_000
    assert block.room < 10


def test_putting_says_what_it_adds_to_each_statistic_that_it_changes() -> None:
    block = Block(3)
    assert block.put(ints(1), {0: ints(7), 2: ints(0)}, ints(3))[0].tolist() == [7]
    changes = block.put(ints(2, 1), {2: ints(0, 4)}, ints(5, 6))
    assert {number: change.tolist() for number, change in changes.items()} == {0: [0, -7], 2: [0, 4]}
    assert dense(block.of(np.arange(3)), 3)[:, :3].tolist() == [[0, 0, 0], [0, 0, 4], [0, 0, 0]]
    assert block.offsets(np.arange(3)).tolist() == [-1, 6, 5]
    assert block.put(ints(1), {2: ints(4)}, ints(7)) == {}


# ------------------------------------------------------------------------------------------------------------- books
def book_of(rows: int, seed: int = 0) -> Book:
    """A book with names and one pane a row at two levels, some rows empty."""
    book, rng = Book(), np.random.default_rng(seed)
    for row in range(rows):
        book.row(f"provider-{row}")
    for key in (LAST_SEEN, MINUTE, (3_600, NOW_S // 3_600 * 3_600)):
        used = np.flatnonzero(rng.random(rows) < 0.7)
        block = book.block(key)
        block.put(used, sums_of(rng.integers(0, 100, (len(used), len(STATS)))), rng.integers(0, 1_000, len(used)))
        if key != LAST_SEEN and len(used):
            block.latency.add(used * BUCKETS + rng.integers(0, BUCKETS, len(used)), np.ones(len(used), np.int64))
        book.touch(key, used)
    return book


def test_a_row_belongs_to_its_name_for_good() -> None:
    book = Book()
    assert [book.row(name) for name in ("a", "b", "a", "c")] == [0, 1, 0, 2]
    assert book.names == ["a", "b", "c"]


@pytest.mark.parametrize("rows", [1, 3, ROWS_PER_PART, ROWS_PER_PART + 1, 2_500])
def test_a_book_restored_from_its_parts_holds_the_same(rows: int) -> None:
    book, copy = book_of(rows, seed=rows), Book()
    for name in book.names:
        copy.row(name)
    for level_s, start_s, part in sorted(book.dirty, reverse=True):
        copy.restore((level_s, start_s), book.part(level_s, start_s, part))
    assert panes_in(copy) == panes_in(book)
    assert copy.high == book.high


def test_what_is_restored_is_not_taken_for_new() -> None:
    book, copy = book_of(20), Book()
    for name in book.names:
        copy.row(name)
    for level_s, start_s, part in book.dirty:
        copy.restore((level_s, start_s), book.part(level_s, start_s, part))
    assert copy.dirty == set()
    assert [len(block.latency.take_changed()[0]) for block in copy.blocks.values()] == [0, 0, 0]


def test_a_part_holds_only_rows_that_hold_something() -> None:
    book = book_of(10)
    part = book.part(*MINUTE, 0)
    assert part.rows.tolist() == book.blocks[MINUTE].rows().tolist()
    assert 0 < len(part.rows) < 10


def test_touching_marks_the_parts_of_the_rows() -> None:
    book = Book()
    book.touch(MINUTE, ints(0, 5, ROWS_PER_PART, 3 * ROWS_PER_PART + 1))
    assert book.dirty == {(*MINUTE, 0), (*MINUTE, 1), (*MINUTE, 3)}


def test_the_newest_offset_is_that_of_any_row() -> None:
    book = Book()
    assert book.high == -1
    book.row("a")
    book.block(LAST_SEEN).put(ints(0), {0: ints(1)}, ints(12))
    book.block(MINUTE).put(ints(0), {0: ints(1)}, ints(99))
    assert book.high == 12


@pytest.mark.parametrize("level_s", sorted(KEEP_S))
def test_no_window_needs_a_pane_that_expires(level_s: int) -> None:
    for as_of_s in (NOW_S, NOW_S + 3_599, NOW_S + 86_399.5):
        for window in WINDOWS:
            if window.level_s == level_s:
                first, _ = covers(window, as_of_s)
                assert not is_past(level_s, first, as_of_s + 240), "ten minutes of room at least at the minute level"


def test_expired_blocks_are_forgotten_with_all_their_parts() -> None:
    book = book_of(ROWS_PER_PART + 1)
    gone = book.expire(MINUTE[1] + KEEP_S[60] + 1)
    assert gone == [(*MINUTE, 0), (*MINUTE, 1)]
    assert MINUTE not in book.blocks
    assert {key[0] for key in book.blocks} == {0, 3_600}
    assert not any(dirty[:2] == MINUTE for dirty in book.dirty)


def test_a_block_is_held_to_the_last_second_of_its_time() -> None:
    book = book_of(1)
    assert book.expire(MINUTE[1] + KEEP_S[60]) == []
    assert MINUTE in book.blocks


def test_the_newest_events_never_expire() -> None:
    book = book_of(3)
    book.expire(NOW_S * 2)
    assert set(book.blocks) == {LAST_SEEN}


def test_an_empty_book_has_nothing_to_forget() -> None:
    assert Book().expire(NOW_S) == []


def test_distinct_values_come_with_their_places() -> None:
    got = {value: here.tolist() for value, here in distinct(ints(5, 3, 5))}
    assert got == {3: [False, True, False], 5: [True, False, True]}


# ------------------------------------------------------------------------------------------------------------ closed
def closed_book(rows: int, seed: int = 0) -> tuple[Book, Book]:
    """A book, and the same with two of its three blocks closed."""
    book, copy = book_of(rows, seed), book_of(rows, seed)
    for key in (MINUTE, HOUR):
        parts = range(-(-rows // ROWS_PER_PART))
        copy.close(key, Closed({part: pickle.dumps(copy.part(*key, part)) for part in parts}, pickle.loads))
    return book, copy


@pytest.mark.parametrize("rows", [1, 20, ROWS_PER_PART + 1])
def test_a_closed_block_says_what_an_open_one_does(rows: int) -> None:
    book, closed = closed_book(rows, seed=1)
    assert (set(closed.blocks), sorted(closed.block_keys())) == ({LAST_SEEN}, sorted(book.block_keys()))
    for key in book.blocks:
        wanted = list(book.parts(key))
        got = list(closed.parts(key))
        for name in ("rows", "offset", "latency_keys", "latency_counts"):
            assert np.array_equal(
                np.concatenate([getattr(part, name) for part in got]),
                np.concatenate([getattr(part, name) for part in wanted]),
            )
        held, meant = (np.concatenate([dense(part.sums, len(part.rows)) for part in parts]) for parts in (got, wanted))
        assert np.array_equal(held, meant)
        stats, again = (of.stats_of(key, np.arange(rows)[::-1]) for of in (book, closed))
        assert stats is not None
        assert again is not None
        assert np.array_equal(stats, again)
    assert closed.blocks.keys() == {LAST_SEEN}, "nothing was opened by reading"


def test_a_closed_block_is_opened_by_what_comes_late() -> None:
    book, closed = closed_book(20)
    before = closed.stats_of(MINUTE, ints(3))
    assert before is not None
    for one in (book, closed):
        block = one.block(MINUTE)
        held = block.of(ints(3))
        block.put(ints(3), held | {5: held[5] + 7}, ints(2_000))
        one.touch(MINUTE, ints(3))
    after = closed.stats_of(MINUTE, ints(3))
    assert after is not None
    assert int(after[0, 5] - before[0, 5]) == 7
    assert panes_in(closed) == panes_in(book)


def test_what_was_used_or_changed_stays_open() -> None:
    book = book_of(20)
    assert book.unused() == []
    book.used.clear()
    assert book.unused() == [], "all of it is to be written yet"
    book.dirty.clear()
    assert book.unused() == [MINUTE, HOUR], "the newest events are never closed"
    book.block(HOUR)
    assert book.unused() == [MINUTE]


def test_where_many_rows_are_open_what_is_settled_may_be_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    book = book_of(20)
    book.recent.clear()
    book.dirty.clear()
    assert book.crowding() == []
    monkeypatch.setattr("scoring.book.MOST_OPEN_ROWS", 30)
    assert book.crowding() == [MINUTE, HOUR], "the newest events are never closed"
    book.touch(MINUTE, ints(1))
    assert book.crowding() == [HOUR], "the changelog has not the other"
    book.block(HOUR)
    assert book.crowding() == [], "what was sent of it may get lost"


def test_a_closed_block_expires_like_an_open_one() -> None:
    _, closed = closed_book(20)
    closed.stats_of(MINUTE, ints(1))
    assert closed.expire(MINUTE[1] + KEEP_S[60] + 1) == [(*MINUTE, 0)]
    assert (closed.holds(MINUTE), closed.stats_of(MINUTE, ints(1))) == (False, None)


def test_everything_is_marked_anew_closed_blocks_too() -> None:
    book, closed = closed_book(2 * ROWS_PER_PART)
    wanted = set(book.dirty)
    closed.dirty.clear()
    closed.touch_all()
    assert closed.dirty == wanted


def test_a_block_of_nothing_is_let_go_instead_of_closed() -> None:
    book = Book()
    book.block(MINUTE)
    book.close(MINUTE, Closed({}, pickle.loads))
    assert book.block_keys() == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_statistics_that_nobody_states_take_no_memory() -> None:
    rows, stats = np.arange(12_000), np.zeros((12_000, len(STATS)), np.int64)
    sums = dict.fromkeys(range(8), np.ones(12_000, np.int64))
    before, blocks = resident_bytes(), [Block(16_384) for _ in range(60)]
    for block in blocks:
        block.put(rows, sums, rows)
        block.put(rows[:3], {}, rows[:3])
    assert resident_bytes() - before < len(blocks) * stats.nbytes / 2, "8 of 31 are stated"
    assert dense(blocks[7].of(np.array([0, 3])), 2).sum(axis=1).tolist() == [0, 8]


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4_096
