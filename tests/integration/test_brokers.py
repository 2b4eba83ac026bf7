"""What TrustScore needs of a broker, asked of the embedded one and of Apache Kafka alike."""

import asyncio

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import NewTopic
from aiokafka.errors import for_code

from tests.support.kafka_clients import (
    admin,
    consumer,
    create_topic,
    fetch,
    fetch_partition,
    offsets_of,
    producer,
    unique_name,
)


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    return unique_name(request.node.name)


def test_a_created_topic_has_its_partitions(broker: str, name: str) -> None:
    async def partitions() -> list[int]:
        await create_topic(broker, name, partitions=4)
        async with admin(broker) as client:
            (topic,) = await client.describe_topics([name])
        return sorted(partition["partition"] for partition in topic["partitions"] if partition["leader"] >= 0)

    assert asyncio.run(partitions()) == [0, 1, 2, 3]


def test_creating_a_topic_twice_is_answered_with_already_exists(broker: str, name: str) -> None:
    async def second_answer() -> str:
        await create_topic(broker, name)
        async with admin(broker) as client:
            answer = await client.create_topics([NewTopic(name, 1, 1)])
        return str(for_code(answer.topic_errors[0][1]).__name__)

    assert asyncio.run(second_answer()) == "TopicAlreadyExistsError"


def test_a_compacted_topic_is_accepted_and_serves_the_last_value_of_a_key(broker: str, name: str) -> None:
    async def values() -> list[bytes]:
        await create_topic(broker, name, cleanup_policy="compact")
        async with producer(broker) as client:
            for value in (b"first", b"last"):
                await client.send_and_wait(name, value=value, key=b"provider")
        return [record.value for record in await fetch_partition(broker, name, 0, 2)]

    assert asyncio.run(values())[-1] == b"last"


def test_a_record_comes_back_with_key_headers_timestamp_and_bytes(broker: str, name: str) -> None:
    async def first() -> tuple[object, ...]:
        await create_topic(broker, name)
        async with producer(broker) as client:
            headers = [("content-type", b"application/json"), ("h.content-type", b"\xff\x00")]
            await client.send_and_wait(
                name, value=b"\x00\xfe", key=b"k", headers=headers, timestamp_ms=1_700_000_000_123
            )
        (record,) = await fetch_partition(broker, name, 0, 1)
        return record.key, record.value, record.headers, record.timestamp

    wanted = (("content-type", b"application/json"), ("h.content-type", b"\xff\x00"))
    assert asyncio.run(first()) == (b"k", b"\x00\xfe", wanted, 1_700_000_000_123)


def test_a_tombstone_comes_back_as_none(broker: str, name: str) -> None:
    async def value() -> bytes | None:
        await create_topic(broker, name, cleanup_policy="compact")
        async with producer(broker) as client:
            await client.send_and_wait(name, value=None, key=b"k")
        (record,) = await fetch_partition(broker, name, 0, 1)
        found: bytes | None = record.value
        return found

    assert asyncio.run(value()) is None


@pytest.mark.parametrize("compression", [None, "gzip", "snappy", "lz4", "zstd"])
def test_a_batch_keeps_its_order_under_every_compression(broker: str, name: str, compression: str | None) -> None:
    async def received() -> list[bytes]:
        await create_topic(broker, name)
        async with producer(broker, compression_type=compression, linger_ms=20) as client:
            for number in range(200):
                await client.send(name, value=b"%d" % number, partition=0)
        records = await fetch_partition(broker, name, 0, 200)
        assert offsets_of(records) == list(range(200))
        return [record.value for record in records]

    assert asyncio.run(received()) == [b"%d" % number for number in range(200)]


def test_a_group_goes_on_behind_what_it_committed(broker: str, name: str) -> None:
    async def second_run() -> list[int]:
        await create_topic(broker, name)
        async with producer(broker) as client:
            for number in range(6):
                await client.send_and_wait(name, value=b"%d" % number)
        async with consumer(broker, name, group=name) as client:
            await fetch(client, 4)
            await client.commit({TopicPartition(name, 0): 4})
        async with consumer(broker, name, group=name) as client:
            return offsets_of(await fetch(client, 2))

    assert asyncio.run(second_run()) == [4, 5]


def test_two_members_of_a_group_share_the_partitions(broker: str, name: str) -> None:
    async def shares() -> list[set[int]]:
        await create_topic(broker, name, partitions=4)
        async with consumer(broker, name, group=name) as first, consumer(broker, name, group=name) as second:
            members = (first, second)
            while sorted(len(member.assignment()) for member in members) != [2, 2]:
                await asyncio.gather(*(member.getmany(timeout_ms=100) for member in members))
            return [{partition.partition for partition in member.assignment()} for member in members]

    one, other = asyncio.run(shares())
    assert one | other == {0, 1, 2, 3}


def test_the_partitions_of_a_member_that_left_go_to_the_other(broker: str, name: str) -> None:
    async def left() -> set[int]:
        await create_topic(broker, name, partitions=2)
        async with consumer(broker, name, group=name) as stays:
            async with consumer(broker, name, group=name) as leaves:
                while not (stays.assignment() and leaves.assignment()):
                    await asyncio.gather(*(member.getmany(timeout_ms=100) for member in (stays, leaves)))
            while len(stays.assignment()) < 2:
                await stays.getmany(timeout_ms=100)
            return {partition.partition for partition in stays.assignment()}

    assert asyncio.run(left()) == {0, 1}


def test_the_end_offset_counts_single_record_batches(broker: str, name: str) -> None:
    """The flush marker of the changelog relies on it: a batch of one record shows in the end offset on both brokers."""

    async def end() -> int:
        await create_topic(broker, name)
        async with producer(broker) as client:
            for _ in range(3):
                await client.send_and_wait(name, value=b"x")
        async with consumer(broker) as client:
            ends: dict[TopicPartition, int] = await client.end_offsets([TopicPartition(name, 0)])
        return ends[TopicPartition(name, 0)]

    assert asyncio.run(end()) == 3
