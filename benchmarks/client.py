"""What reporting costs an agent: microseconds of ``report()`` on its path, and reports a second from one process.

``python -m benchmarks client [--reports 200000] [--url kafka://127.0.0.1:9092]``. Without an address the reports are
encoded as for the network and thrown away (``encode``), then sent to an embedded broker (``kafka``), keyed, one JSON
message each.
"""

import argparse
import contextlib
import gc
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from trustscore_client import Bounds, Delivery, KafkaTransport, Transport, TrustScore
from trustscore_client.encoding import encode
from trustscore_client.settings import transport_of

from analytics.local.embedded_broker import EmbeddedBroker
from benchmarks.harness import BenchmarkFailed, Program, Row, execute

__all__ = ["PROGRAM"]

TARGET_P99_US: Final = 20.0
TARGET_PER_S: Final = 100_000.0
PROVIDERS: Final = [f"provider-{number:03d}" for number in range(200)]


class Encoder:
    """Encodes what it is given and sends it nowhere: the client's own cost without a network."""

    def connect(self) -> "Encoder":
        return self

    def send(self, batch: Sequence[Mapping[str, Any]]) -> Delivery:
        for report in batch:
            encode(report)
        return Delivery()

    def close(self) -> None:
        """Nothing is held open."""


def measure(transport: Transport, count: int) -> dict[str, float]:
    """Percentiles of ``report()``, µs, and reports a second from the first ``report()`` to the last acknowledgement.

    The buffer holds them all, so that none is dropped and the sender works beside the agent the whole time.
    """
    client = TrustScore(transport=transport, bounds=Bounds(max_reports=count, max_bytes=count * 4_096))
    client.report(provider_id="warm-up", outcome="success")
    client.flush(60)
    took_ns = [0] * count
    clock_ns = time.perf_counter_ns
    gc.collect()
    started_s = time.perf_counter()
    for number in range(count):
        before_ns = clock_ns()
        client.report(
            provider_id=PROVIDERS[number % 200], outcome="success", latency_ms=41.5, task_type="search", region="eu",
            tool="forecast", quality=0.9,
        )  # fmt: skip
        took_ns[number] = clock_ns() - before_ns
    reported_s = time.perf_counter() - started_s
    client.flush(600)
    took_s = time.perf_counter() - started_s
    stats = client.stats
    client.close()
    if stats.sent != count + 1:
        raise BenchmarkFailed(f"{count + 1:,} reports were to be sent, {stats.sent:,} were: {stats.last_error}")
    took_ns.sort()
    at = {name: took_ns[min(int(count * share), count - 1)] / 1_000 for name, share in
          (("p50_us", 0.5), ("p99_us", 0.99), ("p999_us", 0.999), ("max_us", 1.0))}  # fmt: skip
    return at | {"reported_per_s": count / reported_s, "sent_per_s": count / took_s}


@contextlib.contextmanager
def transports(url: str | None) -> Iterator[dict[str, Transport]]:
    """What is measured, by name."""
    if url is not None:
        yield {url.partition(":")[0]: transport_of(url)}
        return
    with EmbeddedBroker() as broker:
        yield {"encode": Encoder(), "kafka": KafkaTransport(broker.address)}


def options(parser: argparse.ArgumentParser) -> None:
    """What can be asked of it."""
    parser.add_argument("--reports", type=int, default=200_000, help="made (default 200,000)")
    parser.add_argument("--url", help="send them there instead: kafka://HOST:PORT or http://HOST:PORT")


def run(given: argparse.Namespace) -> Iterator[Row]:
    """Rows of each way out."""
    with transports(given.url) as measured:
        for name, transport in measured.items():
            got = measure(transport, given.reports)
            facts = {key: round(value, 2) for key, value in got.items() if key.endswith("_us")}
            p99_us = got["p99_us"]
            yield Row(f"client/report-p99-{name}", p99_us, "µs", None, TARGET_P99_US, lower_is_better=True, facts=facts)
            yield Row(f"client/reported-{name}", got["reported_per_s"], "reports/s")
            yield Row(f"client/sent-{name}", got["sent_per_s"], "reports/s", None, TARGET_PER_S)


PROGRAM: Final = Program("client", __doc__ or "", options, run)

if __name__ == "__main__":
    sys.exit(execute(PROGRAM))
