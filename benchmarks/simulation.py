"""A million reports a second over 200 partitions: how many workers that takes, and what a lost one costs. A simulation.

``python -m benchmarks simulation [--rate 1000000] [--partitions 200] [--providers 50000] [--exponent 1.0]``. Costs are
those on file of ``make bench ONLY=growth``: what one worker was measured to take. From them a seeded model
(``benchmarks/support/fleet.py``) computes the load of every worker and lets workers die, stop and join, second by
second.
"""

import argparse
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from benchmarks.harness import BenchmarkFailed, Program, Row, execute, read
from benchmarks.support.fleet import STAGES, Change, Costs, Fleet, Keying, Traffic

__all__ = ["PROGRAM", "costs_of", "needed"]

GIB: Final = 2**30
MIB: Final = 2**20
BUSY: Final = 0.7
"""Most that a worker's core may be needed in quiet times: the rest is for catching up after a rebalance."""
KEYINGS: Final[tuple[Keying, ...]] = ("keyed", "hot spread", "unkeyed")
SECONDS: Final = 1_800
AT_S: Final = 60
IDLE_S: Final = 60.0
"""Of the idle minute that growth measures: every entity is scored about once in it."""
LEAST_S: Final = 0.1
"""What two starts differ by at least where one reads more state: they are told apart no better."""


def options(parser: argparse.ArgumentParser) -> None:
    """What can be asked of it."""
    parser.add_argument("--rate", type=float, default=1e6, help="reports a second (default 1,000,000)")
    parser.add_argument("--partitions", type=int, default=200, help="of every topic (default 200)")
    parser.add_argument("--providers", type=int, default=50_000, help="reported about (default 50,000)")
    parser.add_argument("--exponent", type=float, default=1.0, help="of Zipf's law of their traffic (default 1.0)")
    parser.add_argument("--seed", type=int, default=1, help="which provider is popular, which workers die (default 1)")


def run(given: argparse.Namespace) -> Iterator[Row]:
    """Workers by keying, then what becomes of them when some are lost."""
    costs = costs_of({row["name"]: row for row in read()})
    told = {name: round(value, 1) for name, value in asdict(costs).items()}
    for keying in KEYINGS:
        traffic = Traffic(given.rate, given.partitions, given.providers, given.exponent, keying=keying, seed=given.seed)
        yield from _sized(costs, traffic, {"costs": told})
    traffic = Traffic(given.rate, given.partitions, given.providers, given.exponent, 4, "hot spread", given.seed)
    workers = needed(costs, traffic) or traffic.partitions
    if Fleet(costs, traffic, workers).busy().max() >= 1:
        raise BenchmarkFailed("a partition alone needs more than a worker has: take more partitions")
    yield from _disturbed(costs, traffic, workers, given.seed)


def costs_of(rows: Mapping[str, Mapping[str, Any]]) -> Costs:
    """What one worker takes, by the rows of ``growth``.

    Parameters
    ----------
    rows
        By name, as ``results.json`` keeps them.

    Raises
    ------
    BenchmarkFailed
        When one is missing, or they say that more costs less.
    """
    names = ("base", "reports-4", "lake-1", "providers-10000", "partitions-64", "history-days-89")
    missing = [name for name in names if f"engine/growth-{name}" not in rows]
    if missing:
        raise BenchmarkFailed(f"growth must have been measured, also {', '.join(missing)}: make bench ONLY=growth")
    base, long, lake, many, parts, full = (rows[f"engine/growth-{name}"] for name in names)

    def more(row: Mapping[str, Any], fact: str, by: float) -> float:
        """A fact of a case above that of the base case, by so many units."""
        return float(row["facts"][fact] - base["facts"][fact]) / by

    entities = many["facts"]["entities"] - base["facts"]["entities"]
    held = STAGES * full["facts"]["entities"]
    found = Costs(
        # What more reports cost on top, free of what a run costs anyway; and the lake.
        report_us=_marginal_us(base, long) + float(lake["value"] - base["value"]),
        score_us=more(many, "idle_cpu_share", entities) * IDLE_S * 1e6,
        partition_us=more(parts, "idle_cpu_share", parts["facts"]["partitions"] - base["facts"]["partitions"]) * 1e6,
        entity_bytes=more(full, "held_mib", held) * MIB,
        changelog_bytes=more(full, "changelog_mib", held) * MIB,
        restore_bytes_per_s=more(full, "changelog_mib", 1) * MIB / max(LEAST_S, more(full, "start_s", 1)),
        rebalance_s=float(base["facts"]["start_s"]),
    )
    if any(value <= 0 for value in asdict(found).values()):
        raise BenchmarkFailed(f"every cost must be above 0; got {found}: measure growth again on a quieter machine")
    return found


def _marginal_us(base: Mapping[str, Any], long: Mapping[str, Any]) -> float:
    """Processor time of one more report, by two runs of different length."""
    reports = [row["facts"]["reports"] for row in (base, long)]
    used_us = [row["value"] * count for row, count in zip((base, long), reports, strict=True)]
    return float((used_us[1] - used_us[0]) / (reports[1] - reports[0]))


def needed(costs: Costs, traffic: Traffic) -> int | None:
    """Fewest workers of which none is busier than ``BUSY``; None: a partition alone is more than that."""
    one_each = Fleet(costs, traffic, traffic.partitions).busy()
    if one_each.max() > BUSY:
        return None
    for workers in range(max(1, math.ceil(one_each.sum() / BUSY)), traffic.partitions):
        if Fleet(costs, traffic, workers).busy().max() <= BUSY:
            return workers
    return traffic.partitions


def _sized(costs: Costs, traffic: Traffic, facts: dict[str, Any]) -> Iterator[Row]:
    """Cores that the greatest partition needs, and workers that all need."""
    alone = Fleet(costs, traffic, traffic.partitions)
    workers = needed(costs, traffic)
    name = f"engine/simulation-{traffic.keying.replace(' ', '-')}"
    told = {
        **facts,
        "reports_per_s": traffic.reports_per_s,
        "partitions": traffic.partitions,
        "providers": traffic.providers,
        "exponent": traffic.exponent,
        "spread_providers": int(traffic.spread().sum()),
        "hottest_partition_reports_per_s": round(float(traffic.reports().max())),
        "cores": round(float(alone.busy().sum()), 1),
        "state_gib": round(float(alone.state_bytes().sum()) / GIB, 1),
    }
    yield Row(f"{name}-hottest-partition", float(alone.busy().max()), "cores", lower_is_better=True, facts=told)
    if workers is not None:
        fleet = Fleet(costs, traffic, workers)
        about = {
            "busiest": round(float(fleet.busy().max()), 2),
            "mean_busy": round(float(fleet.busy().mean()), 2),
            "greatest_state_gib": round(float(fleet.state_bytes().max()) / GIB, 2),
        }
        yield Row(f"{name}-workers", workers, "workers", lower_is_better=True, facts=about)


def _disturbed(costs: Costs, traffic: Traffic, workers: int, seed: int) -> Iterator[Row]:
    """How far the worst partition falls behind, and how long until all are back within 3 s."""
    tenth = max(1, workers // 10)
    courses: dict[str, Sequence[Change]] = {
        "kill-one": [Change(AT_S, 1, "kill")],
        "kill-a-tenth": [Change(AT_S, tenth, "kill")],
        "add-a-tenth": [Change(AT_S, tenth, "join")],
        "replace-ten": [
            change
            for number in range(10)
            for change in (Change(AT_S + 60 * number, 1, "join"), Change(AT_S + 60 * number + 30, 1, "stop"))
        ],
    }
    for name, changes in courses.items():
        course = Fleet(costs, traffic, workers, seed).run(SECONDS, changes)
        facts = {
            "workers": workers,
            "back_after_s": course.recovered_s(AT_S),
            "longest_restore_s": round(course.restored_s, 1),
            "most_waiting": round(max(course.waiting)),
        }
        yield Row(f"engine/simulation-{name}", max(course.behind_s), "s behind", lower_is_better=True, facts=facts)


PROGRAM: Final = Program("simulation", __doc__ or "", options, run)

if __name__ == "__main__":
    sys.exit(execute(PROGRAM))
