"""One Kafka with one backlog at a time, and what is run over it: workers as users start them, and peers."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from analytics import queries
from analytics.lake import Lake
from analytics.local.children import resident_bytes
from analytics.local.supervisor import Supervisor
from analytics.replay.wire import ARROW_HEADERS
from benchmarks.harness import BenchmarkFailed, Row, say
from benchmarks.peers.backlog import Backlog
from benchmarks.peers.peer import Counted, run_peer
from benchmarks.support.commits import all_committed
from benchmarks.support.processes import Sample, Worker, cpu_s, peak_bytes, since_start, wait_for
from benchmarks.support.topics import TOPIC, fresh_topics, preload
from infra.kafka.server import KafkaServer
from streams.topics import PANES, REPORTS

__all__ = ["CPU_UNIT", "Bench", "Run", "Variant", "rows_of"]

CPU_UNIT: Final = "CPU s per million"
COMMIT_WITHIN_S: Final = 90.0


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to run workers over the topic."""

    name: str
    lake: bool = True
    workers: int = 1
    arrow: bool = False
    runs: int = 1
    """Of which the mean is told."""
    target: float | None = None
    target_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What was seen of one variant."""

    samples: Sequence[Sample]
    started_s: float
    kafka_cpu_s: float
    rss_bytes: int
    peak_bytes: int
    committed_s: float
    """When all of it was durable and all that follows from it had been taken in by the scores."""


class Bench:
    """Fills the topic, and measures what reads it."""

    def __init__(self, place: Path, kafka: KafkaServer) -> None:
        self._place, self._kafka, self._runs = place, kafka, 0

    def fill(self, backlog: Backlog, *, arrow: bool = False, count: int | None = None) -> None:
        """Load ``trust.reports`` anew, with the first ``count`` reports or all."""
        asyncio.run(fresh_topics(self._kafka.address))
        messages = backlog.arrow_messages() if arrow else backlog.json_messages(count)
        sent, size, took_s = asyncio.run(preload(self._kafka.address, messages, ARROW_HEADERS if arrow else ()))
        say(
            f"engine: {backlog.shape.name}: {sent:,} messages of {size / sent:.0f} B on {TOPIC} in {took_s:.1f} s "
            f"({sent / took_s:,.0f}/s)"
        )

    def peer(self, name: str, backlog: Backlog, count: int | None = None) -> Counted:
        """Run one peer over what was filled in.

        Raises
        ------
        Unavailable
            When it cannot run here.
        """
        return run_peer(name, self._kafka.address, backlog.totals(count))

    def measure(self, variant: Variant, count: int) -> Run:
        """Run the workers of a variant until ``count`` reports are folded, and stored, and scores are given."""
        asyncio.run(fresh_topics(self._kafka.address, keep=[TOPIC]))
        self._runs += 1
        place = self._place / f"{self._runs}-{variant.name}"
        children = Supervisor(place / "logs")
        started_s, kafka_cpu_s = time.monotonic(), self._kafka_cpu_s()
        try:
            workers = [self._worker(children, variant, number, place / "lake") for number in range(variant.workers)]
            samples = wait_for(
                workers, lambda now: is_done(now, variant, count) and now.emitted > 0, f"engine/{variant.name}"
            )
            used_s = self._kafka_cpu_s() - kafka_cpu_s
            rss = sum(resident_bytes(worker.pid) or 0 for worker in workers)
            peak = sum(peak_bytes(worker.pid) or 0 for worker in workers)
            committed_s = asyncio.run(
                all_committed(self._kafka.address, self._group(variant), (REPORTS, PANES), COMMIT_WITHIN_S)
            )
            for worker in workers:
                worker.stop()
        finally:
            children.stop_all()
        if variant.lake:
            check_lake(place / "lake", count)
        return Run(samples, started_s, used_s, rss, peak, committed_s)

    def _worker(self, children: Supervisor, variant: Variant, number: int, lake: Path) -> Worker:
        env = {
            "TRUSTSCORE_BROKER": self._kafka.address,
            "TRUSTSCORE_LAKE": str(lake) if variant.lake else "",
            "TRUSTSCORE_APPLICATION_ID": self._group(variant),
        }
        return Worker(children, f"worker-{number + 1}", env)

    def _group(self, variant: Variant) -> str:
        return f"engine-{self._runs}-{variant.name}"

    def _kafka_cpu_s(self) -> float:
        return (cpu_s(self._kafka.pid) if self._kafka.pid else None) or 0.0


def is_done(now: Sample, variant: Variant, count: int) -> bool:
    """Whether everything is folded, and in the lake where there is one."""
    return now.folded >= count and (not variant.lake or now.stored >= count)


def check_lake(path: Path, count: int) -> None:
    """Every report is in the lake once, and there are scores: a fast worker that loses some is no result."""
    with Lake(path) as lake:
        totals = queries.totals(lake)
    if totals.reports != count or totals.rejects or not totals.scores:
        raise BenchmarkFailed(f"the lake must hold {count:,} reports, scores and no rejects; got {totals}")


def rows_of(
    variant: Variant,
    run: Run,
    count: int,
    peer: str | None,
    facts: dict[str, Any] | None = None,
) -> Iterator[Row]:
    """Rate, processor time and memory of one variant.

    Raises
    ------
    BenchmarkFailed
        When reports were rejected, or no score was given.
    """
    began, last = since_start(run.samples)[0], run.samples[-1]
    done = next(sample for sample in run.samples if is_done(sample, variant, count))
    name = f"engine/{variant.name}"
    if last.rejected or not last.emitted:
        raise BenchmarkFailed(f"{name} must give scores and no rejects; got {last}")
    folded = next(sample for sample in run.samples if sample.folded >= count)
    took_s, millions = done.at_s - began.at_s, count / 1e6
    about = {
        "reports": count,
        **(facts or {}),
        "seconds": round(took_s, 2),
        "committed_s": round(run.committed_s - began.at_s, 2),
        "folded_per_s": round(count / (folded.at_s - began.at_s)),
        "start_s": round(began.at_s - run.started_s, 2),
        "scores": last.emitted,
        "scored_s": round(next(sample.at_s for sample in run.samples if sample.emitted) - began.at_s, 2),
        "folded_twice": last.folded - count,
    }
    rate = count / took_s
    yield Row(name, rate, "reports/s", peer, variant.target, facts=about, target_ratio=variant.target_ratio)
    kafka = {"kafka_cpu_s_per_million": round(run.kafka_cpu_s / millions, 2)}
    yield Row(f"{name}-cpu", (last.cpu_s - began.cpu_s) / millions, CPU_UNIT, lower_is_better=True, facts=kafka)
    peak = {"peak_mb": round(run.peak_bytes / 1e6)}
    yield Row(f"{name}-memory", run.rss_bytes / 1e6, "MB", lower_is_better=True, facts=peak)
