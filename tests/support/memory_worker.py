"""The worker's surroundings in memory: a table with its changelog, topics as lists, events that count their acks."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from faust import Stream
from faust.types import TopicT

from streams.fencing import NotMember
from streams.id_codec import is_of_ids
from streams.settings import WorkerSettings
from streams.steps.duplicates import Seen
from streams.tables import BookTable

__all__ = ["Chunks", "Event", "MemoryTable", "MemoryTopic", "NotServed", "settings"]


_TERMS: Final = count(1)


class NotServed(Exception):
    """What a broker does not take."""


class MemoryTable:
    """What ``load_book`` and ``flush_book`` use of a table, over a changelog that a test can cut anywhere.

    ``log`` is the changelog as a broker would hold it: a new table of a prefix of it is what a worker that crashed
    reads back.
    """

    def __init__(self, log: Sequence[tuple[bytes, bytes | None]] = (), takes: int | None = None) -> None:
        self.log = list(log)
        self.takes = takes
        """Writes that are still taken; ``None``: all."""
        self.misses = 0
        """Writes that are refused first, as while membership is unsure for a moment."""
        self.disturbed = self._healed = 0
        self.foreign: set[int] = set()
        """Partitions that this worker does not own, or not yet."""
        self.refusal: ValueError | None = None
        self.seen: dict[int, Seen] = {}
        self._term = next(_TERMS)
        self.data: dict[bytes, bytes] = {}
        for key, value in self.log:
            self._set(key, value)

    def _set(self, key: bytes, value: bytes | None) -> None:
        if value is None:
            self.data.pop(key, None)
        else:
            self.data[key] = value

    def write(self, key: bytes, value: bytes | None) -> "asyncio.Future[Any]":
        """As ``BookTable.write``; fails once ``takes`` writes were taken."""
        if not is_of_ids(key):
            self._set(key, value)
        sent: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self.takes == 0 or self.misses:
            self.misses = max(0, self.misses - 1)
            sent.set_exception(NotServed(key))
        else:
            self.takes = None if self.takes is None else self.takes - 1
            self.log.append((key, value))
            sent.set_result(None)
        return sent

    def disturbances(self, partition: int) -> int:
        """As ``BookTable.disturbances``; a test may say that others wrote, too."""
        return self.disturbed

    def is_whole(self, partition: int) -> bool:
        """As ``BookTable.is_whole``."""
        return self.disturbed <= self._healed

    def healed(self, partition: int, disturbances: int) -> None:
        """As ``BookTable.healed``."""
        self._healed = disturbances

    def accepts(self, message: Any) -> bool:
        """As ``BookTable.accepts``."""
        return self.owns(message.partition)

    def owns(self, partition: int) -> bool:
        """As ``BookTable.owns``; a test may say that the partition is another's."""
        return partition not in self.foreign

    def term(self, partition: int) -> int:
        """As ``BookTable.term``: no two tables write in the same."""
        if partition in self.foreign:
            raise NotMember(float("inf"), 60.0)
        return self._term

    @property
    def as_table(self) -> BookTable:
        """Itself, by the type that the functions under test ask for."""
        table: Any = self
        typed: BookTable = table
        return typed


@dataclass(frozen=True)
class Sent:
    """A message in a ``MemoryTopic``."""

    value: bytes
    key: bytes | None = None
    partition: int | None = None
    headers: Sequence[tuple[str, bytes]] = ()
    offset: int = -1
    timestamp: int = 0


@dataclass
class MemoryTopic:
    """A topic of the producing side: what was sent, in order."""

    messages: list[Sent] = field(default_factory=list)
    refuses: int = 0
    """Messages that the broker will not take: their futures fail."""
    breaks_after: int | None = None
    """Messages after which ``send`` itself fails, as a producer without its broker does; ``None``: never."""

    async def send(
        self,
        *,
        value: bytes,
        key: bytes | None = None,
        partition: int | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
    ) -> "asyncio.Future[Any]":
        """As Faust's: comes back with a future that is done when the broker has the message."""
        if self.breaks_after == len(self.messages):
            raise NotServed(value[:20])
        sent: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self.refuses:
            self.refuses -= 1
            sent.set_exception(NotServed(value[:20]))
        else:
            self.messages.append(Sent(value, key, partition, headers, len(self.messages)))
            sent.set_result(None)
        return sent

    @property
    def as_topic(self) -> TopicT:
        """Itself, by the type that the loops ask for."""
        topic: Any = self
        typed: TopicT = topic
        return typed


@dataclass(slots=True)
class _Place:
    topic: str
    partition: int
    offset: int
    value: Any


class Event:
    """A chunk as the loops see it."""

    def __init__(self, topic: str, partition: int, run: Sequence[Any]) -> None:
        self.message = _Place(topic, partition, run[-1].offset, run)
        self.value: list[Any] | None = list(run)
        self.acks = 0

    def ack(self) -> None:
        """Count it."""
        self.acks += 1


class Chunks:
    """A stream of events that ends, as ``stream.noack().events()``."""

    def __init__(self, *events: Event) -> None:
        self._events = events

    def noack(self) -> "Chunks":
        """Itself: nothing is acknowledged unasked."""
        return self

    async def events(self) -> AsyncIterator[Event]:
        """The events, in order."""
        for event in self._events:
            yield event

    @property
    def as_stream(self) -> Stream[Any]:
        """Itself, by the type that the loops ask for."""
        stream: Any = self
        typed: Stream[Any] = stream
        return typed


def settings(**values: Any) -> WorkerSettings:
    """Settings of a worker with these values, whatever the environment says."""
    return WorkerSettings.model_construct(**values)
