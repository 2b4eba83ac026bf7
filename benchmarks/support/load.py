"""Reports offered at a steady rate, as a fleet of agents offers them: now, keyed by provider, whatever the broker does.

``python -m benchmarks.support.load BROKER RATE SECONDS PROVIDERS`` prints
``{"acknowledged", "seconds", "latest_s", "cpu_s"}``: ``latest_s`` is the most that a slice was sent behind
its time. A report carries the moment it is made and an id of its own.
"""

import asyncio
import json
import sys
import time
import uuid
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import murmur2

from analytics.replay.wire import as_json
from benchmarks.support.reports import EVEN, Shape, reports
from benchmarks.support.topics import PARTITIONS, TOPIC

__all__ = ["Template", "offer", "partition_of", "templates"]

SLICE_S: Final = 0.02
"""Between two rounds of sending: the linger of the client library."""
POOL: Final = 20_000


class Template(NamedTuple):
    """A report without its time and id."""

    key: bytes
    partition: int
    head: bytes
    tail: bytes

    def value(self, now_s: float, report_id: str) -> bytes:
        """JSON of the report made at ``now_s``."""
        return b'%s%.3f%s,"report_id":"%s"}' % (self.head, now_s, self.tail, report_id.encode())


def partition_of(provider_id: str, partitions: int = PARTITIONS) -> int:
    """Where Kafka's default partitioner puts a provider."""
    return int((murmur2(provider_id.encode()) & 0x7FFFFFFF) % partitions)


def templates(count: int, providers: int, shape: Shape = EVEN, partitions: int = PARTITIONS) -> list[Template]:
    """The reports of ``benchmarks.support.reports``, to be made again and again, for a topic of so many partitions."""
    places: dict[str, int] = {}
    made = []
    for report in reports(count, providers, 0.0, shape=shape):
        provider = report["provider_id"]
        del report["report_id"]
        head, tail = as_json({**report, "timestamp": None}).split(b"null")
        partition = places.setdefault(provider, partition_of(provider, partitions))
        made.append(Template(provider.encode(), partition, head, tail.removesuffix(b"}")))
    return made


async def offer(broker: str, rate: float, seconds: float, pool: Sequence[Template]) -> dict[str, float]:
    """Send ``rate`` reports a second for so many seconds; what was sent and acknowledged."""
    producer = AIOKafkaProducer(bootstrap_servers=broker, acks="all", max_batch_size=1 << 20)
    await producer.start()
    run, sent, latest_s = uuid.uuid4().hex[:12], 0, 0.0
    waiting: set[asyncio.Future[Any]] = set()
    used_s, started_s = time.process_time(), time.monotonic()
    try:
        while (passed_s := time.monotonic() - started_s) < seconds:
            due, now_s = int(passed_s * rate), time.time()
            latest_s = max(latest_s, (due - sent) / rate - SLICE_S)
            batches = [producer.create_batch() for _ in range(PARTITIONS)]
            for number in range(sent, due):
                one = pool[number % len(pool)]
                value = one.value(now_s, f"{run}-{number:x}")
                batches[one.partition].append(timestamp=None, key=one.key, value=value)
            sent = due
            for partition, batch in enumerate(batches):
                if batch.record_count():
                    batch.close()
                    waiting.add(await producer.send_batch(batch, TOPIC, partition=partition))
            for done in [future for future in waiting if future.done()]:
                waiting.remove(done)
                done.result()
            await asyncio.sleep(SLICE_S)
        await asyncio.gather(*waiting)
    finally:
        await producer.stop()
    took_s = time.monotonic() - started_s
    used_s = time.process_time() - used_s
    return {"acknowledged": sent, "seconds": took_s, "latest_s": latest_s, "cpu_s": used_s}


def _main(broker: str, rate: str, seconds: str, providers: str) -> None:
    found = asyncio.run(offer(broker, float(rate), float(seconds), templates(POOL, int(providers))))
    print(json.dumps(found))


if __name__ == "__main__":
    _main(*sys.argv[1:])
