"""Kafka's ``trust.scores`` → the board: read whole, then followed; for ever, whatever becomes of the broker."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError, UnknownTopicOrPartitionError
from aiokafka.structs import ConsumerRecord

from analytics.board import Board
from analytics.consumers import FETCH_WAIT_MS, PATIENCE_S, closed, for_ever, partitions_of
from analytics.settings import SCORES_TOPIC, Settings
from scoring.records import ScoreRecord

__all__ = ["FeedState", "ScoreFeed", "apply", "decode"]

_PROBE_S: Final = 1.0
"""Between two questions for the end offsets: the only sign of life that a quiet topic gives."""
_RETRY_S: Final = 0.5
_POLL_MS: Final = 200
_RECORDS: Final = 5_000

_log = structlog.get_logger(__name__)
_decoder = msgspec.json.Decoder(ScoreRecord)


@dataclass(slots=True)
class FeedState:
    """What is known of the connection to Kafka."""

    contact_s: float | None = None
    """When the broker last answered, epoch seconds; None: never."""
    is_caught_up: bool = False
    """Whether all that the topic held when it was opened is on the board."""
    lag: int | None = None
    """Offsets between the board and the end of the topic; None: unknown."""
    records: int = 0
    """Taken in since the start, tombstones too."""
    undecodable: int = 0
    """Messages that are no score record; they are counted, never trusted."""
    problem: str | None = None
    """Why there is no contact."""

    @property
    def is_untried(self) -> bool:
        """Whether nobody has tried to reach the broker yet."""
        return self.contact_s is None and self.problem is None

    def is_live(self, now_s: float, away_s: float) -> bool:
        """Whether the board shows what Kafka holds, as of at most ``away_s`` seconds ago."""
        return self.is_caught_up and self.is_in_contact(now_s, away_s)

    def is_in_contact(self, now_s: float, away_s: float) -> bool:
        """Whether the broker answered in the last ``away_s`` seconds."""
        return self.contact_s is not None and now_s - self.contact_s <= away_s


def decode(key: bytes | None, value: bytes) -> ScoreRecord:
    """The record of a message.

    Raises
    ------
    ValueError
        When the value is no score record, or not that of its key.
    """
    record = _decoder.decode(value)  # its errors are ValueErrors
    if key is None or _split(key) != (record.provider_id, record.facet):
        raise ValueError(f"key must be that of {record.provider_id}|{record.facet}; got {key!r}")
    if record.confidence not in ("none", "low", "medium", "high"):
        raise ValueError(f"confidence must be none, low, medium or high; got {record.confidence!r}")
    return record


def apply(board: Board, state: FeedState, messages: Sequence[ConsumerRecord]) -> None:
    """Take a run of messages in; what cannot be decoded is counted and changes nothing."""
    for message in messages:
        try:
            if message.value is None:
                board.remove(*_split(message.key or b""))
            else:
                board.put(decode(message.key, message.value))
            state.records += 1
        except ValueError as error:
            state.undecodable += 1
            _log.warning("score_undecodable", partition=message.partition, offset=message.offset, reason=str(error))


def _split(key: bytes) -> tuple[str, str]:
    provider_id, _, facet = key.decode().partition("|")
    return provider_id, facet


class ScoreFeed:
    """Keeps a board equal to ``trust.scores``.

    No consumer group: every server wants all partitions. After a lost connection the topic is read from its beginning
    into a new board, which takes the old one's place when it has caught up; so a broker that lost or
    rewrote its log cannot leave a mixture behind.
    """

    def __init__(self, board: Board, settings: Settings, clock: Callable[[], float]) -> None:
        self.state = FeedState()
        self._board, self._settings, self._clock = board, settings, clock
        self._ends: dict[TopicPartition, int] = {}
        self._caught_up, self._first_word = asyncio.Event(), asyncio.Event()

    async def run(self) -> None:
        """Follow the topic until cancelled."""
        await for_ever(self._follow, self._failed, self._lost, _RETRY_S)

    def _failed(self, problem: str, unforeseen: Exception | None) -> None:
        before, self.state.problem = self.state.problem, problem
        if before != problem:  # twice a second would drown what else there is to read
            _log.warning("score_feed_lost", broker=self._settings.broker, problem=problem, exc_info=unforeseen)

    async def wait_until_caught_up(self, timeout_s: float) -> bool:
        """True as soon as the board shows what Kafka holds; False when it does not within ``timeout_s``."""
        return await _set_within(self._caught_up, timeout_s)

    async def wait_for_first_word(self, timeout_s: float) -> bool:
        """True as soon as the board has caught up for the first time or the broker turned out to be away."""
        return await _set_within(self._first_word, timeout_s)

    def _lost(self) -> None:
        self.state.is_caught_up, self.state.lag = False, None
        self._caught_up.clear()
        self._first_word.set()

    async def _follow(self) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._settings.broker,
            client_id="trustscore-board",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            request_timeout_ms=10_000,
            fetch_max_wait_ms=FETCH_WAIT_MS,
        )
        try:
            await asyncio.wait_for(consumer.start(), 2 * PATIENCE_S)
            partitions = await self._partitions(consumer)
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            await self._read(consumer, partitions)
        finally:
            await closed(consumer)

    async def _partitions(self, consumer: AIOKafkaConsumer) -> list[TopicPartition]:
        """All partitions of the topic, once there is one."""
        while True:
            topics = await asyncio.wait_for(consumer.topics(), PATIENCE_S)
            self._heard()
            if SCORES_TOPIC in topics:
                return await partitions_of(consumer, [SCORES_TOPIC])
            # No worker has run on this broker yet, so an empty board shows all there is.
            self._board.adopt(Board())
            self._is_caught_up()
            await asyncio.sleep(_PROBE_S)

    async def _read(self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> None:
        fresh, probed_s = Board(), -1e12
        self._ends = {}
        target = fresh
        while True:
            for messages in (await consumer.getmany(timeout_ms=_POLL_MS, max_records=_RECORDS)).values():
                apply(target, self.state, messages)
            now_s = self._clock()
            if target is self._board and 0 <= now_s - probed_s < _PROBE_S:
                continue
            await self._probe(consumer, partitions)
            probed_s = now_s
            if target is fresh and self.state.lag == 0:
                self._board.adopt(fresh)
                target = self._board
                self._is_caught_up()

    async def _probe(self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> None:
        """Set contact and lag; raise when the broker does not answer or the topic is not the one it was.

        A consumer that cannot reach its broker is given up at once: it keeps asking for its topic by name, by which a
        broker that comes back empty would create it, with the wrong number of partitions.
        """
        async with asyncio.timeout(PATIENCE_S):
            ends = await consumer.end_offsets(partitions)
            positions = [await consumer.position(partition) for partition in partitions]
        if len(consumer.partitions_for_topic(SCORES_TOPIC) or partitions) != len(partitions):
            raise UnknownTopicOrPartitionError(f"{SCORES_TOPIC} has other partitions than before")
        # A position beyond the end would prove nothing: the embedded broker's end offsets fall short after a batch of
        # several records. But they grow on every broker, unless it lost its log and came back.
        if any(ends[partition] < seen for partition, seen in self._ends.items() if partition in ends):
            raise OffsetOutOfRangeError(f"{SCORES_TOPIC} is shorter than before, it is read anew")
        self._ends = ends
        self.state.lag = sum(max(0, ends[p] - at) for p, at in zip(partitions, positions, strict=True))
        self._heard()

    def _heard(self) -> None:
        self.state.contact_s, self.state.problem = self._clock(), None

    def _is_caught_up(self) -> None:
        if not self.state.is_caught_up:
            _log.info("score_feed_caught_up", records=len(self._board), providers=self._board.provider_count)
        self.state.is_caught_up = True
        self._caught_up.set()
        self._first_word.set()


async def _set_within(event: asyncio.Event, timeout_s: float) -> bool:
    try:
        await asyncio.wait_for(event.wait(), timeout_s)
    except TimeoutError:
        return False
    return True
