"""Reports that came before, by the chunk: what counts, what is held, what is forgotten."""

import random

import numpy as np
import pytest

from streams.steps.duplicates import LEEWAY_MS, Run, Seen, counted, expire, merged
from tests.support.id_logs import Message, Reader, counts, key_of

T_MS = 1_800_000_000_000
WINDOW_S = 120.0
BUCKET_MS = 30_000


def seen() -> Seen:
    return Seen(BUCKET_MS, bytes(32))


def read(state: Seen, numbers: list[int], first_offset: int, received_ms: int = T_MS) -> list[bool]:
    """Whether each of the messages counts, one report each."""
    keys = np.array([key_of(number) for number in numbers], np.uint64)
    offset = np.arange(first_offset, first_offset + len(numbers))
    fresh: list[bool] = counted(state, keys, offset, np.full(len(numbers), received_ms)).tolist()
    return fresh


def test_the_first_counts_and_those_behind_it_do_not() -> None:
    state = seen()
    assert read(state, [1, 2, 1, 3, 2, 1], 0) == [True, True, False, True, False, False]
    assert read(state, [3, 4], 6) == [False, True]
    assert state.held == 4


def test_no_report_is_no_answer() -> None:
    assert read(seen(), [], 0) == []


def test_of_one_message_each_id_counts_once() -> None:
    state = seen()
    keys = np.array([key_of(number) for number in (5, 5, 6)], np.uint64)
    whole = keys, np.array([7, 7, 7]), np.full(3, T_MS)
    assert counted(state, *whole).tolist() == [True, False, True]
    assert counted(state, *whole).tolist() == [True, False, True], "and again, when the message is read again"
    assert state.held == 2


@pytest.mark.parametrize(
    ("later_ms", "counts_again"),
    [
        pytest.param(int(WINDOW_S * 1_000), False, id="within the window"),
        pytest.param(int(WINDOW_S * 1_000) + BUCKET_MS - 1, False, id="within a bucket more"),
        pytest.param(int(WINDOW_S * 1_000) + BUCKET_MS, True, id="later"),
    ],
)
def test_a_report_counts_again_behind_the_window(later_ms: int, counts_again: bool) -> None:
    state = seen()
    start_ms = T_MS // BUCKET_MS * BUCKET_MS
    read(state, [1], 0, start_ms)
    assert read(state, [1], 1, start_ms + later_ms) == [counts_again]


def test_what_did_not_count_makes_no_window_of_its_own() -> None:
    state = seen()
    start_ms = T_MS // BUCKET_MS * BUCKET_MS
    assert [read(state, [1], at, start_ms + at * 100_000)[0] for at in range(3)] == [True, False, True]


def test_a_report_read_again_finds_its_own_trace_and_counts() -> None:
    state = seen()
    first = read(state, [1, 2, 1], 10)
    assert read(state, [1, 2, 1], 10) == first == [True, True, False]
    assert (state.held, len(state.news)) == (2, 1)


def test_offsets_are_told_apart_beyond_four_thousand_millions() -> None:
    state, first = seen(), 2**32 - 2
    assert read(state, [1, 2, 3, 4], first) == [True] * 4
    assert read(state, [1, 2, 3, 4], first) == [True] * 4
    assert read(state, [1, 2, 3, 4], first + 4) == [False] * 4


def test_a_chunk_over_several_buckets_is_read_as_if_by_one_message() -> None:
    rng = random.Random(5)
    log = [Message(T_MS + at * 700, [rng.randrange(300) for _ in range(3)]) for at in range(900)]
    whole, one_by_one = Reader(log, WINDOW_S), Reader(log, WINDOW_S)
    whole.chunk(len(log))
    for _ in log:
        one_by_one.chunk(1)
    assert whole.said == one_by_one.said == {at: {tuple(row)} for at, row in enumerate(counts(log, WINDOW_S))}


def test_any_number_of_chunks_leaves_few_runs_and_loses_none() -> None:
    state, rng = seen(), np.random.default_rng(1)
    chunks = [rng.integers(0, 2**64, 500, np.uint64) for _ in range(60)]
    for at, keys in enumerate(chunks):
        assert counted(state, keys, np.arange(at * 500, at * 500 + 500), np.full(500, T_MS)).all()
    assert len(state.runs[T_MS // BUCKET_MS]) <= 6
    assert state.held == 30_000
    for keys in chunks:
        assert not counted(state, keys, np.arange(30_000, 30_500), np.full(500, T_MS + BUCKET_MS)).any()
    counted(state, chunks[0] + np.uint64(1), np.arange(30_500, 31_000), np.full(500, T_MS + BUCKET_MS))
    assert len(state.runs[T_MS // BUCKET_MS]) == 1, "a bucket that is over is one run"


def test_an_id_takes_less_than_24_bytes() -> None:
    state, rng = seen(), np.random.default_rng(1)
    for at in range(40):
        keys = rng.integers(0, 2**64, 5_000, np.uint64)
        counted(state, keys, np.arange(at * 5_000, at * 5_000 + 5_000), np.full(5_000, T_MS + at * 1_000))
        if at > 10:
            assert state.bytes_held <= 24 * state.held


def test_what_no_later_report_can_need_is_forgotten_and_nothing_else() -> None:
    state = seen()
    for at in range(8):
        read(state, [at], at, T_MS + at * BUCKET_MS)
    state.entries = {bucket: [b"3/ids/%d/0-0-0" % bucket] for bucket in state.runs}
    first = T_MS // BUCKET_MS
    expire(state, T_MS + 7 * BUCKET_MS)
    assert sorted(state.runs) == list(range(first + 2, first + 8)), "a broker's clock may be set back a little"
    expire(state, T_MS + 7 * BUCKET_MS + LEEWAY_MS)
    assert sorted(state.runs) == sorted(state.entries) == list(range(first + 3, first + 8))
    assert [value for _, value in state.sending] == [None] * 3
    assert {news.bucket for news in state.news} == set(state.runs)
    assert read(state, [3, 2], 8, T_MS + 7 * BUCKET_MS) == [False, True]


def test_of_a_key_that_stands_in_several_runs_the_first_is_kept() -> None:
    one, other = (
        Run(np.array(keys, np.uint64), np.array(offset, np.uint32))
        for keys, offset in (((1, 5), (8, 2)), ((5, 9), (4, 6)))
    )
    keys, offset = merged([one, other])
    assert (keys.tolist(), offset.tolist()) == ([1, 5, 9], [8, 2, 6])
