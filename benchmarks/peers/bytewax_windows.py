"""bytewax at the same work: its Kafka source, then a stateful step that folds a batch per provider at a time.

Its own ``fold_window`` takes one report at a time through Python; a step over batches is what its documentation
recommends for rates, so that is measured. ``python -m benchmarks.peers.bytewax_windows BROKER REPORTS``; the library
lies in an environment of its own.
"""

import json
import sys
import time
from collections import defaultdict
from typing import Any, Final

from benchmarks.peers.environments import inside
from benchmarks.peers.peer import TOPIC, Unavailable

__all__: list[str] = []

NEEDS: Final = ("bytewax==0.21.1", "confluent-kafka==2.11.0", "msgspec==0.20.0")
BATCH: Final = 10_000


def consume(broker: str) -> dict[str, float]:
    """Read the topic to its end."""
    import bytewax.operators as op  # type: ignore[import-not-found,unused-ignore]
    import msgspec
    from bytewax.connectors.kafka import KafkaSource  # type: ignore[import-not-found,unused-ignore]
    from bytewax.connectors.stdio import StdOutSink  # type: ignore[import-not-found,unused-ignore]
    from bytewax.dataflow import Dataflow  # type: ignore[import-not-found,unused-ignore]
    from bytewax.testing import run_main  # type: ignore[import-not-found,unused-ignore]

    report = msgspec.defstruct(
        "Report", [("provider_id", str), ("outcome", str), ("timestamp", float), ("latency_ms", float)], gc=False
    )
    decoder = msgspec.json.Decoder(list[report])  # type: ignore[valid-type]
    providers: list[dict[int, list[int]]] = []
    first: list[float] = []
    last = [0.0, 0.0]

    def decode(batch: list[Any]) -> list[Any]:
        if not first:
            first.extend((time.perf_counter(), time.process_time()))
        found = decoder.decode(b"[" + b",".join([message.value for message in batch]) + b"]")
        return [(one.provider_id, one) for one in found]  # type: ignore[attr-defined]

    class Fold(op.StatefulBatchLogic):  # type: ignore[misc,unused-ignore]
        """The windows of one provider."""

        def __init__(self, held: Any) -> None:
            self._minutes: dict[int, list[int]] = held or defaultdict(lambda: [0, 0, 0])
            providers.append(self._minutes)

        def on_batch(self, batch: list[Any]) -> Any:
            for one in batch:
                sums = self._minutes[int(one.timestamp) // 60]
                sums[0] += 1
                sums[1] += one.outcome == "success"
                sums[2] += round(one.latency_ms * 1_000)
            last[:] = time.perf_counter(), time.process_time()
            return (), op.StatefulBatchLogic.RETAIN

        def snapshot(self) -> Any:
            return dict(self._minutes)

    flow = Dataflow("windows")
    source = KafkaSource([broker], [TOPIC], tail=False, batch_size=BATCH)
    messages = op.input("reports", flow, source)
    reports = op.flat_map_batch("decode", messages, decode)
    op.output("none", op.stateful_batch("fold", reports, Fold), StdOutSink())
    run_main(flow)
    count, successes, latency_us = (sum(sums[at] for held in providers for sums in held.values()) for at in range(3))
    sums = {"reports": count, "successes": successes, "latency_us": latency_us}
    return {**sums, "seconds": last[0] - first[0], "cpu_s": last[1] - first[1]}


if __name__ == "__main__":
    try:
        inside("bytewax_windows", NEEDS)
    except Unavailable as fault:
        sys.exit(fault.as_exit())
    print(json.dumps(consume(sys.argv[1])))
