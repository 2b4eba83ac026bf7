"""Kafka's report and pane topics beside what the workers have taken in → the backlog; for ever."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from analytics.backlog import Backlog, Waiting
from analytics.board import Board
from analytics.consumers import PATIENCE_S, closed, for_ever, partitions_of
from analytics.settings import PANES_TOPIC, REPORTS_TOPIC, Settings

__all__ = ["OVERDUE_S", "BacklogWatch"]

OVERDUE_S: Final = {REPORTS_TOPIC: 10.0, PANES_TOPIC: 30.0}
"""A report shows on the board in a second or two; of panes only the commit is seen, which follows a flush."""
_SETTLE_S: Final = 5.0
_LOOK_S: Final = 1.0
_RETRY_S: Final = 2.0
_PEEK_MS: Final = 500

_log = structlog.get_logger(__name__)


class BacklogWatch:
    """Looks every second how far workers are in ``trust.reports`` and ``trust.panes``.

    A report counts as taken in when a score on the board holds it, or when the workers' group has committed it: one
    that was rejected, or came twice, is in no score. The group is asked and never joined.
    """

    def __init__(
        self,
        board: Board,
        settings: Settings,
        clock: Callable[[], float],
        patience_s: Mapping[str, float] = OVERDUE_S,
    ) -> None:
        self.overdue: Waiting | None = None
        """The message that waits too long for a worker; None: none, as far as was seen."""
        self.problem: str | None = None
        """Why nothing is known of the backlog."""
        self._patience_s, self._backlog = patience_s, Backlog(patience_s, _SETTLE_S)
        self._board, self._settings, self._clock = board, settings, clock

    async def run(self) -> None:
        """Watch until cancelled.

        What was known stands while the broker does not answer: what waited then waits still.
        """
        await for_ever(self._watch, self._failed, lambda: None, _RETRY_S)

    def _failed(self, problem: str, unforeseen: Exception | None) -> None:
        before, self.problem = self.problem, problem
        if before != problem:
            _log.warning("backlog_unknown", problem=problem, exc_info=unforeseen)

    async def _watch(self) -> None:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._settings.broker,
            client_id="trustscore-backlog",
            group_id=self._settings.application_id,
            enable_auto_commit=False,
            isolation_level="read_committed",
            request_timeout_ms=10_000,
        )
        try:
            await asyncio.wait_for(consumer.start(), 2 * PATIENCE_S)
            places: list[TopicPartition] = []
            while True:
                if {place.topic for place in places} != self._patience_s.keys():  # the workers make the topic of panes
                    places = await self._places(consumer)
                    consumer.assign(places)
                    consumer.pause(*places)
                await self._look(consumer, places)
                await asyncio.sleep(_LOOK_S)
        finally:
            await closed(consumer)

    async def _places(self, consumer: AIOKafkaConsumer) -> list[TopicPartition]:
        """All partitions of the topics that there are, once there are reports."""
        while True:
            topics = await asyncio.wait_for(consumer.topics(), PATIENCE_S)
            found = [name for name in self._patience_s if name in topics]
            if REPORTS_TOPIC in found:
                return await partitions_of(consumer, found)
            await asyncio.sleep(_LOOK_S)

    async def _look(self, consumer: AIOKafkaConsumer, places: list[TopicPartition]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            ends = await consumer.end_offsets(places)
            committed = await asyncio.gather(*[consumer.committed(place) for place in places])
        now_s = self._clock()
        for place, offset in zip(places, committed, strict=True):
            done = offset or 0
            if place.topic == REPORTS_TOPIC:
                done = max(done, self._board.through.get(place.partition, -1) + 1)
            self._backlog.saw(now_s, (place.topic, place.partition), ends[place], done)
        while (overdue := self._backlog.overdue(now_s)) is not None:
            place = TopicPartition(overdue.topic, overdue.partition)
            if await self._holds_a_message(consumer, place, overdue.offset):
                break
            self._backlog.empty((overdue.topic, overdue.partition))
        self.overdue, self.problem = overdue, None

    async def _holds_a_message(self, consumer: AIOKafkaConsumer, place: TopicPartition, offset: int) -> bool:
        """Whether anything can be read at ``offset`` or behind it."""
        consumer.seek(place, offset)
        consumer.resume(place)
        try:
            return bool(await consumer.getmany(place, timeout_ms=_PEEK_MS, max_records=1))
        finally:
            consumer.pause(place)
