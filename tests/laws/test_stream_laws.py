"""What holds for every run of reports, every way of cutting it, and every crash."""

import asyncio
import dataclasses
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring import book as book_module
from scoring.book import Book
from scoring.reports import OUTCOMES
from streams import tables as tables_module
from streams.codec import decode_part, decode_updates, encode_part, encode_updates
from streams.steps.fold import FoldState, fold, mark_unsent, take_updates
from streams.steps.score import ScoreState, merge, restored, score
from streams.steps.updates import PaneUpdates, concatenated
from streams.tables import flush_book, load_book
from tests.support.memory_worker import MemoryTable, NotServed
from tests.support.plain_panes import NOW_S, Report, columns_of_reports, newest_of, panes_in, panes_of, some_reports

PARTITION = 3

# Few providers, tasks and minutes, so that reports meet in panes; ages on both sides of what minutes are held for.
report = st.fixed_dictionaries(
    {
        "provider_id": st.sampled_from(["a", "b", "c"]),
        "outcome": st.sampled_from(OUTCOMES),
        "timestamp": st.sampled_from([0, 30, 59, 60, 61, 600, 3_600, 4_100, 90_000]).map(lambda age: NOW_S - age),
    },
    optional={
        "latency_ms": st.sampled_from([0, 5.5, 1_000, 4_000, 60_000]),
        "task_type": st.sampled_from(["t", "u"]),
        "region": st.sampled_from(["eu", "us"]),
        "quality": st.sampled_from([0, 0.3, 1]),
        "security": st.lists(st.sampled_from(["leak", "injection"]), max_size=2),
    },
)
reports = st.lists(report, min_size=1, max_size=30)


@st.composite
def cut(draw: st.DrawFn, run: st.SearchStrategy[list[dict[str, Any]]] = reports) -> list[list[Report]]:
    """A run cut into chunks."""
    whole: list[Report] = [*draw(run)]
    ends = sorted(draw(st.sets(st.integers(1, len(whole)), max_size=6)) | {len(whole)})
    return [whole[first:end] for first, end in zip([0, *ends], ends, strict=False)]


def folded(chunks: Sequence[Sequence[Report]], now_s: float = NOW_S) -> FoldState:
    state, offset = FoldState(), 0
    for chunk in chunks:
        fold(state, columns_of_reports(chunk, offset), now_s)
        offset += len(chunk)
    return state


def held_by(book: Book, now_s: float = NOW_S) -> Any:
    """What a book holds once it has forgotten what no window needs."""
    book.expire(now_s)
    return panes_in(book)


@contextmanager
def small_parts(rows: int) -> Iterator[None]:
    """Parts of so few rows that a handful of entities fills several."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(book_module, "ROWS_PER_PART", rows)
        patch.setattr(tables_module, "ROWS_PER_PART", rows)
        yield


# ------------------------------------------------------------------------------------------------------------- fold
@given(cut())
def test_any_cut_of_a_run_into_chunks_gives_the_same_book(chunks: list[list[Report]]) -> None:
    whole = [report for chunk in chunks for report in chunk]
    book = folded(chunks).book
    assert panes_in(book) == panes_in(folded([whole]).book)
    panes, newest = panes_in(book)
    assert newest == newest_of(whole)
    wanted = panes_of(whole)
    assert all(wanted[key] == pane for key, pane in panes.items())


@given(cut(), st.data())
def test_replaying_any_suffix_changes_nothing(chunks: list[list[Report]], data: st.DataObject) -> None:
    whole = [report for chunk in chunks for report in chunk]
    state = folded(chunks)
    before = panes_in(state.book)
    for _ in range(3):
        first = data.draw(st.integers(0, len(whole) - 1))
        last = data.draw(st.integers(first + 1, len(whole)))
        fold(state, columns_of_reports(whole[first:last], first), NOW_S)
        assert panes_in(state.book) == before


@given(cut())
def test_parts_restored_in_any_order_give_the_same_book(chunks: list[list[Report]]) -> None:
    book = folded(chunks).book
    with small_parts(2):
        parts = [(key, part) for key in book.blocks for part in range((len(book.names) + 1) // 2)]
        copy = Book()
        for name in book.names:
            copy.row(name)
        for key, part in reversed(parts):
            copy.restore(key, decode_part(encode_part(book.part(*key, part))))
    assert panes_in(copy) == panes_in(book)


# ------------------------------------------------------------------------------------------------------------ crash
@dataclass
class Worker:
    """The fold of one partition with its changelog, and what the scores were told: the loop of ``FoldLoop``, serially.

    ``told`` stands for ``trust.panes``: messages in order. Those not waited for yet may be lost, from the end.
    """

    whole: list[Report]
    log: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    told: list[PaneUpdates] = field(default_factory=list)
    flying: list[PaneUpdates] = field(default_factory=list)
    acknowledged: int = 0
    now_s: float = NOW_S
    crashes: int = 0

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Read the state back and begin behind what was acknowledged."""
        self.table = MemoryTable(self.log)
        self.state = FoldState(book=load_book(self.table.as_table, PARTITION))
        self.read = self.acknowledged

    def fold(self, n: int) -> None:
        """A chunk of up to ``n`` reports."""
        chunk = self.whole[self.read : self.read + n]
        if chunk:
            fold(self.state, columns_of_reports(chunk, self.read), self.now_s)
            self.read += len(chunk)

    def tick(self) -> None:
        """Send what changed, without waiting for it."""
        updates = take_updates(self.state, PARTITION)
        if updates is not None:
            self.flying.append(decode_updates(encode_updates(updates)))

    def flush(self, folds_meanwhile: int, takes: int | None) -> None:
        """Wait for what was sent, fold as the loop does meanwhile, write the state; crash behind ``takes`` writes."""
        through = self.read
        self.tick()
        self.told += self.flying
        self.flying = []
        self.fold(folds_meanwhile)
        self.table.takes = takes
        try:
            asyncio.run(flush_book(self.table.as_table, PARTITION, self.state.book, self.now_s))
        except NotServed:
            self.crash(delivered=0)
        else:
            self.acknowledged = through
        self.log = self.table.log
        self.table.takes = None

    def fail(self, lost: int, takes: int) -> None:
        """A flush that fails in a worker that lives: all panes go out again, what was not written is written later.

        The first ``lost`` messages never arrive, those behind them do.
        """
        self.tick()
        self.told += self.flying[lost:]
        self.flying = []
        self.table.takes = takes
        with suppress(NotServed):
            asyncio.run(flush_book(self.table.as_table, PARTITION, self.state.book, self.now_s))
        self.table.takes = None
        mark_unsent(self.state)

    def crash(self, delivered: int) -> None:
        """``kill -9``: of the messages on their way, the first ``delivered`` arrived."""
        self.crashes += 1
        self.told += self.flying[:delivered]
        self.flying = []
        self.log = self.table.log
        self.start()

    def finish(self) -> None:
        """Read the rest and flush."""
        self.fold(len(self.whole))
        self.flush(0, None)

    def scores(self) -> ScoreState:
        """The score stage after all messages."""
        state = ScoreState()
        for updates in self.told:
            merge(state, updates)
        return state


steps = st.lists(
    st.one_of(
        st.tuples(st.just("fold"), st.integers(1, 8)),
        st.tuples(st.just("tick")),
        st.tuples(st.just("flush"), st.integers(0, 4), st.none() | st.integers(0, 20) | st.integers(0, 200)),
        st.tuples(st.just("flush"), st.just(0), st.none()),
        st.tuples(st.just("fail"), st.integers(0, 3), st.integers(0, 200)),
        st.tuples(st.just("crash"), st.integers(0, 3)),
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


# ------------------------------------------------------------------------------------------------------------ merge
@st.composite
def sources(draw: st.DrawFn) -> list[list[PaneUpdates]]:
    """What the folds of two or three source partitions send, in their order."""
    sent: list[list[PaneUpdates]] = []
    for source in range(draw(st.integers(2, 3))):
        state, offset = FoldState(), 0
        sent.append([])
        for chunk in draw(cut(st.lists(report, min_size=1, max_size=12))):
            fold(state, columns_of_reports(chunk, offset), NOW_S)
            offset += len(chunk)
            updates = take_updates(state, source)
            assert updates is not None
            sent[-1].append(updates)
    return sent


def interleaved(data: st.DataObject, sent: list[list[PaneUpdates]]) -> list[PaneUpdates]:
    """All messages, those of one source in their order, now and then some of one source's again."""
    order = data.draw(st.permutations([source for source, messages in enumerate(sent) for _ in messages]))
    place, run = [0] * len(sent), []
    for source in order:
        again = data.draw(st.integers(0, place[source]))
        run += sent[source][place[source] - again : place[source] + 1]
        place[source] += 1
    return run


def state_of(messages: Sequence[PaneUpdates]) -> ScoreState:
    state = ScoreState()
    for updates in messages:
        merge(state, updates)
    return state


def windows_of(state: ScoreState, as_of_s: float) -> dict[str, tuple[bytes, bytes]]:
    """Windows by entity, brought to a moment."""
    state.windows.advance(state.book.blocks, state.entity_of_row[: len(state.book.names)], as_of_s)
    return {
        name: (state.windows.sums[at].tobytes(), state.windows.sketches[at].tobytes())
        for at, name in enumerate(state.entities)
    }


@given(sources(), st.data())
def test_merging_does_not_depend_on_how_sources_interleave_or_repeat(
    sent: list[list[PaneUpdates]], data: st.DataObject
) -> None:
    plain = state_of([updates for messages in sent for updates in messages])
    mixed = state_of(interleaved(data, sent))
    assert panes_in(mixed.book) == panes_in(plain.book)
    assert windows_of(mixed, NOW_S) == windows_of(plain, NOW_S)


@given(sources())
def test_one_message_of_all_sources_is_as_good_as_one_of_each(sent: list[list[PaneUpdates]]) -> None:
    last = [messages[0] for messages in sent]
    assert panes_in(state_of([concatenated(last)]).book) == panes_in(state_of(last).book)


@given(sources(), st.lists(st.sampled_from([0, 1, 60, 3_600, 90_000, 31 * 86_400]), min_size=1), st.data())
def test_windows_moved_on_the_way_equal_windows_made_at_the_end(
    sent: list[list[PaneUpdates]], pauses_s: list[int], data: st.DataObject
) -> None:
    run = interleaved(data, sent)
    moving, as_of_s = ScoreState(), float(NOW_S)
    for at, updates in enumerate(run):
        merge(moving, updates)
        as_of_s += pauses_s[at % len(pauses_s)]
        windows_of(moving, as_of_s)
    still = restored(state_of(run).book)
    assert windows_of(moving, as_of_s) == windows_of(still, as_of_s)


@settings(max_examples=25)
@given(sources(), st.data())
def test_a_restart_anywhere_leaves_the_last_word_of_every_score_the_same(
    sent: list[list[PaneUpdates]], data: st.DataObject
) -> None:
    run = interleaved(data, sent)
    at = data.draw(st.integers(0, len(run)))
    saved = MemoryTable()
    cut_off = state_of(run[:at])
    asyncio.run(flush_book(saved.as_table, PARTITION, cut_off.book, NOW_S))
    again = restored(load_book(MemoryTable(saved.log).as_table, PARTITION))
    for updates in run[data.draw(st.integers(0, at)) :]:
        merge(again, updates)
    straight = state_of(run)
    key = lambda record: (record.provider_id, record.facet)  # noqa: E731
    assert sorted(score(again, NOW_S), key=key) == sorted(score(straight, NOW_S), key=key)


# ------------------------------------------------------------------------------------------------------------ codec
@given(cut())
def test_updates_survive_their_bytes(chunks: list[list[Report]]) -> None:
    updates = take_updates(folded(chunks), PARTITION)
    assert updates is not None
    again = decode_updates(encode_updates(updates))
    assert again.names == updates.names
    arrays = [name.name for name in dataclasses.fields(updates) if name.name != "names"]
    assert all(np.array_equal(getattr(again, name), getattr(updates, name)) for name in arrays)
