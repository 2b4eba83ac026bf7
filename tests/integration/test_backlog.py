"""A backlog on a real Kafka, read by a peer: what is filled in is what the peers count."""

import asyncio
from pathlib import Path

import pytest
from aiokafka import ConsumerRecord, TopicPartition

from benchmarks.harness import BenchmarkFailed
from benchmarks.peers.backlog import Backlog
from benchmarks.peers.bench import Bench
from benchmarks.support.reports import Shape
from benchmarks.support.topics import PARTITIONS, TOPIC
from infra.kafka.server import KafkaServer
from tests.support.kafka_clients import consumer, fetch

NOW_S = 1_770_000_000.0


async def everything(broker: str, count: int) -> list[ConsumerRecord]:
    async with consumer(broker) as client:
        client.assign([TopicPartition(TOPIC, number) for number in range(PARTITIONS)])
        await client.seek_to_beginning()
        return await fetch(client, count)


@pytest.mark.usefixtures("kafka_runnable")
def test_a_peer_counts_the_backlog_and_another_number_is_no_result(tmp_path: Path) -> None:
    backlog = Backlog(Shape("hot", hot=0.5, hot_keyed=False), 10_000, NOW_S)
    with KafkaServer(tmp_path / "kafka") as kafka:
        bench = Bench(tmp_path, kafka)
        bench.fill(backlog)
        found = asyncio.run(everything(kafka.address, 10_000))
        sent = list(backlog.json_messages())
        assert {record.partition for record in found} == set(range(PARTITIONS))
        assert sorted(record.value for record in found) == sorted(value for _, _, value in sent)
        keyed = {(record.partition, record.value) for record in found if record.key is not None}
        assert keyed == {(partition, value) for partition, key, value in sent if key is not None}
        assert bench.peer("aiokafka_json", backlog).reports == 10_000
        with pytest.raises(BenchmarkFailed, match="must hold"):
            bench.peer("aiokafka_json", backlog, 9_999)
