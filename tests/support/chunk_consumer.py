"""The consumer of a worker that was never started."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from faust.types import TP

from streams.app import Parts, build_app
from streams.chunks import ChunkConsumer
from tests.support.lake_maker import Message
from tests.support.memory_worker import settings

__all__ = ["REPORTS", "consumer_of", "play_with_consumer", "record_at", "worker"]

REPORTS = TP("trust.reports", 0)


@contextmanager
def worker(lake: str = "", **values: Any) -> Iterator[Parts]:
    """A worker that was never started: its book-keeping needs no broker."""
    parts = build_app(settings(lake=lake, **values))
    yield parts
    thread: Any = consumer_of(parts)._thread
    thread.thread_loop.close()  # a started one closes it itself


def consumer_of(parts: Parts) -> ChunkConsumer:
    consumer = parts.app.consumer
    assert isinstance(consumer, ChunkConsumer)
    return consumer


def play_with_consumer(play: Callable[[ChunkConsumer], Awaitable[None]]) -> None:
    """Play a story with the consumer of a worker."""

    async def story() -> None:
        with worker() as parts:
            await play(consumer_of(parts))

    asyncio.run(story())


class Record(Message):
    topic = "trust.reports"
    partition = 0
    timestamp_type = 0


def record_at(offset: int) -> Record:
    return Record(offset, 1_000 + offset, b"{}")
