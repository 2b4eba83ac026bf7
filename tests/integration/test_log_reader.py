"""A table's own reading of its changelog, against both brokers."""

import asyncio

import pytest

from streams.log_reader import read_logs
from tests.support.kafka_clients import create_topic, producer, unique_name


async def read(broker: str, topic: str, ranges: dict[int, tuple[int, int]]) -> dict[int, list[bytes | None]]:
    found: dict[int, list[bytes | None]] = {}
    async for partition, run in read_logs([broker], topic, ranges, idle_s=1.0):
        found.setdefault(partition, []).extend(record.value for record in run)
    return found


async def write(broker: str, topic: str, each: int) -> None:
    await create_topic(broker, topic, partitions=3)
    async with producer(broker) as client:
        for number in range(each):
            for partition in range(3):
                await client.send_and_wait(topic, value=b"%d/%d" % (partition, number), partition=partition)


@pytest.mark.parametrize("broker", ["embedded_broker", "kafka_broker"])
def test_each_partition_is_read_from_its_first_offset_up_to_its_end(
    broker: str, request: pytest.FixtureRequest
) -> None:
    address, topic = request.getfixturevalue(broker), unique_name(request.node.name)
    asyncio.run(write(address, topic, 20))
    found = asyncio.run(read(address, topic, {0: (0, 20), 1: (7, 12), 2: (5, 5)}))
    assert asyncio.run(read(address, topic, {1: (5, 5), 2: (9, 5)})) == {}, "nothing is asked for"
    assert found == {0: [b"0/%d" % n for n in range(20)], 1: [b"1/%d" % n for n in range(7, 12)]}


@pytest.mark.parametrize("broker", ["embedded_broker", "kafka_broker"])
def test_an_end_that_nothing_reaches_is_told_with_the_place(broker: str, request: pytest.FixtureRequest) -> None:
    address, topic = request.getfixturevalue(broker), unique_name(request.node.name)
    asyncio.run(write(address, topic, 2))
    with pytest.raises(TimeoutError, match=r"must be read in partitions 1 from 2 to 9; nothing came for 1 s"):
        asyncio.run(read(address, topic, {0: (0, 2), 1: (0, 9)}))
