"""Plain Faust as its documentation shows it: one event a report, counted by provider and minute in a dictionary.

No state that would outlast the process, no scores, no lake: the least a Faust agent can do with a report.
``python -m benchmarks.peers.faust_windows BROKER REPORTS`` prints what every peer prints.
"""

import asyncio
import json
import logging
import sys
import tempfile
import time
from collections import defaultdict
from typing import Any, Final

import faust

from benchmarks.support.topics import TOPIC

__all__: list[str] = []

PATIENCE_S: Final = 300.0


async def consume(broker: str, wanted: int, place: str) -> dict[str, float]:
    """Seconds from the first event to the last."""
    app = faust.App(
        f"plain-faust-{time.time_ns()}",
        broker=f"kafka://{broker}",
        store="memory://",
        datadir=place,
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        consumer_auto_offset_reset="earliest",
    )
    topic = app.topic(TOPIC, value_serializer="json")
    counted: dict[tuple[str, int], list[int]] = defaultdict(lambda: [0, 0, 0])
    first: list[float] = []
    last: list[float] = []
    enough = asyncio.Event()

    async def fold(stream: faust.Stream[Any]) -> None:
        seen = 0
        async for report in stream:
            if not first:
                first.extend((time.perf_counter(), time.process_time()))
            pane = counted[report["provider_id"], int(report["timestamp"]) // 60]
            pane[0] += 1
            pane[1] += report["outcome"] == "success"
            pane[2] += round(report["latency_ms"] * 1_000)
            seen += 1
            if seen == wanted:
                last.extend((time.perf_counter(), time.process_time()))
                enough.set()

    app.agent(topic, name="fold")(fold)  # type: ignore[arg-type]  # Faust hands over a Stream
    await app.start()
    await asyncio.wait_for(enough.wait(), PATIENCE_S)
    await app.stop()
    reports, successes, latency_us = (sum(pane[at] for pane in counted.values()) for at in range(3))
    sums = {"reports": reports, "successes": successes, "latency_us": latency_us}
    return {**sums, "seconds": last[0] - first[0], "cpu_s": last[1] - first[1]}


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="plain-faust-") as directory:
        print(json.dumps(asyncio.run(consume(sys.argv[1], int(sys.argv[2]), directory))))
