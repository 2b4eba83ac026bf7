"""When a group has committed all there is: what it read is durable then, and what follows from it was sent on."""

import asyncio
import time
from collections.abc import Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from benchmarks.harness import BenchmarkFailed

__all__ = ["all_committed"]

LOOK_S: Final = 0.1


async def all_committed(broker: str, group: str, topics: Sequence[str], within_s: float) -> float:
    """Wait until ``group`` has committed the end of each topic, one topic after the other; when that was, monotonic.

    A topic that follows from another one belongs behind it.

    Raises
    ------
    BenchmarkFailed
        When it has not after ``within_s`` seconds.
    """
    admin, consumer = AIOKafkaAdminClient(bootstrap_servers=broker), AIOKafkaConsumer(bootstrap_servers=broker)
    deadline_s = time.monotonic() + within_s
    await admin.start()
    await consumer.start()
    try:
        for topic in topics:
            described = (await admin.describe_topics([topic]))[0]
            places = [TopicPartition(topic, one["partition"]) for one in described["partitions"]]
            while True:
                ends = await consumer.end_offsets(places)
                found = await admin.list_consumer_group_offsets(group)
                behind = {place: end for place, end in ends.items() if end and _offset(found, place) < end}
                if not behind:
                    break
                if time.monotonic() > deadline_s:
                    raise BenchmarkFailed(
                        f"{group} must commit {topic} to its end in {within_s:g} s; it lacks {behind}"
                    )
                await asyncio.sleep(LOOK_S)
    finally:
        await consumer.stop()
        await admin.close()
    return time.monotonic()


def _offset(found: dict[TopicPartition, object], place: TopicPartition) -> int:
    offset = getattr(found.get(place), "offset", -1)
    return int(offset)
