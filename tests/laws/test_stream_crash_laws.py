"""Whatever crashes, in whatever story, what is held and what was said end as if nothing had."""

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.books import load_book
from tests.support.memory_worker import MemoryTable
from tests.support.plain_panes import NOW_S, Report, panes_in, some_reports
from tests.support.stream_runs import PARTITION, Worker, folded, held_by, reports, small_parts

steps = st.lists(
    st.one_of(
        st.tuples(st.just("fold"), st.integers(1, 8)),
        st.tuples(st.just("tick")),
        st.tuples(st.just("flush"), st.integers(0, 4), st.none() | st.integers(0, 20) | st.integers(0, 200)),
        st.tuples(st.just("flush"), st.just(0), st.none()),
        st.tuples(st.just("fail"), st.integers(0, 3), st.integers(0, 200)),
        st.tuples(st.just("crash"), st.integers(0, 3)),
        st.tuples(st.just("lapse"), st.integers(1, 8)),
        st.tuples(st.just("leave"), st.lists(st.integers(0, 3), max_size=3)),
        st.tuples(st.just("wait"), st.sampled_from([1, 60, 700, 5_000])),
    ),
    max_size=14,
)


def play(worker: Worker, story: Sequence[tuple[Any, ...]]) -> None:
    """Whatever happens in the story, then a clean end."""
    for name, *values in story:
        if name == "wait":
            worker.now_s += values[0]
        else:
            getattr(worker, name)(*values)
    worker.finish()


def assert_ends_as_without_crash(whole: list[Report], story: Sequence[tuple[Any, ...]], rows_per_part: int) -> None:
    calm = Worker(whole)
    with small_parts(rows_per_part):
        stormy = Worker(whole)
        play(stormy, story)
        now_s = stormy.now_s
        from_log = load_book(MemoryTable(stormy.log).as_table, PARTITION)
    calm.finish()
    assert stormy.acknowledged == len(whole)
    assert held_by(stormy.state.book, now_s) == held_by(calm.state.book, now_s)
    assert held_by(from_log, now_s) == held_by(calm.state.book, now_s), "and so does what the next start reads back"
    assert held_by(stormy.scores().book, now_s) == held_by(calm.scores().book, now_s)


@settings(max_examples=50)
@given(reports, steps, st.sampled_from([1, 3, 1_024]))
def test_whatever_crashes_the_book_and_the_scores_end_as_without(
    whole: list[Report], story: list[tuple[Any, ...]], rows_per_part: int
) -> None:
    assert_ends_as_without_crash(whole, story, rows_per_part)


@pytest.mark.parametrize("seed", range(10))
def test_long_stories_of_crashes_end_as_without(seed: int) -> None:
    """Hypothesis prefers short stories; in these, a worker restarts again and again."""
    rng = random.Random(seed)
    for _ in range(20):
        whole: list[Report] = [*some_reports(rng.randrange(10**9), 30, span_s=rng.choice((50, 4_000)), providers=3)]
        story = [_step(rng) for _ in range(rng.randrange(4, 16))]
        assert_ends_as_without_crash(whole, story, rng.choice((1, 3, 1_024)))


def _step(rng: random.Random) -> tuple[Any, ...]:
    return rng.choice(
        [
            ("fold", rng.randrange(1, 8)),
            ("fold", rng.randrange(1, 8)),
            ("tick",),
            ("flush", rng.randrange(4), None),
            ("flush", rng.randrange(4), rng.choice((rng.randrange(20), rng.randrange(200)))),
            ("fail", rng.randrange(4), rng.randrange(200)),
            ("crash", rng.randrange(4)),
            ("lapse", rng.randrange(1, 8)),
            ("leave", rng.sample(range(4), rng.randrange(3))),
            ("wait", rng.choice((1, 60, 700, 5_000))),
        ]
    )


@pytest.mark.parametrize(
    "story",
    [
        pytest.param([("fold", 1), ("tick",), ("fold", 4), ("fail", 1, 0)], id="a message is lost, the next arrives"),
        pytest.param([("fold", 2), ("flush", 2, None), ("crash", 0)], id="state is saved before its panes are sent"),
        pytest.param([("fold", 4), ("flush", 0, None), ("crash", 0), ("fold", 1), ("tick",)], id="restart in a pane"),
        pytest.param([("fold", 4), ("wait", 5_000), ("crash", 0), ("flush", 0, 2)], id="panes expire on the way"),
        pytest.param(
            [
                ("fold", 1),
                ("tick",),
                ("fold", 3),
                ("tick",),
                ("leave", [1]),
                ("fold", 1),
                ("tick",),
                ("fold", 2),
                ("tick",),
            ],
            id="of what an owner before had sent only the last arrives, late",
        ),
        pytest.param(
            [("fold", 1), ("flush", 0, None), ("fold", 2), ("lapse", 1), ("fold", 3)],
            id="names are refused and the rows behind them are not",
        ),
    ],
)
def test_stories_that_once_ended_badly_end_as_without(story: list[tuple[Any, ...]]) -> None:
    names, latencies_ms = "abcab", (5, 1_000, 60_000, 70, 5)
    whole: list[Report] = [
        {"provider_id": name, "outcome": "success", "timestamp": NOW_S, "latency_ms": latency_ms}
        for name, latency_ms in zip(names, latencies_ms, strict=True)
    ]
    assert_ends_as_without_crash(whole, story, 1_024)


def test_the_stories_of_the_crash_law_do_crash() -> None:
    """The model itself: a cut flush loses its tail, and replay mends it."""
    whole = [{"provider_id": name, "outcome": "success", "timestamp": NOW_S, "latency_ms": 5} for name in "abcab"]
    for takes in range(6):
        worker = Worker(list(whole))
        play(worker, [("fold", 3), ("flush", 2, takes), ("fold", 1)])
        assert worker.crashes == (1 if takes < 6 else 0)
        assert panes_in(worker.state.book) == panes_in(folded([whole]).book)
