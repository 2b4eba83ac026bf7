"""What peers that use aiokafka alone share: partitions read from their start to their end, and the time that took."""

import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.support.topics import TOPIC

__all__ = ["Took", "read_to_end"]


class Took(NamedTuple):
    """From the first records fetched to the last ones used, seconds."""

    started_s: float
    """Monotonic, as ``ended_s``."""
    ended_s: float
    cpu_s: float


async def read_to_end(
    broker: str, partitions: Iterable[int], use: Callable[[list[Any]], None], most: int | None = None
) -> Took:
    """Let ``use`` have the backlog of some partitions, as fetched of one at a time; ``most`` bounds what is taken."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=broker, group_id=None, auto_offset_reset="earliest", max_partition_fetch_bytes=8 << 20
    )
    await consumer.start()
    try:
        own = [TopicPartition(TOPIC, number) for number in partitions]
        left = {tp: end for tp, end in (await consumer.end_offsets(own)).items() if end}
        consumer.assign(own)
        started: tuple[float, float] | None = None
        while left:
            for tp, run in (await consumer.getmany(timeout_ms=1_000, max_records=most)).items():
                started = started or (time.monotonic(), time.process_time())
                use(run)
                if run[-1].offset + 1 >= left[tp]:
                    del left[tp]
        assert started is not None
        return Took(started[0], time.monotonic(), time.process_time() - started[1])
    finally:
        await consumer.stop()
