"""Chunks of a partition, decoded in order; many in a thread, while the loop folds what was decoded before."""

import asyncio
from typing import Any, Final, NamedTuple

import numpy as np
from faust.types import EventT

from streams.agents.waiting import take_run
from streams.json_wire import JsonReader
from streams.records import Run, joined, run_of
from streams.wire import Batch, decode

__all__ = ["MANY", "ChunkReader", "Decoded"]

MANY: Final = 5_000
"""Reports from which on a thread decodes them: it takes some milliseconds, most of them without Python's lock."""
MANY_BYTES: Final = 1 << 20
"""The same of what holds them, which may be few records of many reports."""
RECENT: Final = 100
"""Records by which it is judged how many reports one holds."""


class Chunk(NamedTuple):
    """What came with one event, and the bytes of it."""

    event: EventT[Any]
    run: Run
    size: int


class Decoded(NamedTuple):
    """Chunks that followed one another, as one batch."""

    events: list[EventT[Any]]
    run: Run
    batch: Batch


class ChunkReader:
    """What came of one partition and is not taken in yet.

    Small chunks are gathered and decoded as one: it costs 2 ms a time. What is returned must be taken in before the
    next await, so that all is in its order.
    """

    def __init__(self, partition: int) -> None:
        self._partition, self._json = partition, JsonReader()
        self.a_record = 1.0
        """Reports that a record held of late: one in JSON, many in Arrow."""
        self._unread: list[Chunk] = []
        self._begun: asyncio.Task[Decoded] | None = None
        self._turn = asyncio.Lock()

    def add(self, event: EventT[Any]) -> None:
        """A chunk, behind all others."""
        run = run_of(take_run(event))
        self._unread.append(Chunk(event, run, _bytes_of(run)))

    @property
    def unread(self) -> int:
        """Records of which nobody has begun to decode any."""
        return sum(len(chunk.run) for chunk in self._unread)

    @property
    def unread_bytes(self) -> int:
        """What these hold."""
        return sum(chunk.size for chunk in self._unread)

    async def begin(self) -> list[Decoded]:
        """What was begun before, decoded; of what came since the decoding begins, or where it is little is done."""
        async with self._turn:
            before = await self._ended()
            if self.unread < MANY and self.unread_bytes < MANY_BYTES:
                return [*before, await self._decoded(self._taken())]
            self._begun = asyncio.create_task(self._decoded(self._taken()))
            await asyncio.sleep(0)  # it begins now, not once the caller has taken in what was decoded before
            return before

    async def all(self) -> list[Decoded]:
        """All that came, decoded."""
        async with self._turn:
            before = await self._ended()
            return [*before, await self._decoded(self._taken())] if self._unread else before

    async def _ended(self) -> list[Decoded]:
        begun = self._begun
        if begun is None:
            return []
        try:
            return [await begun]
        finally:
            self._begun = None

    def _taken(self) -> list[Chunk]:
        taken, self._unread = self._unread, []
        return taken

    async def _decoded(self, unread: list[Chunk]) -> Decoded:
        run, size = joined(chunk.run for chunk in unread), sum(chunk.size for chunk in unread)
        try:
            if len(run) < MANY and size < MANY_BYTES:  # sooner done than a thread gets Python's lock again
                batch = decode(run, self._partition, self._json)
            else:
                batch = await asyncio.to_thread(decode, run, self._partition, self._json)
        except BaseException:  # nothing is lost: the next one to ask decodes it
            self._unread = [*unread, *self._unread]
            raise
        held = max(1.0, len(batch.table) / max(1, batch.records))
        self.a_record += min(1.0, batch.records / RECENT) * (held - self.a_record)
        return Decoded([chunk.event for chunk in unread], run, batch)


def _bytes_of(run: Run) -> int:
    return int(np.maximum(run.values.length, 0).sum())
