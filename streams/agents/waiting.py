"""What a loop holds of a partition: its state, and what was read and is not yet acknowledged."""

import asyncio
from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import pyarrow as pa
from faust.types import EventT

from streams.steps.fold import FoldState
from streams.steps.score import ScoreState
from streams.wire import Reject

__all__ = ["Partition", "Waiting", "all_of", "take_run"]

S = TypeVar("S", FoldState, ScoreState)


@dataclass(slots=True)
class Waiting:
    """What a partition has read and not yet acknowledged."""

    events: list[EventT[Any]] = field(default_factory=list)
    tables: list[pa.Table] = field(default_factory=list)
    size: int = 0
    """Bytes of the tables, where they are counted, and of the rejects."""
    rejects: list[Reject] = field(default_factory=list)
    first_ms: int | None = None
    """When the broker took the first record of all these."""
    reports: int = 0

    def and_then(self, since: "Waiting") -> "Waiting":
        """This, and what was read behind it."""
        first_ms = since.first_ms if self.first_ms is None else self.first_ms
        return Waiting(
            events=self.events + since.events,
            tables=self.tables + since.tables,
            size=self.size + since.size,
            rejects=self.rejects + since.rejects,
            first_ms=first_ms,
            reports=self.reports + since.reports,
        )

    @property
    def rows(self) -> int:
        """Reports held for the lake."""
        return sum(len(table) for table in self.tables)

    @property
    def through(self) -> int:
        """Last offset read."""
        return int(self.events[-1].message.offset)


@dataclass(slots=True)
class Partition(Generic[S]):
    """State of one partition that this worker holds."""

    state: S
    waiting: Waiting = field(default_factory=Waiting)


def take_run(event: EventT[Any]) -> Sequence[Any]:
    """The records that a chunk carries as its value (``streams.chunks``), let go of by the event.

    An event waits for its acknowledgement until the next commit; with its records it would hold 400 MB under load.
    """
    run: Sequence[Any] = event.value
    event.value = None
    event.message.value = None
    return run


async def all_of(acts: Iterable[Awaitable[Any]]) -> None:
    """Do all at once, and raise the first error when all have ended: none goes on while it is tried again."""
    for outcome in await asyncio.gather(*acts, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
