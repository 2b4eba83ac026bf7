"""The score loop: pane updates into scores."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import msgspec
from faust import Stream
from faust.types import TP, TopicT

from scoring.book import Book
from streams.agents.waiting import Partition, Waiting, take_run
from streams.codec import decode_updates
from streams.settings import WorkerSettings
from streams.steps.score import ScoreState, merge, restored, score
from streams.tables import BookTable, flush_book, load_book
from streams.telemetry import Telemetry
from streams.topics import PANES

__all__ = ["ScoreLoop"]

Clock = Callable[[], float]


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
                self._telemetry.entities.remove(str(tp.partition))

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
            for record in take_run(event):
                merge(held.state, decode_updates(record.value))
            held.waiting.events.append(event)

    async def tick(self) -> None:
        """Score what changed or moved, and send what a reader would see differently."""
        started = time.perf_counter()
        for partition, held in list(self._partitions.items()):
            try:
                for record in score(held.state, self._clock()):
                    key = f"{record.provider_id}|{record.facet}" if record.facet else record.provider_id
                    self._sent.append(await self._scores.send(key=key.encode(), value=msgspec.json.encode(record)))
                    self._telemetry.emitted.inc()
            except BaseException:
                self._say_all_again()
                raise
            self._telemetry.entities.labels(str(partition)).set(len(held.state.entities))
        self._telemetry.score_s.observe(time.perf_counter() - started)

    def _say_all_again(self) -> None:
        """Whichever score failed, all go out with the next tick."""
        for held in self._partitions.values():
            held.state.said.clear()
            held.state.changed.update(range(len(held.state.entities)))

    async def flush(self) -> None:
        """Write the state, then acknowledge what it holds."""
        async with self._flushing:
            sent, self._sent = self._sent, []
            try:
                await asyncio.gather(*sent)
            except BaseException:
                self._say_all_again()
                raise
            for number, held in list(self._partitions.items()):
                if self._partitions.get(number) is not held:
                    continue
                waiting, held.waiting = held.waiting, Waiting()
                try:
                    await flush_book(self._table, number, held.state.book, held.state.as_of_s)
                except BaseException:
                    held.waiting.events[:0] = waiting.events
                    raise
                if self._partitions.get(number) is held:  # else its events belong to the next owner
                    for event in waiting.events:
                        event.ack()
