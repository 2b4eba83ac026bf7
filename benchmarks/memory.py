"""What a worker holds in memory: 10,000 providers after 90 days of history, and again after ever more reports.

``python -m benchmarks memory [--providers 10000] [--history 10000000] [--further 10000000]``. The history is sent
after the fact: event times ascend evenly over the last 89.9 days. What follows happens now. Memory is what the kernel
says (RSS), once scores and commits are through.
"""

import argparse
import sys
import time
from collections.abc import Iterator
from typing import Final

import numpy as np

from benchmarks.harness import Program, Row, execute
from benchmarks.support.processes import Worker, peak_bytes
from benchmarks.support.stage import MIB, Stage, staged
from benchmarks.support.timeline import HISTORY_S, Timeline

__all__ = ["PROGRAM"]

TARGET_MIB: Final = 1_024.0
TARGET_GROWTH: Final = 1.05
"""Of memory over the further reports: what allocators leave between two readings is up to some percent."""
EMPTY_START_S: Final = 60.0
STEPS: Final = 5
MINUTES_S: Final = 600.0
"""The further reports of a step are of the last ten minutes."""


def options(parser: argparse.ArgumentParser) -> None:
    """What can be asked of it."""
    parser.add_argument("--providers", type=int, default=10_000, help="reported about (default 10,000)")
    parser.add_argument("--history", type=int, default=10_000_000, help="reports over 90 days (default 10,000,000)")
    parser.add_argument("--further", type=int, default=10_000_000, help="reports after them (default 10,000,000)")
    parser.add_argument("--no-lake", action="store_true", help="write no lake")


def run(given: argparse.Namespace) -> Iterator[Row]:
    """Rows after the history and after each fifth of what follows."""
    with staged("memory", lake=not given.no_lake) as stage:
        worker, _ = stage.started(EMPTY_START_S)
        empty = stage.settled_bytes(worker)
        now_s = time.time()
        history = Timeline(given.providers, given.history, now_s - HISTORY_S, now_s - 60.0, "history")
        stage.send(history)
        stage.wait_until_read(worker, stage.sent)
        held = stage.settled_bytes(worker)
        rows = history.pane_rows(time.time())
        name = f"engine/memory-{given.providers}-providers"
        facts = {
            "reports": given.history,
            "lake": not given.no_lake,
            "empty_mib": round(empty / MIB),
            "peak_mib": round((peak_bytes(worker.pid) or 0) / MIB),
            "pane_rows_per_stage": rows,
            "bytes_per_pane_row": round((held - empty) / (2 * rows), 1),
            "changelog_mib": round(stage.changelog_bytes() / MIB),
        }
        yield Row(name, held / MIB, "MiB", target=TARGET_MIB, lower_is_better=True, facts=facts)
        yield from _further(stage, worker, given, name)
        worker.stop()


def _further(stage: Stage, worker: Worker, given: argparse.Namespace, name: str) -> Iterator[Row]:
    readings: list[int] = []
    for step in range(STEPS):
        now_s = time.time()
        stage.send(Timeline(given.providers, given.further // STEPS, now_s - MINUTES_S, now_s, f"step-{step}"))
        stage.wait_until_read(worker, stage.sent)
        readings.append(stage.settled_bytes(worker))
        facts = {"reports": stage.sent, "peak_mib": round((peak_bytes(worker.pid) or 0) / MIB)}
        row = f"{name}-further-{step + 1}"
        yield Row(row, readings[-1] / MIB, "MiB", target=TARGET_MIB, lower_is_better=True, facts=facts)
    # The first fifth brings the panes of these minutes, which every later one finds there. One reading is off by up to
    # a twelfth, since the windows of 50,000 entities move every minute: so a line through all of them.
    slope, first = np.polyfit(np.arange(STEPS), readings, 1)
    growth = float(1 + slope * (STEPS - 1) / first)
    grown = {"reports": given.further, "readings_mib": [round(one / MIB) for one in readings]}
    yield Row(f"{name}-growth", growth, "× after a fifth", target=TARGET_GROWTH, lower_is_better=True, facts=grown)


PROGRAM: Final = Program("memory", __doc__ or "", options, run)

if __name__ == "__main__":
    sys.exit(execute(PROGRAM))
