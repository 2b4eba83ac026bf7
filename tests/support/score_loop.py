"""A score loop and its surroundings in memory, and what it is given to read."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from scoring.records import ScoreRecord
from streams.agents import ScoreLoop
from streams.codec import encode_updates
from streams.steps.fold import FoldState, fold, take_updates
from streams.telemetry import Telemetry
from tests.support.lake_maker import Message
from tests.support.memory_worker import Chunks, Event, MemoryTable, MemoryTopic, settings
from tests.support.plain_panes import NOW_S, Report, columns_of_reports

__all__ = ["GOOD", "Loop", "both", "chunk", "of"]

GOOD = {"provider_id": "a", "outcome": "success", "timestamp": NOW_S, "task_type": "t"}


class Loop:
    """A score loop and its surroundings in memory."""

    def __init__(
        self,
        log: Any = (),
        clock: Callable[[], float] = lambda: float(NOW_S),
        score_s: float = 0.0,
        timer: Callable[[], float] = time.perf_counter,
        weights: str = "",
    ) -> None:
        self.table, self.topic, self.telemetry = MemoryTable(log), MemoryTopic(), Telemetry()
        self.end: int | None = None
        """Where the pane topic ends, as far as the broker has said."""
        self.score = ScoreLoop(
            settings(score_s=score_s, weights=weights),
            self.table.as_table,
            self.topic.as_topic,
            self.telemetry,
            clock,
            lambda _: self.end,
            timer,
        )

    async def read(self, *events: Event) -> None:
        """Let the agent see the events."""
        await self.score.run(Chunks(*events).as_stream)

    def said(self) -> dict[bytes | None, ScoreRecord]:
        """Last word on each key, as a compacted topic keeps it."""
        return {message.key: msgspec.json.decode(message.value, type=ScoreRecord) for message in self.topic.messages}


def chunk(reports: Sequence[Report], partition: int = 0, offset: int = 0, source: int = 0) -> Event:
    """A message of ``trust.panes`` about reports at the first offsets of a source partition."""
    state = FoldState()
    fold(state, columns_of_reports(reports), NOW_S)
    updates = take_updates(state, source)
    assert updates is not None
    return Event("trust.panes", partition, [Message(offset, NOW_S * 1_000, encode_updates(updates))])


async def both(loop: Loop) -> None:
    """A round of scores, and a flush."""
    await loop.score.tick()
    await loop.score.flush()


def of(*providers: str) -> list[Report]:
    """A report about each."""
    return [GOOD | {"provider_id": name, "task_type": None} for name in providers]
