"""The lake loop: scores into the lake."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa
from faust import Stream
from faust.types import TP, EventT

from streams.agents.waiting import take_run
from streams.schemas import SCORES_SCHEMA
from streams.score_rows import score_rows
from streams.sinks import LakeSinks
from streams.topics import SCORES
from streams.wire import Record

__all__ = ["PENDING_BYTES", "LakeLoop"]

PENDING_BYTES: Final = 128 * 2**20
"""Scores waiting for the lake at which the loop stops reading: about 25,000 records of 5 KB. They stay in Kafka."""
_WAIT_S: Final = 0.05


@dataclass(slots=True)
class Scores:
    """What was read of a partition and is not in the lake yet."""

    events: list[EventT[Any]] = field(default_factory=list)
    tables: list[pa.Table] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    """Those that are in no table yet, behind all that are."""
    size: int = 0
    """Bytes of all of them."""

    def add(self, event: EventT[Any]) -> None:
        """A chunk, behind all others."""
        run = take_run(event)
        self.events.append(event)
        self.records += run
        self.size += sum(len(record.value or b"") for record in run)

    def and_then(self, since: "Scores") -> "Scores":
        """This, all in tables, and what was read behind it."""
        return Scores(
            self.events + since.events, self.tables + since.tables, self.records + since.records, self.size + since.size
        )

    def rows(self, partition: int) -> list[pa.Table]:
        """All as rows."""
        if self.records:
            self.tables.append(score_rows(self.records, partition))
            self.records = []
        return self.tables

    @property
    def through(self) -> int:
        """Last offset read."""
        return int(self.events[-1].message.offset)


class LakeLoop:
    """``trust.scores`` → lake."""

    def __init__(self, lake: LakeSinks) -> None:
        self._lake = lake
        self._waiting: dict[int, Scores] = {}
        self._taken: dict[int, Scores] = {}
        self._flushing = asyncio.Lock()
        self._sure = False

    def revoked(self, partitions: Iterable[TP]) -> None:
        """Let go of rows of partitions that leave; their next owner reads them again."""
        for tp in partitions:
            if tp.topic == SCORES:
                self._waiting.pop(tp.partition, None)
                self._taken.pop(tp.partition, None)

    async def run(self, stream: Stream[Any]) -> None:
        """The agent: keep each chunk until the next commit.

        That makes rows of all at once, in a thread: a fifth of the work of making those of a few scores as they come.
        """
        async for event in stream.noack().events():
            while self.pending_bytes() > PENDING_BYTES:
                await asyncio.sleep(_WAIT_S)
            self._waiting.setdefault(event.message.partition, Scores()).add(event)

    def pending_bytes(self) -> int:
        """Size of the scores that are not in the lake yet."""
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
            try:
                await asyncio.to_thread(self._write, dict(self._taken))
            except BaseException:
                self._keep()
                raise
            taken, self._taken, self._sure = self._taken, {}, True
            for waiting in taken.values():
                for event in waiting.events:
                    event.ack()

    def _write(self, taken: Mapping[int, Scores]) -> None:
        tables = [table for partition, scores in taken.items() for table in scores.rows(partition)]
        rows = pa.concat_tables([SCORES_SCHEMA.empty_table(), *tables])
        self._lake.write_scores(rows, {partition: scores.through for partition, scores in taken.items()})

    def _keep(self) -> None:
        """What was taken waits again, before what came meanwhile."""
        for partition, since in self._waiting.items():
            self._taken[partition] = self._taken.get(partition, Scores()).and_then(since)
        self._waiting, self._taken = self._taken, {}
