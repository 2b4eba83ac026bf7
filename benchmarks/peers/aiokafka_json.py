"""The wall for one Python process: aiokafka's fetch and msgspec's JSON decoding, and nothing done with the reports.

``python -m benchmarks.peers.aiokafka_json BROKER REPORTS`` prints reports, seconds and processor seconds.
"""

import asyncio
import json
import sys
from typing import Any, Final

import msgspec

from benchmarks.peers.reading import read_to_end
from benchmarks.support.topics import PARTITIONS

__all__: list[str] = []

MOST: Final = 20_000
"""Records taken at once."""


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


async def consume(broker: str) -> dict[str, float]:
    """Seconds from the first fetched run to the last decoded one."""
    decoder, decoded = msgspec.json.Decoder(list[Report]), 0

    def decode(run: list[Any]) -> None:
        nonlocal decoded
        decoded += len(decoder.decode(b"[" + b",".join([record.value for record in run]) + b"]"))

    took = await read_to_end(broker, range(PARTITIONS), decode, MOST)
    return {"reports": decoded, "seconds": took.ended_s - took.started_s, "cpu_s": took.cpu_s}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(consume(sys.argv[1]))))
