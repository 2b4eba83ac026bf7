"""Quix Streams at the same work: its own tumbling windows with RocksDB and changelog, which is all it has.

``python -m benchmarks.peers.quix_windows BROKER REPORTS``; the library lies in an environment of its own. It windows by
message key: reports must be keyed by provider.
"""

import json
import sys
import tempfile
import time
from typing import Any, Final

from benchmarks.peers.environments import inside
from benchmarks.peers.peer import TOPIC, Unavailable

__all__: list[str] = []

NEEDS: Final = ("quixstreams==3.28.1",)
MINUTE_MS: Final = 60_000
GRACE_MS: Final = 3_600_000
"""Later than any report is: none may be left out."""


def consume(broker: str, wanted: int, place: str) -> dict[str, float]:
    """Seconds from the first update of a window to the last."""
    from quixstreams import Application  # type: ignore[import-not-found,unused-ignore]

    app = Application(
        broker,
        consumer_group=f"quix-{time.time_ns()}",
        auto_offset_reset="earliest",
        commit_interval=2.0,
        state_dir=place,
        auto_create_topics=True,
        loglevel="ERROR",
        consumer_extra_config={"fetch.message.max.bytes": 8 << 20},
    )
    topic = app.topic(
        TOPIC, value_deserializer="json", timestamp_extractor=lambda value, *_: int(value["timestamp"] * 1_000)
    )
    held: dict[tuple[bytes, int], list[int]] = {}
    first: list[float] = []
    last: list[float] = []
    seen = 0

    def begin(report: dict[str, Any]) -> list[int]:
        if not first:
            first.extend((time.perf_counter(), time.process_time()))
        return [1, int(report["outcome"] == "success"), round(report["latency_ms"] * 1_000)]

    def fold(sums: list[int], report: dict[str, Any]) -> list[int]:
        return [
            sums[0] + 1,
            sums[1] + (report["outcome"] == "success"),
            sums[2] + round(report["latency_ms"] * 1_000),
        ]

    def keep(window: dict[str, Any], key: bytes, _: int, __: Any) -> None:
        nonlocal seen
        held[key, window["start"]] = window["value"]
        seen += 1
        if seen == wanted:
            last.extend((time.perf_counter(), time.process_time()))
            app.stop()

    frame = app.dataframe(topic)
    frame.tumbling_window(MINUTE_MS, GRACE_MS).reduce(fold, begin).current().update(keep, metadata=True)
    app.run()
    reports, successes, latency_us = (sum(sums[at] for sums in held.values()) for at in range(3))
    sums = {"reports": reports, "successes": successes, "latency_us": latency_us}
    return {**sums, "seconds": last[0] - first[0], "cpu_s": last[1] - first[1]}


if __name__ == "__main__":
    try:
        inside("quix_windows", NEEDS)
    except Unavailable as fault:
        sys.exit(fault.as_exit())
    with tempfile.TemporaryDirectory(prefix="quix-") as directory:
        print(json.dumps(consume(sys.argv[1], int(sys.argv[2]), directory)))
