import asyncio
from types import SimpleNamespace
from typing import Any, ClassVar, Self

import pytest
from aiokafka import TopicPartition

from benchmarks.harness import BenchmarkFailed
from benchmarks.support import commits
from benchmarks.support.commits import all_committed


class Broker:
    """Both clients of a broker whose group commits a message more with every look, up to a bound."""

    ENDS: ClassVar = {"first": [3, 0], "second": [2, 1]}

    def __init__(self, most: int) -> None:
        self.most, self.committed, self.looks = most, 0, list[str]()

    def __call__(self, bootstrap_servers: str) -> Self:
        return self

    async def start(self) -> None: ...

    stop = close = start

    async def describe_topics(self, topics: list[str]) -> list[Any]:
        return [{"partitions": [{"partition": number} for number in range(len(self.ENDS[topics[0]]))]}]

    async def end_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        self.looks.append(places[0].topic)
        return {place: self.ENDS[place.topic][place.partition] for place in places}

    async def list_consumer_group_offsets(self, group: str) -> dict[TopicPartition, Any]:
        self.committed = min(self.committed + 1, self.most)
        first = {TopicPartition("first", 0): SimpleNamespace(offset=self.committed)}
        if self.committed < 3:
            return first  # of partitions of which nothing was committed a broker says nothing
        return first | {TopicPartition("second", number): SimpleNamespace(offset=2) for number in range(2)}


def waited(broker: Broker, monkeypatch: pytest.MonkeyPatch, within_s: float) -> float:
    for name in ("AIOKafkaAdminClient", "AIOKafkaConsumer"):
        monkeypatch.setattr(commits, name, broker)
    monkeypatch.setattr(commits, "LOOK_S", 0.001)
    return asyncio.run(all_committed("broker", "group", ("first", "second"), within_s))


def test_each_topic_is_waited_for_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Broker(most=3)
    assert waited(broker, monkeypatch, 10.0) > 0
    assert broker.looks == ["first", "first", "first", "second"]


def test_a_group_that_does_not_come_to_the_end_is_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        BenchmarkFailed, match=r"group must commit first to its end in 0.02 s; it lacks .*partition=0.*3"
    ):
        waited(Broker(most=2), monkeypatch, 0.02)
