"""What peers that use aiokafka alone share: partitions read from their start to their end."""

from collections.abc import AsyncIterator, Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.support.topics import TOPIC

__all__ = ["read_to_end"]


async def read_to_end(broker: str, partitions: Iterable[int], most: int | None = None) -> AsyncIterator[list[Any]]:
    """Records of the backlog, as fetched of a partition at a time, not more than ``most``; all that stand there now."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=broker, group_id=None, auto_offset_reset="earliest", max_partition_fetch_bytes=8 << 20
    )
    await consumer.start()
    try:
        own = [TopicPartition(TOPIC, number) for number in partitions]
        left = {tp: end for tp, end in (await consumer.end_offsets(own)).items() if end}
        consumer.assign(own)
        while left:
            for tp, run in (await consumer.getmany(timeout_ms=1_000, max_records=most)).items():
                yield run
                if run[-1].offset + 1 >= left.get(tp, 0):
                    left.pop(tp, None)
    finally:
        await consumer.stop()
