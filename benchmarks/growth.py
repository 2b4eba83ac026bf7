"""How the cost of a report grows: with their number, with providers, series, spread of time, history and partitions.

``python -m benchmarks growth [--axis providers] [--reports 1000000]``. Each case is a worker and a Kafka of its own;
cost is the worker's processor time by million reports, from the moment it is ready and idle until all is folded, scored
and written. It is stopped while they are sent, so that it finds a backlog: beside a sender it folds many small chunks
or few large ones, as their speeds happen to be.

One figure of the base case is changed at a time, and every ratio is to the base case of the same run. That is measured
first and last and before each further round: cases whose cost may not grow with history are measured three times. The
middle one is told, since processor time itself differs by a third on a machine that others use.

What a worker does once a minute without any report, when the windows of all entities move, is no part of it: reports
are sent when that is over, and where it lasts into the next minute, or 10,000 providers take so long, ``minutes`` says
how many began meanwhile.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, Final

from benchmarks.harness import Program, Row, execute, say
from benchmarks.peers.bench import CPU_UNIT
from benchmarks.support.processes import Sample, Worker, until_still
from benchmarks.support.reports import REGIONS, TASK_TYPES, Shape
from benchmarks.support.stage import MIB, Stage, staged
from benchmarks.support.timeline import Timeline
from benchmarks.support.topics import PARTITIONS

__all__ = ["BASE", "CASES", "PROGRAM", "Case", "Cost"]

DAY_S: Final = 86_400.0
MINUTES_S: Final = 600.0
HISTORY_A_DAY: Final = 20_000
"""Reports of each day of history: every provider about twenty, so all panes of days and most of hours are there."""
IDLE_S: Final = 60.0
"""Windows move once a minute: what held entities cost when nobody reports shows in a whole one."""
CALM_S: Final = 3.0
"""Without a score or a report, before cost is read: longer than a flush rests."""
CALM_WITHIN_S: Final = 60.0
CALM_EVERY_S: Final = 0.25
FROM_S: Final = 15.0
UNTIL_S: Final = 30.0
"""Seconds of a minute between which reports are sent: 5,000 entities have their scores by then, and half a minute is
left for what is measured."""
START_S: Final = 120.0
PATIENT: Final = {"session_timeout_s": 180, "request_timeout_s": 240, "stall_s": 300}
"""Settings of a worker that is stopped while reports are sent, and keeps its partitions."""
FLAT: Final = 1.15
"""Most that a cost per report may grow where it must not grow: two runs of the same case differ by up to a tenth."""


@dataclass(frozen=True, slots=True)
class Case:
    """A base case in which one figure is another."""

    axis: str = "base"
    size: float = 1
    """The figure, as it stands in the row's name."""
    reports: float = 1.0
    """Of the number that was asked for."""
    providers: int = 1_000
    tasks: int = 1
    """Task types that each provider has."""
    span_s: float = MINUTES_S
    """Event time of the reports: this much before now until now."""
    history_days: int = 0
    """Days before them that have been folded."""
    partitions: int = PARTITIONS
    lake: bool = False
    idles: bool = False
    """Whether a minute without reports is measured too."""
    restarts: bool = False
    """Whether a worker that takes over this state is measured too."""
    runs: int = 1
    """Of which the middle one is told."""
    target_ratio: float | None = None
    """Most that a report may cost, in terms of the base case; None: the figure is told, nothing is promised."""

    @property
    def name(self) -> str:
        """Of the row.

        >>> Case("reports", 4, reports=4.0).name, Case().name
        ('engine/growth-reports-4', 'engine/growth-base')
        """
        return "engine/growth-base" if self.axis == "base" else f"engine/growth-{self.axis}-{self.size:g}"

    def again(self, number: int) -> "Case":
        """The same for its run of this number: from the second on without what is measured once."""
        return replace(self, idles=False, restarts=False) if number else self

    @property
    def shape(self) -> Shape:
        """Of the reports: with more than one task, every provider does all."""
        crossed = self.tasks > 1
        return Shape(self.axis, task_types=self.tasks if crossed else len(TASK_TYPES), crossed=crossed)

    @property
    def entities(self) -> int:
        """Providers, providers at a task, providers in a region.

        >>> Case().entities, Case("tasks", 10, tasks=10).entities
        (5000, 14000)
        """
        return self.providers * (1 + self.tasks + len(REGIONS))


BASE: Final = Case(idles=True, restarts=True)
CASES: Final = (
    Case("reports", 2, reports=2.0, target_ratio=FLAT),
    Case("reports", 4, reports=4.0, target_ratio=FLAT),
    Case("providers", 100, providers=100),
    Case("providers", 10_000, providers=10_000, idles=True),
    Case("tasks", 10, tasks=10),
    Case("tasks", 50, tasks=50),
    Case("span-days", 1, span_s=DAY_S),
    Case("span-days", 30, span_s=30 * DAY_S),
    Case("history-days", 7, history_days=7, target_ratio=FLAT, runs=3),
    Case("history-days", 30, history_days=30, target_ratio=FLAT, runs=3),
    Case("history-days", 89, history_days=89, target_ratio=FLAT, runs=3, restarts=True),
    Case("partitions", 16, partitions=16),
    Case("partitions", 64, partitions=64, idles=True),
    Case("lake", 1, lake=True),
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What one case took."""

    reports: int
    cpu_s: float
    """From ready and idle to all committed."""
    held_bytes: int
    minutes: int = 0
    """How many began meanwhile: in each the windows of all entities moved."""
    scores: int = 0
    """How many were given for it: with fewer reports they are most of the cost."""
    changelog_bytes: int = 0
    """What Kafka holds of the state, and a worker that takes it over reads."""
    idle_cpu_share: float | None = None
    """Of a core in a minute without reports, all of it held; None: not measured."""
    start_s: float | None = None
    """From starting a process that takes all of it over until it is ready; None: not measured."""

    @property
    def per_million_s(self) -> float:
        """Processor seconds by million reports.

        >>> Cost(500_000, 4.0, 0).per_million_s
        8.0
        """
        return self.cpu_s / self.reports * 1e6


def options(parser: argparse.ArgumentParser) -> None:
    """What can be asked of it."""
    axes = sorted({case.axis for case in CASES})
    parser.add_argument("--reports", type=int, default=1_000_000, help="of the base case (default 1,000,000)")
    parser.add_argument("--axis", choices=axes, action="append", help="measure this; may be given again")


def run(given: argparse.Namespace) -> Iterator[Row]:
    """Rows of every case asked for, each as soon as it is measured, and of the base case last."""
    wanted = [case for case in CASES if given.axis is None or case.axis in given.axis]
    base: list[Cost] = []
    costs: dict[str, list[Cost]] = {case.name: [] for case in wanted}
    for number in range(max(case.runs for case in wanted)):
        base.append(_measured(BASE.again(number), given.reports))
        for case in wanted:
            if number < case.runs:
                costs[case.name].append(_measured(case.again(number), given.reports))
            if number == case.runs - 1:
                yield _row(case, costs[case.name], BASE.name)
    base.append(_measured(BASE.again(1), given.reports))
    yield _row(BASE, base)


def _row(case: Case, costs: Sequence[Cost], peer: str | None = None) -> Row:
    """The middle one of several runs, with what was measured in the first alone."""
    runs = {"runs": [round(cost.per_million_s, 2) for cost in costs]}
    return Row(
        case.name, median(cost.per_million_s for cost in costs), CPU_UNIT, peer, lower_is_better=True,
        facts={**_facts(case, costs[0]), **runs}, target_ratio=case.target_ratio,
    )  # fmt: skip


def _facts(case: Case, cost: Cost) -> dict[str, Any]:
    return {
        "reports": cost.reports,
        "providers": case.providers,
        "entities": case.entities,
        "span_s": case.span_s,
        "history_days": case.history_days,
        "partitions": case.partitions,
        "lake": case.lake,
        "held_mib": round(cost.held_bytes / MIB),
        "minutes": cost.minutes,
        "scores": cost.scores,
        "changelog_mib": round(cost.changelog_bytes / MIB, 1),
        "idle_cpu_share": None if cost.idle_cpu_share is None else round(cost.idle_cpu_share, 3),
        "start_s": None if cost.start_s is None else round(cost.start_s, 1),
    }


def _measured(case: Case, reports: int) -> Cost:
    """Cost of one case, on a Kafka and a worker of its own."""
    count = round(case.reports * reports)
    with staged("growth", lake=case.lake, partitions=case.partitions, **PATIENT) as stage:
        worker, _ = stage.started(START_S)
        now_s = time.time()
        if case.history_days:
            days, first_s = case.history_days * HISTORY_A_DAY, now_s - case.history_days * DAY_S
            stage.send(_timeline(case, days, first_s, now_s - MINUTES_S, "history"))
            stage.wait_until_read(worker, stage.sent)
        _await_room()
        before, began_s = _calm(worker), time.time()
        with worker.paused():
            stage.send(_timeline(case, count, now_s - case.span_s, now_s, "measured"))
        stage.wait_until_read(worker, stage.sent)
        after, ended_s = _calm(worker), time.time()
        held = stage.settled_bytes(worker)
        share = _idle_share(worker) if case.idles else None
        start_s = _restart_s(stage, worker) if case.restarts else None
        changelog = stage.changelog_bytes()
    minutes = int(ended_s // 60) - int(began_s // 60)
    scores = after.emitted - before.emitted
    cost = Cost(count, after.cpu_s - before.cpu_s, held, minutes, scores, changelog, share, start_s)
    say(f"  {case.name}: {cost.per_million_s:.2f} {CPU_UNIT}")
    return cost


def _await_room() -> None:
    """Return where enough of a minute is left to measure in, and what came at its beginning is over."""
    at_s = time.time() % 60
    if not FROM_S <= at_s <= UNTIL_S:
        time.sleep((FROM_S - at_s) % 60)


def _calm(worker: Worker) -> Sample:
    """The first sample behind ``CALM_S`` in which nothing came in or out; the last one where that does not happen."""
    *_, (sample, _) = until_still(worker, CALM_S, CALM_WITHIN_S, CALM_EVERY_S)
    return sample


def _idle_share(worker: Worker) -> float:
    before = worker.sample()
    time.sleep(IDLE_S)
    after = worker.sample()
    return (after.cpu_s - before.cpu_s) / (after.at_s - before.at_s)


def _restart_s(stage: Stage, worker: Worker) -> float:
    worker.stop()
    return stage.started(START_S)[1]


def _timeline(case: Case, count: int, start_s: float, end_s: float, name: str) -> Timeline:
    return Timeline(case.providers, count, start_s, end_s, name, case.shape, case.partitions)


PROGRAM: Final = Program("growth", __doc__ or "", options, run)

if __name__ == "__main__":
    sys.exit(execute(PROGRAM))
