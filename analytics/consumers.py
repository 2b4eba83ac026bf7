"""What every consumer of this package needs: an end that ends, and words for what went wrong."""

import asyncio
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

__all__ = ["PATIENCE_S", "closed", "is_cancelled", "words"]

PATIENCE_S: Final = 3.0
"""For an answer of the broker."""


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


def is_cancelled() -> bool:
    """Whether this task was cancelled, rather than something it waited for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def words(error: Exception) -> str:
    """What went wrong, for a log and an answer."""
    if isinstance(error, TimeoutError) and not str(error):
        return f"no answer within {PATIENCE_S:g} s"
    return str(error) if isinstance(error, KafkaError) else f"{type(error).__name__}: {error}"
