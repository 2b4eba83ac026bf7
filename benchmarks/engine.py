"""How many reports a second one worker folds, scores and keeps, against what any Python process could do at most.

Apache Kafka is started for it and filled first; then a worker reads it all. The clock runs from the last sample of the
worker's ``trustscore_reports_folded_total`` that is 0 to the first with every report folded and in the lake: starting
the process and joining the group (2 to 4 s, printed) are left out, the last commit is not.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from analytics import queries
from analytics.lake import Lake
from analytics.local.children import resident_bytes
from analytics.local.supervisor import Supervisor
from benchmarks.harness import BenchmarkFailed, Program, Row, execute, say
from benchmarks.support.processes import Sample, Worker, cpu_s, peak_bytes, wait_for
from benchmarks.support.reports import ARROW_ROWS, POOL, arrow_messages, json_messages, reports
from benchmarks.support.topics import TOPIC, fresh_topics, preload
from infra.kafka.server import KafkaServer

__all__ = ["PROGRAM"]

TARGET_PER_S: Final = 100_000.0
FAUST_REPORTS: Final = 200_000
JOIN_DELAY: Final = {"group.initial.rebalance.delay.ms": "3000"}
"""Kafka's default, so that two workers that start together share the partitions from the first report on."""


class Variant(NamedTuple):
    """One way to run workers over the topic."""

    name: str
    lake: bool = True
    workers: int = 1
    arrow: bool = False


MAIN: Final = Variant("fold-score-lake-json")
VARIANTS: Final = (
    MAIN,
    Variant("fold-score-json", lake=False),
    Variant("fold-score-lake-json-2-workers", workers=2),
    Variant("fold-score-lake-arrow", arrow=True),
)
RAW: Final = "raw-aiokafka-json"
FAUST: Final = "plain-faust-json"
PEERS: Final = (RAW, FAUST)
MATTERS: Final = tuple(variant.name for variant in VARIANTS) + PEERS


def options(parser: argparse.ArgumentParser) -> None:
    """What can be asked of it."""
    parser.add_argument("--reports", type=int, default=4_000_000, help="preloaded (default 4,000,000)")
    parser.add_argument("--providers", type=int, default=200, help="they are about (default 200)")
    parser.add_argument("--no-arrow", action="store_true", help="leave out the run over Arrow messages")
    parser.add_argument("--only", choices=MATTERS, action="append", help="run this; may be given again")


def run(given: argparse.Namespace) -> Iterator[Row]:
    """Rows of every variant asked for, then of the peers, over the same messages."""
    wanted = set(given.only or MATTERS) - ({"fold-score-lake-arrow"} if given.no_arrow else set())
    pool = reports(min(POOL, given.reports), given.providers, time.time())
    with (
        tempfile.TemporaryDirectory(prefix="trustscore-engine-") as place,
        KafkaServer(Path(place, "kafka"), properties=JOIN_DELAY) as kafka,
    ):
        bench = Bench(Path(place), kafka, given.reports, given.providers)
        in_json = [variant for variant in VARIANTS if variant.name in wanted and not variant.arrow]
        peers = [name for name in PEERS if name in wanted]
        if in_json or peers:
            bench.fill(json_messages(pool), given.reports)
        for variant in in_json:
            yield from bench.measure(variant, f"engine/{FAUST}")
        for peer in peers:
            yield from bench.measure_peer(peer, f"engine/{MAIN.name}")
        for variant in VARIANTS:
            if variant.arrow and variant.name in wanted:
                bench.fill(arrow_messages(pool), given.reports // ARROW_ROWS, arrow=True)
                yield from bench.measure(variant, f"engine/{MAIN.name}")


class Bench:
    """One Kafka with one load, and what is run on it."""

    def __init__(self, place: Path, kafka: KafkaServer, count: int, providers: int) -> None:
        self._place, self._kafka, self._count, self._providers = place, kafka, count, providers

    def fill(self, values: Sequence[bytes], messages: int, *, arrow: bool = False) -> None:
        """Load ``trust.reports`` anew."""
        asyncio.run(fresh_topics(self._kafka.address))
        took_s = asyncio.run(preload(self._kafka.address, values, messages, arrow=arrow))
        size = sum(map(len, values)) / len(values)
        say(f"engine: {messages:,} messages of {size:.0f} B on {TOPIC} in {took_s:.1f} s ({messages / took_s:,.0f}/s)")

    def measure(self, variant: Variant, peer: str) -> Iterator[Row]:
        """Rate, processor time and memory of one variant."""
        asyncio.run(fresh_topics(self._kafka.address, keep=[TOPIC]))
        lake = self._place / variant.name / "lake"
        children = Supervisor(self._place / variant.name / "logs")
        started_s, kafka_cpu_s = time.monotonic(), self._kafka_cpu_s()
        try:
            workers = [self._worker(children, variant, number, lake) for number in range(variant.workers)]
            samples = wait_for(workers, lambda now: self._is_done(now, variant), f"engine/{variant.name}")
            facts = {"kafka_cpu_s": round(self._kafka_cpu_s() - kafka_cpu_s, 1)}
            rss = sum(resident_bytes(worker.pid) or 0 for worker in workers)
            peak = sum(peak_bytes(worker.pid) or 0 for worker in workers)
            for worker in workers:
                worker.stop()
        finally:
            children.stop_all()
        if variant.lake:
            self._check(lake)
        yield from self._rates(variant, samples, started_s, peer, facts)
        memory = f"engine/{variant.name}-memory"
        yield Row(memory, rss / 1e6, "MB", lower_is_better=True, facts={"peak_mb": round(peak / 1e6)})

    def measure_peer(self, name: str, peer: str) -> Iterator[Row]:
        """Rate of a program that does less."""
        module = {RAW: "peer_aiokafka", FAUST: "peer_faust"}[name]
        count = self._count if name == RAW else min(self._count, FAUST_REPORTS)
        command = [sys.executable, "-m", f"benchmarks.support.{module}", self._kafka.address, str(count)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=900)
        if done.returncode:
            raise BenchmarkFailed(f"{module} ended with exit code {done.returncode}: {done.stderr[-2_000:]}")
        got = json.loads(done.stdout.splitlines()[-1])
        facts = {"reports": got["reports"], "seconds": round(got["seconds"], 2)}
        yield Row(f"engine/{name}", got["reports"] / got["seconds"], "reports/s", peer, facts=facts)
        yield Row(f"engine/{name}-cpu", got["cpu_s"] / got["reports"] * 1e6, "CPU s per million", lower_is_better=True)

    def _worker(self, children: Supervisor, variant: Variant, number: int, lake: Path) -> Worker:
        env = {
            "TRUSTSCORE_BROKER": self._kafka.address,
            "TRUSTSCORE_LAKE": str(lake) if variant.lake else "",
            "TRUSTSCORE_APPLICATION_ID": f"engine-{variant.name}",
        }
        return Worker(children, f"worker-{number + 1}", env)

    def _is_done(self, now: Sample, variant: Variant) -> bool:
        return now.folded >= self._count and (not variant.lake or now.stored >= self._count)

    def _kafka_cpu_s(self) -> float:
        return (cpu_s(self._kafka.pid) if self._kafka.pid else None) or 0.0

    def _check(self, path: Path) -> None:
        """Every report is in the lake once, and there are scores: a fast worker that loses some is no result."""
        with Lake(path) as lake:
            totals = queries.totals(lake)
        if totals.reports != self._count or totals.rejects or not totals.scores:
            raise BenchmarkFailed(f"the lake must hold {self._count:,} reports, scores and no rejects; got {totals}")

    def _rates(
        self, variant: Variant, samples: Sequence[Sample], started_s: float, peer: str, facts: dict[str, Any]
    ) -> Iterator[Row]:
        began, last = [sample for sample in samples if not sample.folded][-1], samples[-1]
        if last.rejected or not last.emitted:
            raise BenchmarkFailed(f"engine/{variant.name} must give scores and no rejects; got {last}")
        folded = next(sample for sample in samples if sample.folded >= self._count)
        took_s = last.at_s - began.at_s
        facts |= {
            "reports": self._count,
            "providers": self._providers,
            "seconds": round(took_s, 2),
            "folded_per_s": round(self._count / (folded.at_s - began.at_s)),
            "start_s": round(began.at_s - started_s, 2),
            "scores": last.emitted,
            "folded_twice": last.folded - self._count,
        }
        name, target = f"engine/{variant.name}", TARGET_PER_S if variant == MAIN else None
        yield Row(name, self._count / took_s, "reports/s", peer, target, facts=facts)
        used = (last.cpu_s - began.cpu_s) / self._count * 1e6
        yield Row(f"{name}-cpu", used, "CPU s per million", lower_is_better=True)


PROGRAM: Final = Program("engine", __doc__ or "", options, run)

if __name__ == "__main__":
    sys.exit(execute(PROGRAM))
