"""The lake loop: scores into the lake."""

import asyncio
from collections.abc import Iterable
from typing import Any, Final

import pyarrow as pa
from faust import Stream
from faust.types import TP

from streams.agents.waiting import Waiting, take_run
from streams.schemas import SCORES_SCHEMA
from streams.score_rows import score_rows
from streams.sinks import LakeSinks
from streams.topics import SCORES

__all__ = ["PENDING_BYTES", "LakeLoop"]

PENDING_BYTES: Final = 128 * 2**20
"""Scores waiting for the lake at which the loop stops reading: about 25,000 records of 5 KB. They stay in Kafka."""
_WAIT_S: Final = 0.05


class LakeLoop:
    """``trust.scores`` → lake."""

    def __init__(self, lake: LakeSinks) -> None:
        self._lake = lake
        self._waiting: dict[int, Waiting] = {}
        self._taken: dict[int, Waiting] = {}
        self._flushing = asyncio.Lock()
        self._sure = False

    def revoked(self, partitions: Iterable[TP]) -> None:
        """Let go of rows of partitions that leave; their next owner reads them again."""
        for tp in partitions:
            if tp.topic == SCORES:
                self._waiting.pop(tp.partition, None)
                self._taken.pop(tp.partition, None)

    async def run(self, stream: Stream[Any]) -> None:
        """The agent: keep the rows of each chunk until the next commit."""
        async for event in stream.noack().events():
            while self.pending_bytes() > PENDING_BYTES:
                await asyncio.sleep(_WAIT_S)
            waiting = self._waiting.setdefault(event.message.partition, Waiting())
            waiting.events.append(event)
            rows = score_rows(take_run(event), event.message.partition)
            waiting.tables.append(rows)
            waiting.size += rows.nbytes

    def pending_bytes(self) -> int:
        """Size of the rows that are not in the lake yet."""
        held = [*self._waiting.values(), *self._taken.values()]
        return sum(waiting.size for waiting in held)

    async def flush(self) -> None:
        """Commit the rows, then acknowledge them. The first one sees that the lake takes something, rows or not.

        Raises
        ------
        LakeUnwritable
            When it does not; the rows stay for the next flush.
        """
        async with self._flushing:
            self._taken, self._waiting = self._waiting, {}
            if self._sure and not self._taken:
                return
            self._sure = False
            tables = [table for waiting in self._taken.values() for table in waiting.tables]
            through = {partition: waiting.through for partition, waiting in self._taken.items()}
            rows = pa.concat_tables([SCORES_SCHEMA.empty_table(), *tables])
            try:
                await asyncio.to_thread(self._lake.write_scores, rows, through)
            except BaseException:
                self._keep()
                raise
            taken, self._taken, self._sure = self._taken, {}, True
            for waiting in taken.values():
                for event in waiting.events:
                    event.ack()

    def _keep(self) -> None:
        """What was taken waits again, before what came meanwhile."""
        for partition, since in self._waiting.items():
            self._taken[partition] = self._taken.get(partition, Waiting()).and_then(since)
        self._waiting, self._taken = self._taken, {}
