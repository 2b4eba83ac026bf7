"""How well outcomes are predicted before they come, beside simple baselines, and at what cost.

``python -m benchmarks truth FILE`` replays reports (a WS-DREAM response time file unless ``--format`` says otherwise).
"""

import argparse
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from analytics.backtest import STEP, Backtest, Replayed, backtest, replayed
from analytics.replay.sources import Format
from benchmarks.harness import Program, Row, execute, must_be_file, say
from scoring.prediction import Predictor

__all__ = ["PROGRAM", "rows_of"]

GOALS: Final = {"brier": ("Brier", 0.0172), "log_loss": ("nats", 0.0640), "calibration_error": ("rate", 0.005)}
LEAST_COVERAGE, MOST_COVERAGE = 0.88, 0.92
MOST_REGRET: Final = 0.5
"""Of the regret of the raw success rate."""


def options(parser: argparse.ArgumentParser) -> None:
    """What can be asked of it."""
    parser.add_argument("file", nargs="?", type=Path, help="reports in event-time order or not")
    parser.add_argument("--format", type=Format, choices=list(Format), default=Format.WSDREAM)
    parser.add_argument("--step", type=int, default=STEP, help="calls after which weights change")


def run(given: argparse.Namespace) -> Iterator[Row]:
    """Rows of one file."""
    if given.file is None:
        say("truth: left out, since no file is given: python -m benchmarks truth FILE")
        return
    must_be_file("FILE", given.file)
    yield from rows_of(replayed(given.file, given.format), given.step)


def rows_of(given: Replayed, step: int = STEP) -> Iterator[Row]:
    """Measures of the prediction for the caller with their targets, then of the general score and the baselines."""
    found, _ = backtest(given, step)
    facts = {"reports": found.reports, "providers": found.providers, "reporters": found.reporters, "step": step}
    for way in found.measured:
        yield from _measures(found, way, facts)
    coverage = found.latency_coverage
    missed = max(LEAST_COVERAGE - coverage, coverage - MOST_COVERAGE, 0.0)
    yield Row("truth/latency-coverage-missed-by", missed, "rate", target=0.0, lower_is_better=True,
              facts={"coverage": round(coverage, 4)})  # fmt: skip
    began_s = time.process_time()
    Predictor(step).learn(given.calls, given.outcomes)
    took_us = (time.process_time() - began_s) / len(given.calls) * 1e6
    yield Row("truth/predictor-cpu", took_us, "µs of one core a report", lower_is_better=True, facts=facts)


def _measures(found: Backtest, way: str, facts: dict[str, int]) -> Iterator[Row]:
    ours, measured = way == "trustscore", found.measured[way]
    for measure, (unit, goal) in GOALS.items():
        value = float(getattr(measured, measure))
        yield Row(_name(way, measure), value, unit, target=goal if ours else None, lower_is_better=True, facts=facts)
    yield Row(
        _name(way, "routing_regret"),
        measured.routing_regret,
        "rate",
        peer=_name("raw_rate", "routing_regret") if ours else None,
        target_ratio=MOST_REGRET if ours else None,
        lower_is_better=True,
        facts={"choices": found.decisions},
    )


def _name(way: str, measure: str) -> str:
    return f"truth/{way}-{measure}".replace("_", "-")


PROGRAM: Final = Program("truth", __doc__ or "", options, run)

if __name__ == "__main__":
    sys.exit(execute(PROGRAM))
