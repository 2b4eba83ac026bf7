"""What every consumer of this package needs: an end that ends, and words for what went wrong."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

__all__ = ["FETCH_WAIT_MS", "PATIENCE_S", "closed", "ended", "for_ever", "is_cancelled", "partitions_of", "words"]

PATIENCE_S: Final = 3.0
"""For an answer of the broker."""
FETCH_WAIT_MS: Final = 50
"""How long a broker may keep a fetch that finds nothing: a partition whose records had not been taken when it was sent
waits for it."""


async def for_ever(
    follow: Callable[[], Awaitable[None]],
    failed: Callable[[str, Exception | None], None],
    ended: Callable[[], None],
    rest_s: float,
) -> None:
    """Follow until cancelled: whatever ends it, the next connection may do better.

    Parameters
    ----------
    follow
        One connection, from its start to its end.
    failed
        Told what went wrong in words, and the error itself where it is none that a broker causes.
    ended
        Called after each connection, however it ended.
    rest_s
        Seconds between two connections.
    """
    while True:
        try:
            await follow()
        except asyncio.CancelledError:
            if is_cancelled():
                raise
        except Exception as error:  # noqa: BLE001  # who follows no more would not be missed until a restart
            failed(words(error), None if isinstance(error, KafkaError | OSError | TimeoutError) else error)
        ended()
        await asyncio.sleep(rest_s)


async def partitions_of(consumer: AIOKafkaConsumer, topics: Sequence[str]) -> list[TopicPartition]:
    """All partitions of topics that there are, in order.

    Asking for an offset is what makes the client learn of a topic's partitions.
    """
    await asyncio.wait_for(consumer.end_offsets([TopicPartition(name, 0) for name in topics]), PATIENCE_S)
    return [TopicPartition(name, at) for name in topics for at in sorted(consumer.partitions_for_topic(name))]


async def closed(consumer: AIOKafkaConsumer) -> None:
    """Stop a consumer whose broker may be gone.

    aiokafka 0.14 cancels its open fetches when it stops, lets their CancelledError out, and leaves its client open.
    """
    try:
        await consumer.stop()
    except asyncio.CancelledError:
        await consumer._client.close()
        if is_cancelled():
            raise


async def ended(*tasks: asyncio.Task[None]) -> None:
    """Cancel tasks, and return when all have ended; an error of one is raised.

    One cancellation is not always enough: aiokafka, asked while it connects, may take it for that of something it
    waited for, and goes on.
    """
    waiting = set(tasks)
    while waiting:
        for task in waiting:
            task.cancel()
        done, waiting = await asyncio.wait(waiting, timeout=PATIENCE_S)
        for task in done:
            if not task.cancelled():
                task.result()


def is_cancelled() -> bool:
    """Whether this task was cancelled, rather than something it waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def words(error: Exception) -> str:
    """What went wrong, for a log and an answer."""
    if isinstance(error, TimeoutError) and not str(error):
        return f"no answer within {PATIENCE_S:g} s"
    return str(error) if isinstance(error, KafkaError) else f"{type(error).__name__}: {error}"
