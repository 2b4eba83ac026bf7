"""The wall for Arrow in two Python processes: what Kafka Streams does, by aiokafka, pyarrow and numpy, and no more.

``python -m benchmarks.peers.aiokafka_arrow BROKER REPORTS`` prints reports, seconds, processor seconds and sums. Each
process has half of the partitions, reads four columns of each message and keeps one-minute windows by provider with
count, successes and latency sum, in memory. No row is checked, none is looked up as a repeat, no state is written and
nothing is scored: what is left out here is what a worker does beside.
"""

import asyncio
import io
import json
import sys
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.peers.reading import read_to_end
from benchmarks.support.topics import PARTITIONS

__all__: list[str] = []

PROCESSES: Final = 2
COLUMNS: Final = ("provider_id", "outcome", "timestamp", "latency_ms")


@dataclass(slots=True)
class Windows:
    """Count, successes and latency sum (µs) by provider and minute."""

    sums: dict[tuple[str, int], list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0, 0]))

    def add(self, reports: pa.Table) -> None:
        """Add reports, grouped first: what a group costs is then little."""
        providers = reports["provider_id"].combine_chunks().dictionary_encode()
        names = providers.dictionary.to_pylist()
        minute = (reports["timestamp"].to_numpy() // 60).astype(np.int64)
        first = int(minute.min())
        code = (minute - first) * len(names) + providers.indices.to_numpy()
        success = pc.equal(reports["outcome"], "success").to_numpy()
        latency_us = np.rint(reports["latency_ms"].to_numpy() * 1_000)
        columns = [np.bincount(code), *(np.bincount(code, values) for values in (success, latency_us))]
        used = np.flatnonzero(columns[0])
        rows = np.stack([column[used] for column in columns], axis=1).astype(np.int64).tolist()
        for at, row in zip(used.tolist(), rows, strict=True):
            held = self.sums[names[at % len(names)], first + at // len(names)]
            held[:] = map(sum, zip(held, row, strict=True))

    def totals(self) -> list[int]:
        """Sums over all."""
        return [sum(column) for column in zip(*self.sums.values(), strict=True)]


async def consume(broker: str, partitions: list[int]) -> dict[str, Any]:
    """Read these partitions to their end; when the first report was seen and the last counted, and the sums."""
    windows = Windows()
    took = await read_to_end(
        broker, partitions, lambda run: windows.add(pa.concat_tables([_read(record.value) for record in run]))
    )
    return {**took._asdict(), "totals": windows.totals()}


def _read(value: bytes) -> pa.Table:
    with pa.ipc.open_stream(io.BytesIO(value)) as reader:
        return reader.read_all().select(COLUMNS)


def main(broker: str) -> dict[str, float]:
    """Let all processes read, and add up what they say."""
    shares = [list(range(first, PARTITIONS, PROCESSES)) for first in range(PROCESSES)]
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        told = list(pool.map(consumed, [broker] * PROCESSES, shares))
    reports, successes, latency_us = (sum(column) for column in zip(*(one["totals"] for one in told), strict=True))
    return {
        "reports": reports,
        "seconds": max(one["ended_s"] for one in told) - min(one["started_s"] for one in told),
        "cpu_s": sum(one["cpu_s"] for one in told),
        "successes": successes,
        "latency_us": latency_us,
    }


def consumed(broker: str, partitions: list[int]) -> dict[str, Any]:
    """As ``consume``, in a process of its own."""
    return asyncio.run(consume(broker, partitions))


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1])))
