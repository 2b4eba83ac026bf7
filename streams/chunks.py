"""A Faust transport that hands over what was fetched of a partition as ONE message, so Faust costs per chunk.

Plain Faust costs 90 to 160 µs a message. Here the value of a message is the list of fetched records, and its offset
is that of the last one; groups, rebalance, tables, changelog and commit stay Faust's. Commit positions are counted in
chunks: Faust would take the offsets between two chunk ends for a gap in the log and commit one chunk per interval.
"""

import asyncio
import weakref
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import aiokafka
import faust
from aiokafka.errors import ConsumerStoppedError, IllegalStateError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from streams.records import behind
from streams.runs import ISOLATION, fetched_runs

__all__ = ["FETCH_WAIT_MS", "MOST_CHUNKS", "ChunkTransport", "use_chunks"]

FETCH_WAIT_MS: Final = 50
"""How long a broker may keep a fetch that finds nothing. aiokafka leaves a partition out whose records were not taken
yet, and sends no second fetch meanwhile: with the 1.5 s that Faust gives, a busy partition waited that long for those
in which nothing happens, and a worker that was behind on it was idle most of the time."""
FETCH_BYTES: Final = 8 << 20
"""Most that a broker answers at once, of all partitions. asyncio and aiokafka copy an answer three times on its way:
with this into memory at hand, with the usual 50 MiB into pages that the kernel clears anew, a quarter of what fetching
cost."""
MOST_CHUNKS: Final = 4
"""Chunks of a partition that may wait to be taken. Each holds up to 8 MiB as fetched."""
DRAIN_S: Final = 1.0
"""Longest wait for something that was fetched."""
LOOK_S: Final = 0.02
"""Seconds between two looks at whether a partition of which enough waits has room again."""


class ChunkThread(driver.AIOKafkaConsumerThread):
    """The thread that fetches, and heartbeats beside it."""

    consumer: "ChunkConsumer"

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._isolation_level = ISOLATION
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        consumer._fetch_max_bytes = FETCH_BYTES
        return consumer

    async def getmany(self, active_partitions: Any, timeout: float) -> Any:
        """What was fetched of some partitions, waited for in the thread.

        Faust's own goes through the queue of all calls of the thread and the tasks that serve it.
        """
        consumer = self._ensure_consumer()
        fetched = self._fetch_records(consumer, active_partitions, timeout, consumer._max_poll_records)
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(fetched, self.thread_loop))

    async def _fetch_records(
        self,
        consumer: aiokafka.AIOKafkaConsumer,
        active_partitions: set[TP],
        timeout: float | None = None,
        max_records: int | None = None,
    ) -> Any:
        if not self.consumer.flow_active:
            return {}
        fetcher, most = consumer._fetcher, max_records or consumer._max_poll_records
        if consumer._closed or fetcher._closed:
            raise ConsumerStoppedError
        with fetcher._subscriptions.fetch_context():
            chunked = self.consumer.transport.chunked
            columnar = self.consumer.transport.columnar
            return await fetched_runs(fetcher, active_partitions, chunked, timeout or 0.0, most, columnar)


class ChunkConsumer(driver.Consumer):
    """Consumer of the chunk transport."""

    transport: "ChunkTransport"

    def _new_consumer_thread(self) -> ChunkThread:
        return ChunkThread(self, loop=self.loop, beacon=self.beacon)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._handed_over: dict[TP, deque[int]] = defaultdict(deque)
        self._through: dict[TP, tuple[int, int]] = {}
        """Generation and offset of the last record of each partition that was handed over."""
        self._skipped: dict[TP, tuple[int, int]] = {}
        """Generation and offset of the first record of each partition that was fetched and not handed over."""
        self._untaken: dict[TP, list[weakref.ref[ConsumerMessage]]] = defaultdict(list)
        """Chunks handed over, of which some may still hold their records."""
        self._committed: dict[TP, int] = {}
        """What the broker is known to have as committed in this generation."""
        self._opened = -1
        """The generation in which chunks are handed over."""

    async def open(self, generation: int) -> None:
        """Hand chunks over from now on, while ``generation`` lasts.

        Faust fetches some before its recovery is complete, where a partition's buffer drops, and empties the streams'
        queues at its end. A chunk in them would never be acknowledged, and not be read again in this generation. What
        came too early is read again now: nothing may come behind it.
        """
        self._opened = generation
        if any(skipped == generation for skipped, _ in self._skipped.values()):
            await self.perform_seek()

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Go to the committed offsets, and to the start of a chunked partition of which nothing was committed.

        Faust does this after a rebalance, in which what was fetched before is dropped. aiokafka leaves a partition
        without a committed offset where it is: behind what was dropped, which nobody would ever read again.

        A partition may leave meanwhile. Then the rebalance that took it seeks anew when it is over.
        """
        rebalances = self.app.rebalancing_count
        try:
            return await self._seek_to_committed()
        except IllegalStateError:  # no current assignment
            if self.app.rebalancing or self.app.rebalancing_count > rebalances:
                return {}
            raise

    async def _seek_to_committed(self) -> Mapping[TP, int]:
        committed: Mapping[TP, int | None] = await super().seek_to_committed()
        fresh = [tp for tp, offset in committed.items() if tp.topic in self.transport.chunked and not (offset or 0) > 0]
        if fresh:
            thread: Any = self._thread
            await thread.seek_to_beginning(*fresh)
        return committed  # type: ignore[return-value]  # Faust knows that one may be missing, its type does not

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:
        """Records of partitions that have room for them.

        Faust's own bound is 4,096 messages a stream, which here are chunks of 20,000 records: it would read in all that
        waits on the broker, at 330 bytes a record. What is not asked for stays there.
        """
        if active_partitions is None:
            return await super()._getmany(active_partitions, timeout)
        roomy = {tp for tp in active_partitions if self._has_room(tp)}
        if len(roomy) < len(active_partitions):
            timeout = min(timeout, LOOK_S)
        if roomy:
            return await super()._getmany(roomy, timeout)
        await asyncio.sleep(timeout)
        return {}

    def _has_room(self, tp: TP) -> bool:
        """Whether fewer than ``MOST_CHUNKS`` chunks, and fewer records than one may hold, wait to be taken."""
        generation, held = self.app.consumer_generation_id, []
        for ref in self._untaken.pop(tp, ()):
            chunk = ref()
            if chunk is not None and chunk.value is not None and chunk.generation_id == generation:
                held.append((ref, len(chunk.value)))
        if held:
            self._untaken[tp] = [ref for ref, _ in held]
        most: int = self.app.conf.broker_max_poll_records or 0
        return len(held) < MOST_CHUNKS and sum(records for _, records in held) < most

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:
        """One message per fetched run of a partition."""
        records, active = await self._wait_next_records(timeout)
        if records is None or self.should_stop:
            return
        if not self.flow_active:
            await self.perform_seek()
            return
        generation = self.app.consumer_generation_id
        for tp, run in records.items():
            if not self._still(generation):
                return
            is_active = active is None or tp in active or tp in self._buffered_partitions
            if tp.topic not in self.transport.chunked:
                for record in run if is_active else ():
                    yield tp, self._to_message(tp, record)
                continue
            passes = await self._passes(tp, run, generation, is_active)
            new = self._new_of(tp, run, generation) if passes else ()
            if not new:
                continue
            read: Any = self._read_offset[tp]  # None before the first message, which Faust's type forgets
            if read is None or new[-1].offset >= read:
                self._handed_over[tp].append(new[-1].offset)
            chunk = self._chunk(tp, new, generation)
            self._untaken[tp].append(weakref.ref(chunk))
            yield tp, chunk

    async def _passes(self, tp: TP, run: Sequence[Any], generation: int, is_active: bool) -> bool:
        """Whether a run may be handed over. What came too early is read again, before all that came later."""
        skipped, offset = self._skipped.get(tp, (-1, -1))
        if not is_active or self._opened != generation:
            self._skipped[tp] = generation, min(offset, run[0].offset) if skipped == generation else run[0].offset
            return False
        self._skipped.pop(tp, None)
        if skipped == generation and offset < run[0].offset:
            await self.perform_seek()
            return False
        return True

    def _new_of(self, tp: TP, run: Sequence[Any], generation: int) -> Sequence[Any]:
        """The records of a run that were not handed over in this generation.

        Faust goes back to the committed offset when a rebalance is over, and what it had fetched by then may be on its
        way all the same; Faust itself leaves out what it reads twice by the message, which here is a chunk. What was
        handed over in the generation before, after its partitions were revoked, nobody will acknowledge.
        """
        known, through = self._through.get(tp, (None, -1))
        if known != generation:
            self._handed_over[tp].clear()
        elif run[0].offset <= through:
            run = behind(run, through)
        if run:
            self._through[tp] = generation, run[-1].offset
        return run

    def _still(self, generation: int) -> bool:
        """Whether what was fetched still belongs to this worker: no rebalance has begun since."""
        return self.flow_active and bool(self.app.consumer_generation_id == generation)

    async def _drain_messages(self, fetcher: Any) -> None:
        """Hand over what is fetched, until this or the fetcher stops.

        Faust's own makes four tasks of every message and lets all others go first three times, in a loop that is busy.
        What one fetch brought is handed over at once here, unless the streams are held back.
        """
        app, callback, offsets = self.app, self.callback, self._read_offset
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):
                await asyncio.sleep(0)
                async for tp, message in self.getmany(timeout=DRAIN_S):
                    read: Any = offsets[tp]
                    if read is not None and message.offset < read:
                        continue
                    if read and message.offset - read > 1 and app.topics.acks_enabled_for(message.topic):
                        await self._add_gap(tp, read + 1, message.offset)
                    if self._commit_every is not None and self._n_acked >= self._commit_every:
                        self._n_acked = 0
                        await self.commit()
                    if app.flow_control.is_active() and app.producer.buffer.size <= app.producer.buffer.max_messages:
                        await callback(message)
                    else:  # it may take long, and is given up when the flow is suspended
                        await self.wait_first(callback(message), self.suspend_flow.wait())
                    offsets[tp] = message.offset
        except (asyncio.CancelledError, ConsumerStoppedError):
            if not app.should_stop:
                raise

    def lag(self, tp: TP) -> int | None:
        """Messages of a chunked partition that were not handed over yet; ``None`` where the broker has not said."""
        if tp.topic not in self.transport.chunked:
            return None
        read: int | None = self._read_offset[tp]
        end: int | None = self.highwater(tp)
        return None if end is None else max(0, end - (0 if read is None else read + 1))

    def _chunk(self, tp: TP, run: Sequence[Any], generation: int) -> ConsumerMessage:
        last = run[-1]
        run_as_value: Any = run
        return ConsumerMessage(
            tp.topic, tp.partition, last.offset, last.timestamp / 1_000, 0,
            [], None, run_as_value, None, 0, 0, tp, generation_id=generation,
        )  # fmt: skip

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Nothing: that a partition stands still is seen by ``streams/watchdog.py``.

        Faust's own look, every few seconds, asks aiokafka for a position that is unknown a moment after a rebalance,
        and the error ends the worker.
        """

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        if tp.topic not in self.transport.chunked:
            await super()._add_gap(tp, offset_from, offset_to)

    def _new_offset(self, tp: TP) -> int | None:
        """Offset to commit: behind the last chunk before which every chunk is acknowledged."""
        if tp.topic not in self.transport.chunked:
            offset: int | None = super()._new_offset(tp)
            return offset
        acked, order, last = self._acked_index[tp], self._handed_over[tp], None
        while order and order[0] in acked:
            last = order.popleft()
            acked.discard(last)
        if last is None:
            return None
        self._acked[tp] = [offset for offset in self._acked[tp] if offset > last]
        return last + 1

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Faust takes note of what it tried to commit, also where that failed."""
        has_committed: bool = await super()._commit(offsets)
        if has_committed:
            self._committed.update(offsets)
        return has_committed

    def committed(self, tp: TP) -> int:
        """Offset behind the last record of a partition that is not read again, as far as is known."""
        return self._committed.get(tp, 0)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Forget what was handed over and tell who holds state of these partitions."""
        for tp in revoked:
            self._committed.pop(tp, None)
            self._handed_over.pop(tp, None)
            self._through.pop(tp, None)
            self._untaken.pop(tp, None)
        for listener in self.transport.on_revoked:
            listener(revoked)
        await super().on_partitions_revoked(revoked)


class ChunkTransport(driver.Transport):
    """Kafka transport that reads the topics in ``chunked`` by chunk, those in ``columnar`` as ``Run``."""

    Consumer = ChunkConsumer
    chunked: frozenset[str]
    columnar: frozenset[str]
    on_revoked: Sequence[Callable[[Iterable[TP]], None]]


def use_chunks(
    app: faust.App,
    topics: Iterable[str],
    on_revoked: Sequence[Callable[[Iterable[TP]], None]],
    columnar: Iterable[str] = (),
) -> None:
    """Let ``app`` read ``topics`` by chunk, those in ``columnar`` as ``streams.records.Run``.

    All of ``on_revoked`` hear of partitions that leave this worker.
    """
    transport = ChunkTransport(app.conf.broker, app, app.loop)
    transport.chunked, transport.columnar, transport.on_revoked = frozenset(topics), frozenset(columnar), on_revoked
    app._transport = transport
