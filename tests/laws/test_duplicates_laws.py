"""Which reports count is said by the log alone: not by chunks, crashes, or how much of the state was saved."""

import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import id_codec
from streams.id_codec import restored
from streams.steps.duplicates import LEEWAY_MS
from tests.support.id_logs import PARTITION, SECRET, Message, Reader, counts

WINDOW_S = 40.0
"""Buckets of 10 s: several within the leeway and several without."""

# Time goes on by less or more than a bucket, stands still, or is set back by less than the leeway.
steps_ms = st.sampled_from([0, 0, 1, 4_000, 9_999, 10_000, 13_000, 45_000, -1, -9_000])
ids = st.lists(st.integers(0, 12), min_size=0, max_size=6)
moves = st.lists(st.tuples(steps_ms, ids), min_size=1, max_size=40)
stories = st.lists(
    st.one_of(
        st.tuples(st.just("chunk"), st.integers(1, 9)),
        st.tuples(st.just("flush"), st.integers(0, 4), st.none() | st.integers(0, 6)),
        st.tuples(st.just("flush"), st.just(0), st.none()),
        st.tuples(st.just("fail"), st.integers(0, 4)),
        st.tuples(st.sampled_from(["crash", "rebalance"])),
    ),
    max_size=20,
)


@pytest.fixture(autouse=True, scope="module")
def of_few_keys() -> Iterator[None]:
    """Entries so small that a message of many reports takes several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(id_codec, "MOST_KEYS", 4)
        yield


def log_of(given_moves: list[tuple[int, list[int]]]) -> list[Message]:
    """Messages whose time never falls behind the newest by as much as the leeway."""
    log, now_ms, newest_ms = [], 1_800_000_003_000, 0
    for step_ms, numbers in given_moves:
        newest_ms = max(newest_ms, now_ms)
        now_ms = max(now_ms + step_ms, newest_ms - LEEWAY_MS + 1)
        log.append(Message(now_ms, numbers))
    return log


def assert_counts_as_plainly(log: list[Message], story: list[tuple[Any, ...]]) -> Reader:
    reader = Reader(log, WINDOW_S)
    for name, *values in story:
        getattr(reader, name)(*values)
    reader.finish()
    assert reader.acknowledged == len(log)
    assert reader.said == {at: {tuple(row)} for at, row in enumerate(counts(log, WINDOW_S))}, "every time it is read"
    return reader


@settings(max_examples=300)
@given(moves, stories)
def test_what_counts_does_not_depend_on_chunks_crashes_rebalances_or_what_was_saved(
    given_moves: list[tuple[int, list[int]]], story: list[tuple[Any, ...]]
) -> None:
    assert_counts_as_plainly(log_of(given_moves), story)


@pytest.mark.parametrize("seed", range(8))
def test_long_logs_with_many_crashes_count_as_plainly(seed: int) -> None:
    """Hypothesis prefers short logs; in these, buckets come and go."""
    rng = random.Random(seed)
    given_moves = [
        (rng.choice((0, 0, 1, 500, 4_000, 11_000, -1, -9_000)), [rng.randrange(40) for _ in range(rng.randrange(5))])
        for _ in range(400)
    ]
    story: list[tuple[Any, ...]] = [
        rng.choice(
            [
                ("chunk", rng.randrange(1, 30)),
                ("chunk", rng.randrange(1, 30)),
                ("flush", rng.randrange(4), None),
                ("flush", rng.randrange(4), rng.choice((None, rng.randrange(12)))),
                ("fail", rng.randrange(4)),
                ("crash",),
                ("rebalance",),
            ]
        )
        for _ in range(60)
    ]
    reader = assert_counts_as_plainly(log_of(given_moves), story)
    again = restored(reader.table, PARTITION, WINDOW_S, SECRET)
    assert again.held == reader.seen.held, "the next start holds as much as this one"
    assert set(again.entries) == set(reader.seen.entries), "and no bucket is left over"


@settings(max_examples=200)
@given(
    moves,
    st.lists(st.integers(1, 9), min_size=1, max_size=6),
    st.integers(0, 5),
    st.integers(0, 40),
    st.integers(0, 9),
    st.booleans(),
)
def test_what_a_paused_worker_writes_late_takes_nothing_away(
    given_moves: list[tuple[int, list[int]]],
    chunks: list[int],
    pauses_behind: int,
    reads_before: int,
    sent_before: int,
    is_last: bool,
) -> None:
    """Some of it the changelog had before the pause, too, and then it is there twice."""
    log = log_of(given_moves)
    reader = Reader(log, WINDOW_S)
    late: list[tuple[bytes, bytes | None]] = []
    for number, n in enumerate(chunks):
        if number == pauses_behind:
            paused = Reader(log, WINDOW_S, dict(reader.table), acknowledged=reader.acknowledged, term=reader.term)
            paused.chunk(reads_before)
            if paused.read > paused.acknowledged:
                late = paused.made()
            reader.write(late[:sent_before])
            reader.term = paused.term
            reader.crash()
        reader.chunk(n)
        reader.flush(0, None)
        if not is_last:
            reader.write(late)
    reader.write(late)
    reader.crash()
    reader.finish()
    assert reader.said == {at: {tuple(row)} for at, row in enumerate(counts(log, WINDOW_S))}
