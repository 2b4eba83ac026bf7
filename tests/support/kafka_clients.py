"""aiokafka in a few words, for tests: topics made, messages in, messages out."""

import itertools
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

__all__ = ["admin", "consumer", "create_topic", "fetch", "fetch_partition", "offsets_of", "producer", "unique_name"]

_numbers = itertools.count(1)


def unique_name(test: str) -> str:
    """A topic or group name that no other test of this run uses."""
    return f"{re.sub(r'[^a-z0-9]+', '-', test.lower()).strip('-')[:80]}-{next(_numbers)}"


@asynccontextmanager
async def admin(broker: str) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client, closed afterwards."""
    client = AIOKafkaAdminClient(bootstrap_servers=broker)
    try:
        await client.start()
        yield client
    finally:
        await client.close()


@asynccontextmanager
async def producer(broker: str, **options: object) -> AsyncIterator[AIOKafkaProducer]:
    """A producer, flushed and stopped afterwards."""
    client = AIOKafkaProducer(bootstrap_servers=broker, **options)
    try:
        await client.start()
        yield client
    finally:
        await client.stop()


@asynccontextmanager
async def consumer(
    broker: str, *topics: str, group: str | None = None, **options: object
) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer from the beginning that commits only when told, stopped afterwards."""
    # The embedded broker makes the first member of a group wait for half its session timeout.
    client = AIOKafkaConsumer(
        *topics,
        bootstrap_servers=broker,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=6_000,
        heartbeat_interval_ms=500,
        **options,
    )
    try:
        await client.start()
        yield client
    finally:
        await client.stop()


async def create_topic(broker: str, name: str, partitions: int = 1, **configs: str) -> str:
    """Name of a new topic; ``cleanup_policy="compact"`` sets ``cleanup.policy``."""
    topic = NewTopic(
        name, partitions, 1, topic_configs={key.replace("_", "."): value for key, value in configs.items()}
    )
    async with admin(broker) as client:
        answer = await client.create_topics([topic])
    errors = [error for _, error, *_ in answer.topic_errors]
    assert errors == [0], answer
    return name


async def fetch(client: AIOKafkaConsumer, count: int) -> list[ConsumerRecord]:
    """The next ``count`` records, in order within each partition; pytest's timeout ends a wait for what never comes."""
    records: list[ConsumerRecord] = []
    while len(records) < count:
        for fetched in (await client.getmany(timeout_ms=500, max_records=count - len(records))).values():
            records.extend(fetched)
    return records


async def fetch_partition(broker: str, topic: str, partition: int, count: int) -> list[ConsumerRecord]:
    """The first ``count`` records of one partition."""
    async with consumer(broker) as client:
        client.assign([TopicPartition(topic, partition)])
        await client.seek_to_beginning()
        return await fetch(client, count)


def offsets_of(records: Iterable[ConsumerRecord]) -> list[int]:
    """Offsets in the order they came."""
    return [record.offset for record in records]
