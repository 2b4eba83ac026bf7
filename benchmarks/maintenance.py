"""What it costs ingest that the lake is kept small beside it: compaction, retention and deletion, in rounds.

``python -m benchmarks maintenance [--reports 2000000] [--pairs 5] [--every 5]``. One worker folds a backlog into a
lake, alone and with ``trustscore lake maintain`` beside it, in turn, each on a Kafka and a lake of its own. The reports
are of the last three days and two days are kept, so that every round has something to delete. The middle rate of each
kind is told: one run in some is a fifth off, and would decide the mean.
"""

import argparse
import re
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from benchmarks.harness import BenchmarkFailed, Program, Row, execute, say
from benchmarks.life import rate
from benchmarks.support.processes import cpu_s, since_start
from benchmarks.support.stage import Stage, staged
from benchmarks.support.timeline import Timeline

__all__ = ["PROGRAM", "Ingest", "rounds_of"]

SPAN_S: Final = 3 * 86_400.0
KEPT_DAYS: Final = "2"
TARGET_RATIO: Final = 0.9
START_S: Final = 120.0
CARING: Final = "maintenance"
STOP_S: Final = 90.0
ALONE: Final = "engine/ingest-alone"


@dataclass(frozen=True, slots=True)
class Ingest:
    """One run over the backlog."""

    per_s: float
    """Reports folded and committed to the lake."""
    rounds: int = 0
    """Of maintenance that changed something."""
    care_cpu_s: float = 0.0
    """Processor time of maintenance meanwhile."""


def options(parser: argparse.ArgumentParser) -> None:
    """What can be asked of it."""
    parser.add_argument("--reports", type=int, default=2_000_000, help="of a run (default 2,000,000)")
    parser.add_argument("--providers", type=int, default=1_000, help="they are about (default 1,000)")
    parser.add_argument("--pairs", type=int, default=5, help="runs alone, and as many beside maintenance (default 5)")
    parser.add_argument("--every", type=float, default=5.0, help="seconds between two rounds (default 5)")


def run(given: argparse.Namespace) -> Iterator[Row]:
    """Rates alone and beside maintenance, in turn, and their ratio.

    Raises
    ------
    BenchmarkFailed
        When maintenance changed nothing: then nothing was measured.
    """
    alone: list[Ingest] = []
    beside: list[Ingest] = []
    for _ in range(given.pairs):
        alone.append(_ingest(given, care=False))
        beside.append(_ingest(given, care=True))
    if not all(one.rounds for one in beside):
        raise BenchmarkFailed(f"maintenance must have changed something in every run; got {beside}")
    facts = {"reports": given.reports, "providers": given.providers}
    yield Row(ALONE, _middle(alone), "reports/s", facts={**facts, "runs_per_s": _rates(alone)})
    about = {
        **facts,
        "every_s": given.every,
        "rounds": [one.rounds for one in beside],
        "care_cpu_s": [round(one.care_cpu_s, 1) for one in beside],
        "runs_per_s": _rates(beside),
    }
    name = "engine/ingest-beside-maintenance"
    yield Row(name, _middle(beside), "reports/s", ALONE, facts=about, target_ratio=TARGET_RATIO)


def _middle(runs: Sequence[Ingest]) -> float:
    return median(one.per_s for one in runs)


def _rates(runs: Sequence[Ingest]) -> list[int]:
    return [round(one.per_s) for one in runs]


def _ingest(given: argparse.Namespace, care: bool) -> Ingest:
    with staged("maintenance", lake=True) as stage:
        now_s = time.time()
        stage.send(Timeline(given.providers, given.reports, now_s - SPAN_S, now_s, "backlog"))
        pid = _start_care(stage, given.every) if care else None
        worker = stage.worker()
        samples = stage.wait_until_read(worker, given.reports)
        used_s = (cpu_s(pid) or 0.0) if pid else 0.0
        if pid:
            stage.children.stop(CARING, STOP_S)
        worker.stop()
        rounds = rounds_of(stage.children.log_of(CARING).read_text(encoding="utf-8")) if pid else 0
    found = Ingest(rate(since_start(samples)), rounds, used_s)
    say(f"  {'beside maintenance' if care else 'alone'}: {found.per_s:,.0f} reports/s")
    return found


def _start_care(stage: Stage, every_s: float) -> int:
    """Process id of ``trustscore lake maintain`` over the lake of the stage."""
    kept = {f"TRUSTSCORE_KEEP_{table}_DAYS": KEPT_DAYS for table in ("REPORTS", "PANES", "SCORES")}
    command = [sys.executable, "-m", "analytics.cli.main", "lake", "maintain", "--every", str(every_s)]
    return stage.children.start(CARING, command, {**stage.env, **kept})


def rounds_of(log: str) -> int:
    """Rounds that changed something, by the log of maintenance.

    Raises
    ------
    BenchmarkFailed
        With the first failure that it tells.

    >>> rounds_of('{"event": "lake_maintained"}' + chr(10) + '{"event": "lake_maintained"}')
    2
    """
    failed = re.search(r".*lake_maintenance_failed.*", log)
    if failed:
        raise BenchmarkFailed(f"maintenance must fail in no round; got {failed[0]}")
    return log.count('"lake_maintained"')


PROGRAM: Final = Program("maintenance", __doc__ or "", options, run)

if __name__ == "__main__":
    sys.exit(execute(PROGRAM))
