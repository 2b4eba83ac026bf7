"""How long it takes from a report to its effect in ``trustscore_check``, while 20,000 reports a second are offered.

``python -m benchmarks latency [--rate 20000] [--seconds 60]``. Apache Kafka, a worker with its lake, a server, the load
and the probe share the machine. The probe reports on providers of its own with the client library, one report at a
time, and calls the MCP tool over HTTP until the answer counts it. Where the time went is read from the topics.
"""

import argparse
import asyncio
import contextlib
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from mcp import Client
from trustscore_client import TrustScore

from analytics.local.supervisor import Supervisor
from benchmarks.harness import BenchmarkFailed, Program, Row, execute, say
from benchmarks.support.load import partition_of
from benchmarks.support.processes import Worker, cpu_s, wait_for
from benchmarks.support.service import Server
from benchmarks.support.topics import fresh_topics
from benchmarks.support.trace import Trail, delays_ms, trail_of
from infra.kafka.server import KafkaServer

__all__ = ["PROGRAM"]

TARGET_P50_MS: Final = 150.0
TARGET_P99_MS: Final = 500.0
PROBES: Final = tuple(f"probe-{number}" for number in range(12))
BUSY: Final = "provider-00000"
"""One of the load's own, for what a score under constant traffic takes."""
POLL_S: Final = 0.015
REST_S: Final = (0.02, 0.2)
"""Between two probes: at random, so that they fall everywhere between the worker's ticks."""
WARM_UP_S: Final = 8.0
GIVE_UP_S: Final = 30.0
FOLDED_SHARE: Final = 0.99


@dataclass(slots=True)
class Probed:
    """What the probe saw."""

    seen_ms: list[float] = field(default_factory=list)
    call_ms: list[float] = field(default_factory=list)
    """What one call of the tool took."""
    seen_at: dict[str, list[float]] = field(default_factory=dict)
    """Epoch seconds at which each report of a provider showed."""


def options(parser: argparse.ArgumentParser) -> None:
    """What can be asked of it."""
    parser.add_argument("--rate", type=float, default=20_000, help="reports a second offered (default 20,000)")
    parser.add_argument("--seconds", type=float, default=60, help="for so long (default 60)")
    parser.add_argument("--providers", type=int, default=200, help="the load is about (default 200)")
    parser.add_argument("--workers", type=int, default=1, help="share the partitions (default 1)")


def run(given: argparse.Namespace) -> Iterator[Row]:
    """Rows of one run."""
    with (
        tempfile.TemporaryDirectory(prefix="trustscore-latency-") as place,
        KafkaServer(Path(place, "kafka")) as kafka,
    ):
        asyncio.run(fresh_topics(kafka.address))
        children = Supervisor(Path(place, "logs"))
        try:
            yield from _measured(given, kafka, children, Path(place))
        finally:
            children.stop_all()


def _measured(given: argparse.Namespace, kafka: KafkaServer, children: Supervisor, place: Path) -> Iterator[Row]:
    env = {
        "TRUSTSCORE_BROKER": kafka.address,
        "TRUSTSCORE_LAKE": str(place / "lake"),
        "TRUSTSCORE_DATA_DIR": str(place / "data"),
    }
    workers = [Worker(children, f"worker-{number + 1}", env) for number in range(given.workers)]
    server = Server(children, "server", env)
    wait_for(workers, lambda now: now.ready, "latency: the workers")
    server.wait_until_ready()
    whole_s = WARM_UP_S + given.seconds
    before = _cpu_of(workers), server.cpu_s(), cpu_s(kafka.pid or 0) or 0.0
    with _load(kafka.address, given.rate, whole_s, given.providers) as load:
        time.sleep(WARM_UP_S)
        probed = asyncio.run(_probe(kafka.address, f"{server.url}/mcp", given.seconds))
        offered = json.loads(load.communicate(timeout=whole_s + 60)[0].splitlines()[-1])
    after = _cpu_of(workers), server.cpu_s(), cpu_s(kafka.pid or 0) or 0.0
    reports = int(offered["acknowledged"])
    if reports < FOLDED_SHARE * given.rate * whole_s or offered["latest_s"] > 1:
        raise BenchmarkFailed(f"{given.rate:,.0f} reports/s were to be offered for {whole_s:g} s; got {offered}")
    wait_for(workers, lambda now: now.folded >= reports + len(probed.seen_ms), "latency: folding the load")
    used = [round((late - early) / whole_s, 3) for early, late in zip(before, after, strict=True)]
    facts = {
        "offered_per_s": round(reports / offered["seconds"]),
        "seconds": given.seconds,
        "probes": len(probed.seen_ms),
        "max_ms": round(max(probed.seen_ms), 1),
        "tool_call_p50_ms": round(float(np.median(probed.call_ms)), 2),
        "cores_used": dict(zip(("workers", "server", "kafka"), used, strict=True)),
    }
    p50_ms, p99_ms = (float(value) for value in np.percentile(probed.seen_ms, (50, 99)))
    yield Row("serving/check-latency-p50", p50_ms, "ms", None, TARGET_P50_MS, lower_is_better=True, facts=facts)
    yield Row("serving/check-latency-p99", p99_ms, "ms", None, TARGET_P99_MS, lower_is_better=True, facts=facts)
    say("latency: reading the topics")
    trails = asyncio.run(trail_of(kafka.address, {name: partition_of(name) for name in (*PROBES, BUSY)}))
    yield from _stages([trails[name] for name in PROBES], [probed.seen_at.get(name, []) for name in PROBES])
    yield from _busy(trails[BUSY])


def _cpu_of(workers: Sequence[Worker]) -> float:
    return sum(worker.sample().cpu_s for worker in workers)


def _stages(trails: Sequence[Trail], seen_at: Sequence[Sequence[float]]) -> Iterator[Row]:
    """From the broker's append of a probe's report until panes were sent, its score was sent, an answer showed it."""
    panes, scores, shown = [], [], []
    for trail, seen in zip(trails, seen_at, strict=True):
        panes += delays_ms(trail.panes, trail.offsets, trail.appended_ms)
        scores += delays_ms(trail.scores, trail.offsets, trail.appended_ms)
        shown += [at_s * 1_000 - since for at_s, since in zip(seen, trail.appended_ms, strict=False)]
    for name, delays in (("panes-sent", panes), ("score-sent", scores), ("answer", shown)):
        if delays:
            facts = {"p99_ms": round(float(np.percentile(delays, 99)), 1), "reports": len(delays)}
            yield Row(
                f"serving/append-to-{name}-p50", float(np.median(delays)), "ms", lower_is_better=True, facts=facts
            )


def _busy(trail: Trail) -> Iterator[Row]:
    """The same for a provider that is reported all the time: it is scored once a second, not for every report."""
    delays = delays_ms(trail.scores, trail.offsets, trail.appended_ms)
    p50_ms, p99_ms = (float(value) for value in np.percentile(delays, (50, 99)))
    facts = {"p99_ms": round(p99_ms, 1), "reports": len(delays), "scores": len(trail.scores)}
    yield Row("serving/busy-append-to-score-sent-p50", p50_ms, "ms", lower_is_better=True, facts=facts)


@contextlib.contextmanager
def _load(broker: str, rate: float, seconds: float, providers: int) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "benchmarks.support.load", broker, *map(str, (rate, seconds, providers))]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield child
    finally:
        child.kill()
        child.wait()


async def _probe(broker: str, mcp: str, seconds: float) -> Probed:
    """Report, and ask until the answer counts it; again and again."""
    found, rng, sent = Probed(), random.Random(1), dict.fromkeys(PROBES, 0)
    with TrustScore(f"kafka://{broker}", reporter_id="probe") as client:
        async with Client(mcp) as session:
            end_s = time.monotonic() + seconds
            while time.monotonic() < end_s:
                for provider in PROBES:
                    sent[provider] += 1
                    started_s = time.perf_counter()
                    client.report(provider_id=provider, outcome="success", latency_ms=40.0, task_type="probe")
                    while await _count(session, provider, found) < sent[provider]:
                        if time.perf_counter() - started_s > GIVE_UP_S:
                            raise BenchmarkFailed(f"report {sent[provider]} on {provider} must show in {GIVE_UP_S:g} s")
                        await asyncio.sleep(POLL_S)
                    found.seen_ms.append((time.perf_counter() - started_s) * 1_000)
                    found.seen_at.setdefault(provider, []).append(time.time())
                    await asyncio.sleep(rng.uniform(*REST_S))
    return found


async def _count(session: Any, provider: str, found: Probed) -> int:
    started_s = time.perf_counter()
    answer = await session.call_tool("trustscore_check", {"provider_id": provider})
    found.call_ms.append((time.perf_counter() - started_s) * 1_000)
    return int(answer.structured_content["sample_size"])


PROGRAM: Final = Program("latency", __doc__ or "", options, run)

if __name__ == "__main__":
    sys.exit(execute(PROGRAM))
