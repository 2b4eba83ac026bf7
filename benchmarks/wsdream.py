"""Real readings through all of it: file, Kafka, worker, lake, scores; then every figure recomputed and compared.

``python -m benchmarks wsdream FILE`` replays a WS-DREAM response time file into Apache Kafka while a worker reads it,
waits until nothing moves any more, and compares the lake with the file (counts, time-outs and summed latency of every
service, in SQL) and with itself (``trustscore verify``). ``--kill`` kills the worker half-way and starts another.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from analytics.lake import Lake
from analytics.local.supervisor import Supervisor, last_lines
from benchmarks.harness import BenchmarkFailed, Program, Row, execute, must_be_file, say
from benchmarks.support.processes import Sample, Worker, wait_for
from benchmarks.support.readings import Counted, counted, in_lake
from infra.kafka.server import KafkaServer

__all__ = ["PROGRAM", "Done", "rows_of"]

CLI: Final = (sys.executable, "-m", "analytics.cli.main")
TOLERANCE: Final = 1e-9
SETTLED_S: Final = 5.0
"""So long no score may be sent before they count as settled: a tick and two flushes."""
SESSION_S: Final = "6"
"""Shortest session Kafka allows: so long the group waits for a worker that was killed."""


def options(parser: argparse.ArgumentParser) -> None:
    """What can be asked of it."""
    parser.add_argument("file", nargs="?", type=Path, help="response times: user,service,t00,t01,… (.csv or .csv.gz)")
    parser.add_argument("--kill", action="store_true", help="kill -9 the worker half-way, then start another")


def run(given: argparse.Namespace) -> Iterator[Row]:
    """Rows of one replay."""
    if given.file is None:
        say("wsdream: left out, since no file is given: python -m benchmarks wsdream FILE [--kill]")
        return
    must_be_file("FILE", given.file, "a WS-DREAM response time file")
    wanted = counted(given.file)
    readings = sum(service.reports for service in wanted.values())
    say(f"wsdream: {readings:,} readings of {len(wanted)} services")
    with tempfile.TemporaryDirectory(prefix="trustscore-wsdream-") as place:
        done = _through(Path(place), given.file, readings, given.kill)
        yield from rows_of("wsdream-kill" if given.kill else "wsdream", done, wanted, readings)


@dataclass(frozen=True, slots=True)
class Done:
    """What one replay left behind."""

    replay: dict[str, Any]
    """As ``trustscore replay --json`` says it."""
    seconds: float
    """From the start of the replay until every reading was in the lake."""
    found: dict[str, Counted]
    verified: dict[str, Any]
    """As ``trustscore verify --json`` says it."""
    verify_s: float
    killed: Sample | None


def _through(place: Path, file: Path, readings: int, kill: bool) -> Done:
    lake = place / "lake"
    with KafkaServer(place / "kafka") as kafka, _children(place / "logs") as children:
        env = {
            "TRUSTSCORE_BROKER": kafka.address,
            "TRUSTSCORE_LAKE": str(lake),
            "TRUSTSCORE_SESSION_TIMEOUT_S": SESSION_S,
        }
        worker = Worker(children, "worker", env)
        wait_for([worker], lambda now: now.ready, "the worker's start")
        started_s = time.monotonic()
        command = [*CLI, "replay", str(file), "--format", "wsdream", "--speed", "max", "--json"]
        replay = subprocess.Popen(
            command, env={**os.environ, **env}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            killed = None
            if kill:
                killed = wait_for([worker], lambda now: now.folded >= readings // 2, "half of the replay")[-1]
                worker.kill()
                say(f"wsdream: worker killed with {killed.folded:,} folded, {killed.stored:,} of them in the lake")
                worker = Worker(children, "worker", env)
            said, complaint = replay.communicate()
        finally:
            replay.kill()
        if replay.returncode:
            raise BenchmarkFailed(f"the replay must end with exit code 0; got {replay.returncode}: {complaint.strip()}")
        ended_s = _settle(worker, lake, readings)
        worker.stop()
        began_s = time.monotonic()
        verified = _verify(env)
        verify_s = time.monotonic() - began_s
    with Lake(lake) as opened:
        found = in_lake(opened)
    return Done(json.loads(said), ended_s - started_s, found, verified, verify_s, killed)


@contextmanager
def _children(logs: Path) -> Iterator[Supervisor]:
    children = Supervisor(logs)
    try:
        yield children
    except BenchmarkFailed:
        for line in last_lines(children.log_of("worker")):
            say(f"  worker: {line}")
        raise
    finally:
        children.stop_all()


def _settle(worker: Worker, path: Path, readings: int) -> float:
    """Moment at which every reading was in the lake; returns once nothing waits and no score has been sent for 5 s."""
    stored_s: float | None = None
    emitted, since_s = -1, time.monotonic()

    def settled(now: Sample) -> bool:
        nonlocal stored_s, emitted, since_s
        waiting = now.pending or not now.lag or any(now.lag.values())
        if now.emitted != emitted or waiting:
            emitted, since_s = now.emitted, now.at_s
        if stored_s is None and _held(path) >= readings:
            stored_s = time.monotonic()
        return stored_s is not None and now.at_s - since_s >= SETTLED_S

    wait_for([worker], settled, "the readings in the lake")
    assert stored_s is not None
    return stored_s


def _held(path: Path) -> int:
    with Lake(path) as lake:
        return int(lake.rows("select count(*) from reports")[0][0])


def _verify(env: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [*CLI, "verify", "--json"], env={**os.environ, **env}, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 1) or not done.stdout:
        raise BenchmarkFailed(f"trustscore verify ended with exit code {done.returncode}: {done.stderr.strip()}")
    verified: dict[str, Any] = json.loads(done.stdout)
    return verified


def rows_of(name: str, done: Done, wanted: dict[str, Counted], readings: int) -> Iterator[Row]:
    """The figures of one replay; ``BenchmarkFailed`` after them when the lake is not what the file says."""
    stored = sum(service.reports for service in done.found.values())
    facts: dict[str, Any] = {"services": len(wanted), "timeouts": sum(service.timeouts for service in wanted.values())}
    if done.killed is not None:
        facts |= {"killed_at_folded": done.killed.folded, "killed_at_stored": done.killed.stored}
    yield Row(f"{name}/readings", stored, "in the lake", facts=facts)
    yield Row(f"{name}/seconds", done.seconds, "s", lower_is_better=True)
    yield Row(f"{name}/reports-per-s", readings / done.seconds, "reports/s", facts={"sent": done.replay})
    different = [service for service in wanted | done.found if wanted.get(service) != done.found.get(service)]
    yield Row(f"{name}/services-unlike-the-file", len(different), "services", target=0, lower_is_better=True)
    panes, scores = done.verified["panes"], done.verified["scores"]
    yield Row(
        f"{name}/panes-different", panes["different"], "panes", target=0, lower_is_better=True,
        facts={"compared": panes["compared"], "seconds": round(done.verify_s, 1)},
    )  # fmt: skip
    yield Row(
        f"{name}/scores-different", scores["different"], "scores", target=0, lower_is_better=True,
        facts={key: scores[key] for key in ("compared", "bit_for_bit", "ahead")},
    )  # fmt: skip
    largest = float(scores["largest_difference"])
    yield Row(f"{name}/largest-difference", largest, "relative", target=TOLERANCE, lower_is_better=True)
    if different:
        first = different[0]
        raise BenchmarkFailed(
            f"{len(different)} services are counted unlike the file: {first} must have {wanted.get(first)}; "
            f"got {done.found.get(first)}"
        )
    if stored != readings or not done.verified["equal"]:
        raise BenchmarkFailed(f"the lake must hold {readings:,} readings and verify as equal; got {done.verified}")


PROGRAM: Final = Program("wsdream", __doc__ or "", options, run)

if __name__ == "__main__":
    sys.exit(execute(PROGRAM))
