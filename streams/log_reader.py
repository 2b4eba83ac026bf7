"""Runs of records of a topic's partitions, read outside of any group."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from streams.chunks import FETCH_WAIT_MS

__all__ = ["read_logs"]


async def read_logs(
    brokers: Sequence[str], topic: str, ranges: Mapping[int, tuple[int, int]], idle_s: float = 10.0
) -> AsyncIterator[tuple[int, list[ConsumerRecord]]]:
    """Records of each partition from its first offset up to but without its end: (partition, a run of them), in order.

    Raises
    ------
    TimeoutError
        When the broker did not answer, or nothing came, for ``idle_s`` before all ends.
    """
    left = {TopicPartition(topic, partition): end for partition, (first, end) in ranges.items() if first < end}
    if not left:
        return
    client = AIOKafkaConsumer(
        bootstrap_servers=list(brokers),
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=FETCH_WAIT_MS,
    )
    await asyncio.wait_for(client.start(), idle_s)
    try:
        client.assign(list(left))
        for place in left:
            client.seek(place, ranges[place.partition][0])
        while left:
            before = {place: await client.position(place) for place in left}
            runs = await client.getmany(*left, timeout_ms=int(1_000 * idle_s))
            for place, run in runs.items():
                yield place.partition, [record for record in run if record.offset < left[place]]
            after = {place: await client.position(place) for place in left}
            if after == before:
                told = ", ".join(f"{place.partition} from {before[place]} to {end}" for place, end in left.items())
                raise TimeoutError(
                    f"{topic} must be read in partitions {told}; nothing came for {idle_s:g} s; it is tried again"
                )
            for place in [place for place, end in left.items() if after[place] >= end]:
                del left[place]
                client.pause(place)
    finally:
        await asyncio.wait_for(client.stop(), idle_s)
