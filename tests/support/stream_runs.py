"""Runs of reports to draw, cut and fold, and a fold with a changelog that can crash anywhere."""

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import strategies as st

from scoring import book as book_module
from scoring.book import Book
from scoring.reports import OUTCOMES
from streams import books as books_module
from streams import table_names
from streams.books import flush_book, load_book
from streams.codec import decode_updates, encode_updates
from streams.steps.fold import FoldState, fold, mark_unsent, take_updates
from streams.steps.score import ScoreState, merge
from streams.steps.updates import PaneUpdates, linked
from tests.support.memory_worker import MemoryTable, NotServed
from tests.support.plain_panes import NOW_S, Report, columns_of_reports, panes_in

__all__ = ["PARTITION", "Worker", "cut", "folded", "held_by", "report", "reports", "small_parts"]

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
        patch.setattr(table_names, "ROWS_PER_PART", rows)
        patch.setattr(books_module, "ROWS_PER_PART", rows)
        yield


@dataclass
class Worker:
    """The fold of one partition with its changelog, and what the scores were told: the loop of ``FoldLoop``, serially.

    ``told`` stands for ``trust.panes``: messages in order. Those not waited for yet may be lost, from the end.
    """

    whole: list[Report]
    log: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    told: list[PaneUpdates] = field(default_factory=list)
    flying: list[PaneUpdates] = field(default_factory=list)
    late: list[PaneUpdates] = field(default_factory=list)
    """What an owner before had sent, and what lands only behind the next message of its successor."""
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
            updates = linked(updates, {PARTITION: self.state.told}, 0)
            self.flying.append(decode_updates(encode_updates(updates)))

    def flush(self, folds_meanwhile: int, takes: int | None) -> None:
        """Wait for what was sent, fold as the loop does meanwhile, write the state; crash behind ``takes`` writes."""
        through = self.read
        self.tick()
        self._deliver(self.flying)
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
        self._deliver(self.flying[lost:])
        self.table.takes = takes
        with suppress(NotServed):
            asyncio.run(flush_book(self.table.as_table, PARTITION, self.state.book, self.now_s))
        self.table.takes = None
        mark_unsent(self.state)

    def crash(self, delivered: int) -> None:
        """``kill -9``: of the messages on their way, the first ``delivered`` arrived."""
        self.crashes += 1
        self._deliver(self.flying[:delivered])
        self.log = self.table.log
        self.start()

    def lapse(self, misses: int) -> None:
        """A flush whose first writes are refused, as membership is unsure, and whose others are not; then the end."""
        self.tick()
        self._deliver(self.flying)
        self.table.misses = misses
        try:
            asyncio.run(flush_book(self.table.as_table, PARTITION, self.state.book, self.now_s))
        except NotServed:
            self.crash(delivered=0)
        self.table.misses = 0

    def leave(self, arriving: list[int]) -> None:
        """Paused past its session: of the messages on their way some arrive, and behind those of the successor."""
        self.late = [self.flying[at] for at in sorted(set(arriving)) if at < len(self.flying)]
        self.crash(delivered=0)

    def _deliver(self, messages: list[PaneUpdates]) -> None:
        self.told += messages
        self.flying = []
        if messages:
            self.told += self.late
            self.late = []

    def finish(self) -> None:
        """Read the rest and flush."""
        self.fold(len(self.whole))
        self.flush(0, None)
        self.told += self.late
        self.late = []

    def scores(self) -> ScoreState:
        """The score stage after all messages."""
        state = ScoreState()
        for updates in self.told:
            merge(state, updates)
        return state
