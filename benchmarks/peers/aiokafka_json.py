"""The wall for one Python process: aiokafka's fetch and msgspec's JSON decoding, and nothing done with the reports.

``python -m benchmarks.peers.aiokafka_json BROKER REPORTS`` prints reports, seconds and processor seconds.
"""

import asyncio
import json
import sys
import time

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.support.topics import PARTITIONS, TOPIC

__all__: list[str] = []


class Report(msgspec.Struct, gc=False):
    """The fields the benchmark's reports state."""

    provider_id: str
    outcome: str
    timestamp: float
    latency_ms: float
    task_type: str
    region: str
    reporter_id: str
    report_id: str


async def consume(broker: str, wanted: int) -> dict[str, float]:
    """Seconds from the first fetched run to the last decoded one."""
    decoder = msgspec.json.Decoder(list[Report])
    consumer = AIOKafkaConsumer(
        bootstrap_servers=broker, group_id=None, auto_offset_reset="earliest", max_partition_fetch_bytes=8 << 20
    )
    await consumer.start()
    try:
        consumer.assign([TopicPartition(TOPIC, number) for number in range(PARTITIONS)])
        decoded = 0
        started: tuple[float, float] | None = None
        while decoded < wanted:
            for run in (await consumer.getmany(timeout_ms=1_000, max_records=20_000)).values():
                started = started or (time.perf_counter(), time.process_time())
                decoded += len(decoder.decode(b"[" + b",".join([record.value for record in run]) + b"]"))
        assert started is not None
        took_s, used_s = time.perf_counter() - started[0], time.process_time() - started[1]
    finally:
        await consumer.stop()
    return {"reports": decoded, "seconds": took_s, "cpu_s": used_s}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(consume(sys.argv[1], int(sys.argv[2])))))
