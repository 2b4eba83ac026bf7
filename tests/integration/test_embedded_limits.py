"""Limits of the embedded broker, pinned: when one fails, the broker got better and its workaround can go.

Each is asked of Apache Kafka too, so that the test shows the broker's limit and not its own.
"""

import asyncio

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.errors import KafkaConnectionError, UnknownError

from analytics.local.embedded_broker import EmbeddedBroker
from tests.support.kafka_clients import admin, consumer, create_topic, producer, unique_name

BATCH = 5


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return unique_name(request.node.name)


async def end_after_one_batch(broker: str, topic: str) -> int:
    await create_topic(broker, topic)
    partition = TopicPartition(topic, 0)
    async with producer(broker) as client:
        batch = client.create_batch()
        for _ in range(BATCH):
            batch.append(key=None, value=b"x", timestamp=None)
        batch.close()
        sent = await client.send_batch(batch, topic, partition=0)
        assert (await sent).offset == 0
    async with consumer(broker) as client:
        ends: dict[TopicPartition, int] = await client.end_offsets([partition])
    return ends[partition]


async def first_offset_after_delete_records(broker: str, topic: str) -> int:
    await create_topic(broker, topic)
    partition = TopicPartition(topic, 0)
    async with producer(broker) as client:
        for _ in range(3):
            await client.send_and_wait(topic, value=b"x", partition=0)
    async with admin(broker) as client:
        await client.delete_records({partition: RecordsToDelete(before_offset=2)})
    async with consumer(broker) as client:
        firsts: dict[TopicPartition, int] = await client.beginning_offsets([partition])
    return firsts[partition]


def test_the_embedded_end_offset_is_the_base_of_the_last_batch_plus_one(embedded_broker: str, name: str) -> None:
    assert asyncio.run(end_after_one_batch(embedded_broker, name)) == 1


def test_the_kafka_end_offset_counts_every_record(kafka_broker: str, name: str) -> None:
    assert asyncio.run(end_after_one_batch(kafka_broker, name)) == BATCH


def test_the_embedded_broker_closes_the_connection_on_delete_records(embedded_broker: str, name: str) -> None:
    with pytest.raises(KafkaConnectionError, match="closed"):
        asyncio.run(first_offset_after_delete_records(embedded_broker, name))


def test_kafka_deletes_records(kafka_broker: str, name: str) -> None:
    assert asyncio.run(first_offset_after_delete_records(kafka_broker, name)) == 2


async def offsets_of_idempotent_production(broker: str, topic: str) -> list[int]:
    await create_topic(broker, topic)
    async with producer(broker, enable_idempotence=True) as client:
        return [(await client.send_and_wait(topic, value=b"x")).offset for _ in range(3)]


def test_the_embedded_broker_refuses_an_idempotent_producer(embedded_broker: str, name: str) -> None:
    with pytest.raises(UnknownError):
        asyncio.run(offsets_of_idempotent_production(embedded_broker, name))


def test_kafka_accepts_an_idempotent_producer(kafka_broker: str, name: str) -> None:
    assert asyncio.run(offsets_of_idempotent_production(kafka_broker, name)) == [0, 1, 2]


def test_the_embedded_broker_grows_with_what_is_produced(name: str) -> None:
    produced_bytes = 32 * 1_048_576

    async def produce(broker: str) -> None:
        await create_topic(broker, name, retention_bytes="1000000", segment_bytes="1000000")
        async with producer(broker) as client:
            for _ in range(produced_bytes // 524_288):
                await client.send(name, value=bytes(524_288))

    with EmbeddedBroker() as broker:
        before = broker.memory_bytes()
        asyncio.run(produce(broker.address))
        after = broker.memory_bytes()
    assert before is not None
    assert after is not None
    assert after - before > produced_bytes / 2
