"""A Kafka topic followed for ever, whatever becomes of the broker; what to do with its messages is the caller's."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, NamedTuple

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError
from aiokafka.structs import ConsumerRecord

from analytics.consumers import FETCH_WAIT_MS, PATIENCE_S, closed, for_ever, partitions_of

__all__ = ["Follower", "Span"]

_PROBE_S: Final = 1.0
_RETRY_S: Final = 0.5
_POLL_MS: Final = 250
_RECORDS: Final = 8_192

_log = structlog.get_logger(__name__)


class Span(NamedTuple):
    """Offsets of one partition."""

    first: int
    end: int
    seen: int | None
    """Where an earlier connection stopped."""


class Follower:
    """Reads all partitions of a topic without a group, from where it is told to begin.

    Parameters
    ----------
    topic
        Its name; waited for while there is none.
    broker
        Kafka bootstrap servers.
    begin
        Offset to begin each partition at, asked for at every connection.
    take
        What to do with each run of messages, ordered by time; awaited before more is read. It says whether that was
        enough of what lay there at the start: then the rest of it is skipped.
    most_behind
        Offsets of all partitions together; where more wait, half as many are read on from the end. None: all are read.
    """

    def __init__(
        self,
        topic: str,
        broker: str,
        begin: Callable[[Mapping[int, Span]], Mapping[int, int]],
        take: Callable[[Sequence[ConsumerRecord]], Awaitable[bool]],
        most_behind: int | None = None,
    ) -> None:
        self.topic, self._broker, self._begin, self._take, self._most_behind = topic, broker, begin, take, most_behind
        self.is_live = False
        """Whether all that the topic held when it was opened has been taken, and the broker answers."""
        self.problem: str | None = None
        self.skipped = 0
        """Offsets left out."""
        self._seen: dict[int, int] = {}
        self._word = asyncio.Event()

    async def run(self) -> None:
        """Follow the topic until cancelled."""
        await for_ever(self._follow, self._failed, self._lost, _RETRY_S)

    def _failed(self, problem: str, unforeseen: Exception | None) -> None:
        before, self.problem = self.problem, problem
        if before != problem:
            _log.warning("topic_lost", topic=self.topic, problem=problem, exc_info=unforeseen)

    def _lost(self) -> None:
        self.is_live = False
        self._word.set()

    async def wait_for_word(self, timeout_s: float) -> None:
        """Return as soon as it has caught up for the first time, or the broker turned out to be away, or in time."""
        try:
            await asyncio.wait_for(self._word.wait(), timeout_s)
        except TimeoutError:
            return

    async def _follow(self) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._broker,
            client_id=f"trustscore-{self.topic}",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            request_timeout_ms=10_000,
            fetch_max_wait_ms=FETCH_WAIT_MS,
        )
        try:
            await asyncio.wait_for(consumer.start(), 2 * PATIENCE_S)
            partitions = await self._partitions(consumer)
            consumer.assign(partitions)
            ends = await self._seek(consumer, partitions)
            await self._read(consumer, partitions, ends)
        finally:
            await closed(consumer)

    async def _partitions(self, consumer: AIOKafkaConsumer) -> list[TopicPartition]:
        while self.topic not in await asyncio.wait_for(consumer.topics(), PATIENCE_S):
            self._is_live()
            await asyncio.sleep(_PROBE_S)
        return await partitions_of(consumer, [self.topic])

    async def _seek(self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Begin where the caller wants; the ends of that moment."""
        async with asyncio.timeout(PATIENCE_S):
            first, ends = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
        spans = {each.partition: Span(first[each], ends[each], self._seen.get(each.partition)) for each in partitions}
        chosen = self._begin(spans)
        for each in partitions:
            consumer.seek(each, chosen[each.partition])
        return dict(ends)

    async def _read(
        self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition], opened: dict[TopicPartition, int]
    ) -> None:
        probed_s, clock = -1e12, asyncio.get_running_loop().time
        while True:
            polled = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_RECORDS)
            messages = [message for part in polled.values() for message in part]
            enough = False
            if messages:
                enough = await self._take(sorted(messages, key=lambda message: message.timestamp))
            if self.is_live and clock() - probed_s < _PROBE_S:
                continue
            ends = await self._probe(consumer, partitions, opened)
            probed_s = clock()
            behind = sum(max(0, end - self._seen[each.partition]) for each, end in ends.items())
            if self.is_live and self._most_behind is not None and behind > self._most_behind:
                self._skip(consumer, ends, self._most_behind // (2 * len(partitions)))
            elif enough and not self.is_live:
                self._skip(consumer, ends, 0)

    def _skip(self, consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int], left: int) -> None:
        for each, end in ends.items():
            seen = self._seen[each.partition]
            to = max(seen, end - left)
            consumer.seek(each, to)
            self.skipped += to - seen
            self._seen[each.partition] = to

    async def _probe(
        self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition], opened: dict[TopicPartition, int]
    ) -> dict[TopicPartition, int]:
        """Ends of now; raises when the broker does not answer, or its log is shorter than before."""
        async with asyncio.timeout(PATIENCE_S):
            ends = await consumer.end_offsets(partitions)
            at = {each: await consumer.position(each) for each in partitions}
        if any(ends[each] < opened[each] for each in partitions):
            self._seen.clear()
            raise OffsetOutOfRangeError(f"{self.topic} is shorter than before")
        self._seen = {each.partition: offset for each, offset in at.items()}
        if all(at[each] >= opened[each] for each in partitions):
            self._is_live()
        return dict(ends)

    def _is_live(self) -> None:
        self.is_live, self.problem = True, None
        self._word.set()
