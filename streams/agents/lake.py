"""The lake loop: scores into the lake."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
from faust import Stream
from faust.types import TP

from streams.agents.waiting import Waiting, take_run
from streams.score_rows import score_rows
from streams.sinks import LakeSinks
from streams.topics import SCORES

__all__ = ["LakeLoop"]


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
            waiting.tables.append(score_rows(take_run(event), event.message.partition))

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
