"""Where the time of a report goes: its way through the topics, read from Kafka when the run is over.

Every stage stamps its message: the broker a report (append time), the worker panes and scores (sending time).
"""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from numpy.typing import NDArray

from benchmarks.support.topics import PARTITIONS, TOPIC
from scoring.records import ScoreRecord
from streams.codec import decode_updates
from streams.steps.updates import row_name

__all__ = ["Trail", "delays_ms", "trail_of"]

SCORES: Final = "trust.scores"
PANES: Final = "trust.panes"
_MOST: Final = 20_000
_IDLE_MS: Final = 2_000
_SCORE: Final = msgspec.json.Decoder(ScoreRecord)


@dataclass(slots=True)
class Trail:
    """What the topics hold of one provider: moments in epoch milliseconds, offsets of its reports' partition."""

    offsets: list[int] = field(default_factory=list)
    appended_ms: list[int] = field(default_factory=list)
    """Of each report."""
    panes: list[tuple[int, int]] = field(default_factory=list)
    """Offset that panes hold, and when they were sent."""
    scores: list[tuple[int, int]] = field(default_factory=list)
    """Offset that the score counts, and when it was sent."""


def delays_ms(reached: Iterable[tuple[int, int]], offsets: Iterable[int], since_ms: Iterable[int]) -> list[float]:
    """Milliseconds until a stage first held each offset; reports that it never held are left out.

    >>> delays_ms([(4, 100), (9, 300)], [3, 5, 10], [50, 60, 70])
    [50.0, 240.0]
    """
    known = sorted(reached, key=lambda stage: stage[1])
    held: NDArray[np.int64] = np.maximum.accumulate(np.array([offset for offset, _ in known] or [-1], np.int64))
    found = []
    for offset, since in zip(offsets, since_ms, strict=True):
        place = int(np.searchsorted(held, offset))
        if place < len(known):
            found.append(float(known[place][1] - since))
    return found


async def trail_of(broker: str, partition_of: Mapping[str, int]) -> dict[str, Trail]:
    """The trails of some providers, each keyed to one partition of ``trust.reports``."""
    trails = {provider: Trail() for provider in partition_of}
    keys = {provider.encode(): trail for provider, trail in trails.items()}
    async for record in _records(broker, TOPIC):
        if record.key in keys:
            keys[record.key].offsets.append(record.offset)
            keys[record.key].appended_ms.append(record.timestamp)
    rows = {row_name(partition, provider): provider for provider, partition in partition_of.items()}
    async for record in _records(broker, PANES):
        updates = decode_updates(record.value)
        for number, name in enumerate(updates.names):
            if name in rows:
                offset = int(updates.last_offset[updates.entity == number].max())
                trails[rows[name]].panes.append((offset, record.timestamp))
    async for record in _records(broker, SCORES):
        if record.key in keys and record.value:
            through = _SCORE.decode(record.value).through
            partition = partition_of[record.key.decode()]
            keys[record.key].scores.append((through.get(partition, -1), record.timestamp))
    return trails


async def _records(broker: str, topic: str) -> AsyncIterator[ConsumerRecord]:
    consumer = AIOKafkaConsumer(bootstrap_servers=broker, auto_offset_reset="earliest", enable_auto_commit=False)
    await consumer.start()
    try:
        places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        while any([await consumer.position(place) < ends[place] for place in places]):
            for run in (await consumer.getmany(timeout_ms=_IDLE_MS, max_records=_MOST)).values():
                for record in run:
                    yield record
    finally:
        await consumer.stop()
