"""The fold loop: chunks of reports into panes, and what makes them durable."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa
from faust import Stream
from faust.types import TP, EventT, TopicT

from streams.agents.reading import ChunkReader, Decoded
from streams.agents.waiting import Partition, Waiting, all_of
from streams.books import Ids, close_unused, flush_book, load_book, load_seen
from streams.codec import encode_updates
from streams.columns import columns_of
from streams.doubts import Doubts
from streams.rejects import Breaker, RejectFlood, reject_headers, reject_table
from streams.report_keys import without_repeats
from streams.schemas import REPORTS_SCHEMA
from streams.settings import WorkerSettings
from streams.sinks import LakeSinks
from streams.steps.duplicates import Seen
from streams.steps.fold import FoldState, fold, mark_unsent, take_updates
from streams.steps.updates import Destinations, PaneUpdates, concatenated, linked, split
from streams.tables import BookTable
from streams.telemetry import Telemetry
from streams.topics import REPORTS

__all__ = ["FoldLoop"]

Clock = Callable[[], float]
_WAIT_S: Final = 0.05
FOLD_ROWS: Final = 200_000
"""Reports of a partition that are folded without waiting for the next tick: bounds memory, and how long others wait."""
CHUNK_BYTES: Final = 4 << 20
"""Of messages of a partition that are decoded without waiting for more: few of them may hold many reports."""
FLUSH_S: Final = 30.0
"""How long a flush is to take: reading waits while more reports are not flushed than one writes in this time. Where the
past of 10,000 providers comes in a flush is slow; without a bound the next one takes up all that was read during it and
is slower, until the watchdog takes it for a stall, after a minute."""
FEWEST_REPORTS: Final = 200_000
"""So many may always wait, more once a flush has shown how long it takes: one of few costs nearly as much, since all
parts of the state are written again."""
MOST_BYTES: Final = 128 << 20
"""Of reports that wait for the lake, and of messages that cannot be used, beside those that a flush is writing: some
500,000 reports, each taking 230 bytes and what it states in words."""
TOGETHER_SENT: Final = 100
"""Messages that are sent one by one before others have their turn."""
REJECT_BYTES: Final = 4 << 10
"""What a message that cannot be used counts for at least: a flush sends each by itself, 30,000 in some seconds."""
TOGETHER: Final = 100_000
"""Changed panes of several partitions that are sent together: 25 MB of them, and as much again while they are put
together. Where the past comes in, five seconds bring a million."""


def groups_of(
    partitions: Mapping[int, Partition[FoldState]], most: int = TOGETHER
) -> list[list[tuple[int, Partition[FoldState]]]]:
    """The partitions in groups whose changed panes are sent together, each group of one or of up to ``most`` panes."""
    groups: list[list[tuple[int, Partition[FoldState]]]] = [[]]
    gathered = 0
    for number, held in partitions.items():
        panes = sum(len(rows) for parts in held.state.unsent.values() for rows in parts)
        if groups[-1] and gathered + panes > most:
            groups.append([])
            gathered = 0
        groups[-1].append((number, held))
        gathered += panes
    return groups


@dataclass(slots=True)
class Held(Partition[FoldState]):
    """What is folded of a partition, and what is not folded yet."""

    reader: ChunkReader = field(kw_only=True)
    through: int | None = None
    """Last offset that the reader was given."""
    seen: Seen | None = None
    """Report ids of the last minutes; ``None``: every report counts."""
    acknowledged: deque[tuple[int, int]] = field(default_factory=deque)
    """Of each flush that is not known to be committed: its last offset, and when the broker took its first record."""
    unfolded: list[pa.Table] = field(default_factory=list)
    """Reports read since the last tick: folded together, because folding costs by pane more than by report."""


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
        committed: Callable[[int], int],
        doubts: Doubts | None = None,
    ) -> None:
        self._doubts, self._committed = doubts, committed
        self._settings, self._table, self._panes, self._rejects = settings, table, panes, rejects
        self._lake, self._telemetry, self._clock = lake, telemetry, clock
        self._partitions: dict[int, Held] = {}
        self._destinations = Destinations(settings.partitions)
        self._breaker = Breaker(settings.reject_ratio, settings.reject_window)
        self._sent: list[Awaitable[Any]] = []
        self._sending, self._flushing = asyncio.Lock(), asyncio.Lock()
        self._most_unflushed = FEWEST_REPORTS
        self._flying = 0
        """Reports that a flush is making durable."""
        self.flood: RejectFlood | None = None
        self.is_full = asyncio.Event()
        """Set while reading waits for a flush."""

    def revoked(self, partitions: Iterable[TP]) -> None:
        """Let go of the state of partitions that leave; what was not acknowledged is read again by its next owner."""
        for tp in partitions:
            if tp.topic == REPORTS:
                self._partitions.pop(tp.partition, None)

    def waiting(self, partition: int, lag: int, end: int) -> int:
        """Reports of a partition that wait to be read, by how many a record held of late.

        ``lag`` records up to the offset ``end`` were not handed over yet; others were, and wait for their turn here.
        """
        held = self._partitions.get(partition)
        if held is None or held.through is None:
            return lag
        return int(max(lag, end - held.through - 1) * held.reader.a_record)

    async def run(self, stream: Stream[Any]) -> None:
        """The agent: one chunk after the other."""
        if self._doubts is not None:
            await self._doubts.wait()
        async for event in stream.noack().events():
            while self.flood or self._must_wait():
                self.is_full.set()
                await asyncio.sleep(_WAIT_S)
                self._telemetry.held_back_s.inc(_WAIT_S)
            await self._chunk(event)

    async def _chunk(self, event: EventT[Any]) -> None:
        if not self._table.accepts(event.message):
            return
        partition = event.message.partition
        held = self._partitions.get(partition)
        if held is None:
            held = self._partitions[partition] = self._loaded(partition)
        held.reader.add(event)
        held.through = event.message.offset
        if held.reader.unread >= self._settings.poll_records or held.reader.unread_bytes >= CHUNK_BYTES:
            for decoded in await held.reader.begin():
                self._take_in(held, decoded)

    async def _read_all(self) -> None:
        """Take in all that came."""
        for held in list(self._partitions.values()):
            for decoded in await held.reader.all():
                self._take_in(held, decoded)

    def _take_in(self, held: Held, decoded: Decoded) -> None:
        """Count what was decoded, for the lake and the next fold; fold when it is much."""
        if self.flood:
            return
        started = time.perf_counter()
        events, run, batch = decoded
        if self._breaker.saw(batch.records, len({reject.record.offset for reject in batch.rejects})):
            self.flood = RejectFlood(*self._breaker.counts, batch.rejects[-1].reason if batch.rejects else "")
            return
        reports = batch.table if held.seen is None else without_repeats(held.seen, batch.table)
        repeats = len(batch.table) - len(reports)
        reports, doubted = (reports, []) if self._doubts is None else self._doubts.sift(reports, run)
        held.unfolded.append(reports)
        held.waiting.events += events
        if held.waiting.first_ms is None:
            held.waiting.first_ms = int(run.time_ms[0])
        held.waiting.reports += len(batch.table)
        if self._lake:
            held.waiting.tables.append(reports)
            held.waiting.size += reports.nbytes
        rejects = [*batch.rejects, *doubted]
        held.waiting.rejects += rejects
        held.waiting.size += sum(max(REJECT_BYTES, len(reject.value)) for reject in rejects)
        if sum(map(len, held.unfolded)) >= FOLD_ROWS:
            self._fold(held)
        self._telemetry.rejected.inc(len(batch.rejects))
        self._telemetry.repeated.inc(repeats)
        self._telemetry.doubted.inc(len(doubted))
        self._telemetry.pending.set(self._unflushed() + self._flying)
        self._telemetry.chunk_s.observe(time.perf_counter() - started)

    def _loaded(self, partition: int) -> Held:
        """The state of a partition as last flushed."""
        held = Held(FoldState(book=load_book(self._table, partition)), reader=ChunkReader(partition))
        if self._settings.dedup_window_s:
            held.seen = load_seen(self._table, partition, self._settings.dedup_window_s)
        return held

    def _fold(self, held: Held) -> None:
        """Fold what a partition has read since the last time."""
        if held.unfolded:
            reports = pa.concat_tables(held.unfolded)
            held.unfolded.clear()
            fold(held.state, columns_of(reports), self._clock())
            self._telemetry.folded.inc(len(reports))

    def _must_wait(self) -> bool:
        """Whether enough was read that is not flushed."""
        waiting = [held.waiting for held in self._partitions.values()]
        return (
            self._unflushed() > self._most_unflushed
            or sum(one.rows for one in waiting) > self._settings.pending_rows
            or sum(one.size for one in waiting) > MOST_BYTES
        )

    def _learn(self, written: int, took_s: float) -> None:
        """Let as many wait as a flush writes in ``FLUSH_S``; one of few reports says little, unless it was slow."""
        if written >= FEWEST_REPORTS or took_s > FLUSH_S:
            self._most_unflushed = max(FEWEST_REPORTS, int(written * FLUSH_S / took_s))

    def _unflushed(self) -> int:
        return sum(held.waiting.reports for held in self._partitions.values())

    async def tick(self) -> None:
        """Fold what was read, and send the panes that changed to where their providers are scored."""
        async with self._sending:  # a flush that waits for what was sent must not miss what a tick has begun to send
            await self._read_all()
            for held in self._partitions.values():
                self._fold(held)
            told = {partition: held.state.told for partition, held in self._partitions.items()}
            for together in groups_of(self._partitions):
                taken = [take_updates(held.state, partition) for partition, held in together]
                changed = [updates for updates in taken if updates is not None]
                if changed:
                    await self._send(concatenated(changed), told)

    async def _send(self, updates: PaneUpdates, told: dict[int, dict[int, int]]) -> None:
        try:
            for place, part in split(updates, self._destinations.of(updates.names)):
                message = encode_updates(linked(part, told, place))
                self._sent.append(await self._panes.send(value=message, partition=place))
        except BaseException:
            self._send_all_again()
            raise

    def _send_all_again(self) -> None:
        """Whichever message failed, its panes go out with the next tick."""
        for held in self._partitions.values():
            mark_unsent(held.state)

    async def flush(self) -> None:
        """Make durable what was read, then acknowledge it. What fails stays waiting and is tried again."""
        async with self._flushing:
            await self._read_all()
            taken = {number: held for number, held in self._partitions.items() if held.waiting.events}
            waiting = {number: held.waiting for number, held in taken.items()}
            self._flying = sum(part.reports for part in waiting.values())
            for held in taken.values():
                held.waiting = Waiting()
            started = time.perf_counter()
            try:
                await self._make_durable(taken, waiting)
            except BaseException:
                self._send_all_again()
                for number, held in taken.items():
                    before, since = waiting[number], held.waiting
                    held.waiting = before.and_then(since)
                raise
            finally:
                self._flying = 0
            for number, held in taken.items():
                if self._partitions.get(number) is held:  # of a partition that left, the state was not written
                    for event in waiting[number].events:
                        event.ack()
                    if held.seen is not None:
                        held.acknowledged.append((waiting[number].through, waiting[number].first_ms or 0))
            self._telemetry.pending.set(self._unflushed())
            if waiting:
                took_s = time.perf_counter() - started
                self._telemetry.flush_s.observe(took_s)
                self._learn(sum(part.reports for part in waiting.values()), took_s)
                await asyncio.to_thread(_let_go, [part.tables for part in waiting.values()])
            if not self._must_wait():
                self.is_full.clear()  # it was set during this flush, after which more may wait

    async def _make_durable(self, taken: dict[int, Held], waiting: dict[int, Waiting]) -> None:
        for number, part in waiting.items():
            for count, reject in enumerate(part.rejects):
                if count % TOGETHER_SENT == 0:  # a send lets nobody else go first, and takes 0.1 ms
                    await asyncio.sleep(0)
                headers = reject_headers(reject, REPORTS, number)
                self._sent.append(await self._rejects.send(key=reject.record.key, value=reject.value, headers=headers))
        await self.tick()  # nobody else has a turn from its end until all is known that is to be waited for
        sent, self._sent = self._sent, []
        for held in self._partitions.values():
            held.state.book.recent.clear()
        await asyncio.gather(*sent)
        if self._lake and waiting:
            tables = [table for part in waiting.values() for table in part.tables]
            rejects = [reject_table(part.rejects, REPORTS, number) for number, part in waiting.items()]
            through = {number: part.through for number, part in waiting.items()}
            reports = pa.concat_tables(tables) if tables else REPORTS_SCHEMA.empty_table()
            bad = pa.concat_tables(rejects)
            self._telemetry.stored.inc(await asyncio.to_thread(self._lake.write_reports, reports, bad, through))
        for number, held in self._partitions.items():
            if number not in taken:
                close_unused(self._table, number, held.state.book)
        await all_of(self._written(number, held, waiting[number]) for number, held in taken.items())

    async def _written(self, number: int, held: Held, waiting: Waiting) -> None:
        """Write the state of a partition, unless it left."""
        if self._partitions.get(number) is held:
            ids = None if held.seen is None else Ids(held.seen, self._first_ms(number, held, waiting))
            await flush_book(self._table, number, held.state.book, self._clock(), ids)

    def _first_ms(self, number: int, held: Held, waiting: Waiting) -> int:
        """When the broker took the first record that may be read again: acknowledged is committed some seconds later.

        Until then ids must be held that only these records can be repeats of.
        """
        while held.acknowledged and held.acknowledged[0][0] < self._committed(number):
            held.acknowledged.popleft()
        return held.acknowledged[0][1] if held.acknowledged else waiting.first_ms or 0


def _let_go(written: list[list[pa.Table]]) -> None:
    """Free tables, one at a time: those of two busy seconds together took the loop 60 ms."""
    for tables in written:
        while tables:
            tables.pop()
