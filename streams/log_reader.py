"""A run of records of one partition, read outside of any group."""

from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

__all__ = ["read_log"]


async def read_log(
    brokers: Sequence[str], topic: str, partition: int, first: int, end: int, idle_s: float = 10.0
) -> list[ConsumerRecord]:
    """Records from ``first`` up to but without ``end``, in order.

    Raises
    ------
    TimeoutError
        When nothing came for ``idle_s`` before ``end``.
    """
    client = AIOKafkaConsumer(
        bootstrap_servers=list(brokers), enable_auto_commit=False, auto_offset_reset="earliest", fetch_max_wait_ms=200
    )
    await client.start()
    try:
        place = TopicPartition(topic, partition)
        client.assign([place])
        client.seek(place, first)
        records: list[ConsumerRecord] = []
        while await client.position(place) < end:
            before = await client.position(place)
            run = (await client.getmany(place, timeout_ms=int(1_000 * idle_s))).get(place, [])
            records += [record for record in run if record.offset < end]
            if await client.position(place) == before:
                raise TimeoutError(
                    f"{topic}-{partition} must be read from offset {first} to {end}; nothing came behind {before} for "
                    f"{idle_s:g} s; it is tried again"
                )
        return records
    finally:
        await client.stop()
