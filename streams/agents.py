"""The loops: read a chunk, call a pure step, send what it gives; now and then write state and lake, then acknowledge.

What is acknowledged is durable: its panes were sent on, its reports are in the lake, its state is in the changelog.
After a crash the chunks since are read again and change nothing that they had already changed.
"""

import asyncio
import time
import zlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

import msgspec
import numpy as np
import pyarrow as pa
import structlog
from faust import Stream
from faust.types import TP, EventT, TopicT

from scoring.book import Book
from streams.codec import decode_updates, encode_updates
from streams.columns import columns_of
from streams.json_wire import JsonReader
from streams.rejects import Breaker, RejectFlood, reject_headers, reject_table
from streams.schemas import REPORTS_SCHEMA
from streams.score_rows import score_rows
from streams.settings import WorkerSettings
from streams.sinks import LakeSinks
from streams.steps.fold import FoldState, fold, mark_unsent, take_updates
from streams.steps.score import ScoreState, merge, restored, score
from streams.steps.updates import concatenated, provider_of, split
from streams.tables import BookTable, flush_book, load_book
from streams.telemetry import Telemetry
from streams.topics import PANES, REPORTS, SCORES
from streams.wire import Reject, decode

__all__ = ["FoldLoop", "LakeLoop", "ScoreLoop"]

log = structlog.get_logger()
Clock = Callable[[], float]
S = TypeVar("S", FoldState, ScoreState)
_WAIT_S: Final = 0.05


@dataclass(slots=True)
class Waiting:
    """What a partition has read and not yet acknowledged."""

    events: list[EventT[Any]] = field(default_factory=list)
    tables: list[pa.Table] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """Reports held for the lake."""
        return sum(len(table) for table in self.tables)

    @property
    def through(self) -> int:
        """Last offset read."""
        return int(self.events[-1].message.offset)


@dataclass(slots=True)
class Partition(Generic[S]):
    """State of one partition that this worker holds."""

    state: S
    waiting: Waiting = field(default_factory=Waiting)


def _run(event: EventT[Any]) -> list[Any]:
    """The records that a chunk carries as its value (``streams.chunks``)."""
    run: list[Any] = event.value  # type: ignore[assignment]
    return run


class FoldLoop:
    """``trust.reports`` → panes → ``trust.panes``; reports, panes and rejects → lake; rejects → ``trust.rejects``."""

    def __init__(
        self,
        settings: WorkerSettings,
        table: BookTable,
        panes: TopicT,
        rejects: TopicT,
        lake: LakeSinks | None,
        telemetry: Telemetry,
        clock: Clock,
    ) -> None:
        self._settings, self._table, self._panes, self._rejects = settings, table, panes, rejects
        self._lake, self._telemetry, self._clock = lake, telemetry, clock
        self._partitions: dict[int, Partition[FoldState]] = {}
        self._readers: dict[int, JsonReader] = {}
        self._breaker = Breaker(settings.reject_ratio, settings.reject_window)
        self._sent: list[Awaitable[Any]] = []
        self._flushing = asyncio.Lock()
        self.flood: RejectFlood | None = None

    def revoked(self, partitions: Iterable[TP]) -> None:
        """Let go of the state of partitions that leave; what was not acknowledged is read again by its next owner."""
        for tp in partitions:
            if tp.topic == REPORTS:
                self._partitions.pop(tp.partition, None)

    async def run(self, stream: Stream[Any]) -> None:
        """The agent: one chunk after the other."""
        async for event in stream.noack().events():
            while self.flood or self._pending() > self._settings.pending_rows:
                await asyncio.sleep(_WAIT_S)
            await self._chunk(event)

    async def _chunk(self, event: EventT[Any]) -> None:
        partition, started = event.message.partition, time.perf_counter()
        held = self._partitions.get(partition)
        if held is None:
            held = self._partitions[partition] = Partition(FoldState(book=load_book(self._table, partition)))
        batch = decode(_run(event), partition, self._readers.setdefault(partition, JsonReader()))
        if self._breaker.saw(batch.records, len({reject.record.offset for reject in batch.rejects})):
            self.flood = RejectFlood(*self._breaker.counts, batch.rejects[-1].reason if batch.rejects else "")
            return
        fold(held.state, columns_of(batch.table), self._clock())
        held.waiting.events.append(event)
        if self._lake:
            held.waiting.tables.append(batch.table)
        held.waiting.rejects += batch.rejects
        self._telemetry.folded.inc(len(batch.table))
        self._telemetry.rejected.inc(len(batch.rejects))
        self._telemetry.chunk_s.observe(time.perf_counter() - started)

    def _pending(self) -> int:
        return sum(held.waiting.rows for held in self._partitions.values())

    async def tick(self) -> None:
        """Send the panes that changed to where their providers are scored."""
        taken = [take_updates(held.state, partition) for partition, held in self._partitions.items()]
        changed = [updates for updates in taken if updates is not None]
        if not changed:
            return
        updates, places = concatenated(changed), self._settings.partitions
        target = np.array([zlib.crc32(provider_of(name).encode()) % places for name in updates.names])
        for place, part in split(updates, target):
            self._sent.append(await self._panes.send(value=encode_updates(part), partition=place))

    async def flush(self) -> None:
        """Make durable what was read, then acknowledge it. What fails stays waiting and is tried again."""
        async with self._flushing:
            taken = {number: held for number, held in self._partitions.items() if held.waiting.events}
            waiting = {number: held.waiting for number, held in taken.items()}
            for held in taken.values():
                held.waiting = Waiting()
            started = time.perf_counter()
            try:
                await self._make_durable(taken, waiting)
            except BaseException:
                for held in self._partitions.values():
                    mark_unsent(held.state)  # whichever message failed, its panes go out again
                for number, held in taken.items():
                    before, since = waiting[number], held.waiting
                    held.waiting = Waiting(
                        before.events + since.events, before.tables + since.tables, before.rejects + since.rejects
                    )
                raise
            for part in waiting.values():
                for event in part.events:
                    event.ack()
            self._telemetry.pending.set(self._pending())
            if waiting:
                self._telemetry.flush_s.observe(time.perf_counter() - started)

    async def _make_durable(self, taken: dict[int, Partition[FoldState]], waiting: dict[int, Waiting]) -> None:
        await self.tick()
        for number, part in waiting.items():
            for reject in part.rejects:
                headers = reject_headers(reject, REPORTS, number)
                self._sent.append(await self._rejects.send(key=reject.record.key, value=reject.value, headers=headers))
        sent, self._sent = self._sent, []
        await asyncio.gather(*sent)
        if self._lake and waiting:
            tables = [table for part in waiting.values() for table in part.tables]
            rejects = [reject_table(part.rejects, REPORTS, number) for number, part in waiting.items()]
            through = {number: part.through for number, part in waiting.items()}
            reports = pa.concat_tables(tables) if tables else REPORTS_SCHEMA.empty_table()
            bad = pa.concat_tables(rejects)
            self._telemetry.stored.inc(await asyncio.to_thread(self._lake.write_reports, reports, bad, through))
        for number, held in taken.items():
            if self._partitions.get(number) is held:
                await flush_book(self._table, number, held.state.book, self._clock())


class ScoreLoop:
    """``trust.panes`` → windows, dimensions, scores → ``trust.scores``."""

    def __init__(
        self, settings: WorkerSettings, table: BookTable, scores: TopicT, telemetry: Telemetry, clock: Clock
    ) -> None:
        self._settings, self._table, self._scores = settings, table, scores
        self._telemetry, self._clock = telemetry, clock
        self._partitions: dict[int, Partition[ScoreState]] = {}
        self._sent: list[Awaitable[Any]] = []
        self._flushing = asyncio.Lock()

    def revoked(self, partitions: Iterable[TP]) -> None:
        """Let go of the state of partitions that leave."""
        for tp in partitions:
            if tp.topic == PANES:
                self._partitions.pop(tp.partition, None)

    def hold(self, partitions: Iterable[int]) -> None:
        """Hold the state of assigned partitions, also of those that nothing new came for: their windows still move."""
        for partition in partitions:
            self._open(partition)

    def _open(self, partition: int) -> Partition[ScoreState]:
        held = self._partitions.get(partition)
        if held is None:
            book: Book = load_book(self._table, partition)
            held = self._partitions[partition] = Partition(restored(book))
        return held

    async def run(self, stream: Stream[Any]) -> None:
        """The agent: merge the panes of each chunk."""
        async for event in stream.noack().events():
            held = self._open(event.message.partition)
            for record in _run(event):
                merge(held.state, decode_updates(record.value))
            held.waiting.events.append(event)

    async def tick(self) -> None:
        """Score what changed or moved, and send what a reader would see differently."""
        started = time.perf_counter()
        for partition, held in list(self._partitions.items()):
            for record in score(held.state, self._clock()):
                key = f"{record.provider_id}|{record.facet}" if record.facet else record.provider_id
                self._sent.append(await self._scores.send(key=key.encode(), value=msgspec.json.encode(record)))
                self._telemetry.emitted.inc()
            self._telemetry.entities.labels(str(partition)).set(len(held.state.entities))
        self._telemetry.score_s.observe(time.perf_counter() - started)

    async def flush(self) -> None:
        """Write the state, then acknowledge what it holds."""
        async with self._flushing:
            sent, self._sent = self._sent, []
            try:
                await asyncio.gather(*sent)
            except BaseException:
                for held in self._partitions.values():
                    held.state.said.clear()  # whichever score failed, all go out again
                    held.state.changed.update(range(len(held.state.entities)))
                raise
            for number, held in list(self._partitions.items()):
                waiting, held.waiting = held.waiting, Waiting()
                try:
                    await flush_book(self._table, number, held.state.book, held.state.as_of_s)
                except BaseException:
                    held.waiting.events[:0] = waiting.events
                    raise
                for event in waiting.events:
                    event.ack()


class LakeLoop:
    """``trust.scores`` → lake."""

    def __init__(self, lake: LakeSinks) -> None:
        self._lake = lake
        self._waiting: dict[int, Waiting] = {}
        self._flushing = asyncio.Lock()

    def revoked(self, partitions: Iterable[TP]) -> None:
        """Let go of rows of partitions that leave; their next owner reads them again."""
        for tp in partitions:
            if tp.topic == SCORES:
                self._waiting.pop(tp.partition, None)

    async def run(self, stream: Stream[Any]) -> None:
        """The agent: keep the rows of each chunk until the next commit."""
        async for event in stream.noack().events():
            waiting = self._waiting.setdefault(event.message.partition, Waiting())
            waiting.events.append(event)
            waiting.tables.append(score_rows(_run(event), event.message.partition))

    async def flush(self) -> None:
        """Commit the rows, then acknowledge them."""
        async with self._flushing:
            taken, self._waiting = self._waiting, {}
            if not taken:
                return
            try:
                rows = pa.concat_tables([table for waiting in taken.values() for table in waiting.tables])
                through = {partition: waiting.through for partition, waiting in taken.items()}
                await asyncio.to_thread(self._lake.scores.write, rows, through)
            except BaseException:
                for partition, waiting in self._waiting.items():
                    before = taken.setdefault(partition, Waiting())
                    before.events += waiting.events
                    before.tables += waiting.tables
                self._waiting = taken
                raise
            for waiting in taken.values():
                for event in waiting.events:
                    event.ack()
