"""How well outcomes are predicted before they come, beside simple baselines, and at what cost.

``python -m benchmarks truth [FILE]`` replays reports (a WS-DREAM response time file unless ``--format`` says
otherwise), and simulated calls through networks in the five states of NetMCP.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Final

import numpy as np

from analytics.backtest import STEP, Backtest, Replayed, backtest, replayed
from analytics.replay.columns import report_columns
from analytics.replay.sources import Format
from analytics.simulator import NETWORKS, fleet, traffic
from benchmarks.harness import Program, Row, execute, must_be_file, say
from scoring.arrays import Bools
from scoring.prediction import Calls, Outcomes, Predictor
from scoring.prediction.baselines import BASELINES, baselines
from scoring.prediction.measures import brier, calibration_error, log_loss, routing_regret
from scoring.prediction.rolling import COARSE
from scoring.prediction.stretches import stretches_of

__all__ = ["PROGRAM", "network_rows", "other_seed_rows", "rows_of"]

GOALS: Final = {"brier": ("Brier", 0.0172), "log_loss": ("nats", 0.0640), "calibration_error": ("rate", 0.005)}
LEAST_COVERAGE, MOST_COVERAGE = 0.88, 0.92
MOST_REGRET: Final = 0.5
"""Of the regret of the raw success rate."""
PROVIDERS: Final = 10
CALLS_PER_S: Final = 5.0
END_S: Final = 1_760_000_000.0


def options(parser: argparse.ArgumentParser) -> None:
    """What can be asked of it."""
    parser.add_argument("file", nargs="?", type=Path, help="reports in event-time order or not")
    parser.add_argument("--format", type=Format, choices=list(Format), default=Format.WSDREAM)
    parser.add_argument("--step", type=int, default=STEP, help="calls after which weights change")
    parser.add_argument("--hours", type=float, default=6.0, help="of simulated networks (default 6)")
    parser.add_argument("--seed", type=int, default=1, help="of simulated networks (default 1)")
    parser.add_argument("--more-seeds", type=int, default=4, help="that follow it, for the mean over them (default 4)")


def run(given: argparse.Namespace) -> Iterator[Row]:
    """Rows of simulated networks, then of one file."""
    if given.file is not None:
        must_be_file("FILE", given.file)
    yield from network_rows(given.hours, given.seed, given.step)
    further = range(given.seed + 1, given.seed + 1 + given.more_seeds)
    yield from other_seed_rows(given.hours, further, given.step)
    if given.file is None:
        say("truth: nothing of recorded calls, since no file is given: python -m benchmarks truth FILE")
        return
    yield from rows_of(replayed(given.file, given.format), given.step)


@dataclass(frozen=True, slots=True)
class Networks:
    """What one run of simulated networks showed."""

    brier: dict[str, dict[str, float]]
    """By part (all, or one state), then by way to predict."""
    regret: dict[str, float]
    """Of routing, by way to predict."""
    choices: int
    facts: dict[str, dict[str, float | int]]
    """By part."""
    covered: dict[str, Bools]
    """Whether the success rate of each stretch of calls lay within its 90 % interval, by part."""

    def best(self, part: str) -> str:
        """The baseline with the lowest Brier score."""
        return min(BASELINES, key=lambda way: self.brier[part][way])

    def ratio(self, part: str) -> float:
        """Of the prediction's Brier score to that of the best baseline."""
        return self.brier[part]["trustscore"] / self.brier[part][self.best(part)]


def networks(hours: float, seed: int, step: int = STEP) -> Networks:
    """Ten providers, two in each network state, 24 callers, five calls a second; all states are learned together."""
    providers = fleet(PROVIDERS, frozenset(NETWORKS))
    states = {provider.provider_id: provider.regime for provider in providers}
    columns = report_columns(traffic(seed, providers, END_S - hours * 3_600, END_S, CALLS_PER_S))
    calls, outcomes = Calls(columns.time_s, *columns.ids), Outcomes(columns.success, columns.latency_ms)
    found = Predictor(step).learn(calls, outcomes)
    ways = {"trustscore": found.success, **baselines(calls, outcomes)}
    state = np.array([NETWORKS.index(states[name]) for name in columns.names[0]])[columns.ids[0]]
    parts = {"net-all": np.ones(len(calls), dtype=np.bool_)}
    parts |= {name.value.replace("_", "-"): state == number for number, name in enumerate(NETWORKS)}
    good = outcomes.success
    rates = stretches_of(calls.provider, good, ways["trustscore"])
    chosen_by = {**ways, "trustscore": found.worth}
    regrets = {way: routing_regret(calls, good, by) for way, by in chosen_by.items()}
    return Networks(
        brier={
            part: {way: brier(said[rows], good[rows]) for way, said in ways.items()} for part, rows in parts.items()
        },
        regret={way: regret for way, (regret, _) in regrets.items()},
        choices=regrets["trustscore"][1],
        facts={
            part: {"reports": int(rows.sum()), "success_rate": round(float(good[rows].mean()), 4), "seed": seed}
            for part, rows in parts.items()
        },
        covered={part: rates.covered[rows[rates.begins]] for part, rows in parts.items()},
    )


def network_rows(hours: float, seed: int, step: int = STEP) -> Iterator[Row]:
    """Brier score over calls to providers in each network state, and over all, beside that of every baseline."""
    found = networks(hours, seed, step)
    for part, by_way in found.brier.items():
        best, facts = found.best(part), found.facts[part]
        for way, value in by_way.items():
            ours = way == "trustscore"
            yield Row(
                f"truth/{part}-{way}-brier".replace("_", "-"),
                value,
                "Brier",
                peer=f"truth/{part}-{best}-brier".replace("_", "-") if ours else None,
                target_ratio=1.0 if ours else None,
                lower_is_better=True,
                facts={**facts, "best_baseline": best} if ours else facts,
            )
    for way, regret in found.regret.items():
        ours, name = way == "trustscore", f"truth/net-all-{way}-routing-regret".replace("_", "-")
        peer = "truth/net-all-raw-rate-routing-regret" if ours else None
        target = MOST_REGRET if ours else None
        facts = {"choices": found.choices, "seed": seed}
        yield Row(name, regret, "rate", peer, target_ratio=target, lower_is_better=True, facts=facts)


def other_seed_rows(hours: float, seeds: Sequence[int], step: int = STEP) -> Iterator[Row]:
    """The same with other seeds: mean over them of the Brier score's ratio to that of each seed's best baseline."""
    found = {seed: networks(hours, seed, step) for seed in seeds}
    for part in next(iter(found.values())).brier if found else ():
        ratios = {seed: each.ratio(part) for seed, each in found.items()}
        facts = {"hours": hours, **{f"seed_{seed}": round(ratio, 4) for seed, ratio in ratios.items()}}
        name = f"truth/{part}-other-seeds"
        yield Row(name, fmean(ratios.values()), "of the best baseline", target=1.0, lower_is_better=True, facts=facts)
        covered = np.concatenate([each.covered[part] for each in found.values()])
        if len(covered):
            yield _rate_coverage(f"{part}-rate", float(covered.mean()), len(covered), {})


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
    if found.rate_stretches:
        yield _rate_coverage("rate", found.rate_coverage, found.rate_stretches, {"width": round(found.rate_width, 4)})
    began_s = time.process_time()
    Predictor(step).learn(given.calls, given.outcomes)
    took_us = (time.process_time() - began_s) / len(given.calls) * 1e6
    yield Row("truth/predictor-cpu", took_us, "µs of one core a report", lower_is_better=True, facts=facts)
    began_s = time.process_time()
    said = Predictor(*COARSE).learn(given.calls, given.outcomes)
    took_us = (time.process_time() - began_s) / len(given.calls) * 1e6
    yield Row("truth/in-service-cpu", took_us, "µs of one core a report", lower_is_better=True, facts=facts)
    for measure, measured in (("brier", brier), ("log_loss", log_loss), ("calibration_error", calibration_error)):
        unit, goal = GOALS[measure]
        value = measured(said.success, given.outcomes.success)
        yield Row(_name("in-service", measure), value, unit, target=goal, lower_is_better=True, facts=facts)


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


def _rate_coverage(part: str, covered: float, stretches: int, facts: dict[str, float | int]) -> Row:
    """By how far the share of success rates within their 90 % intervals misses 88 to 92 %."""
    missed = max(LEAST_COVERAGE - covered, covered - MOST_COVERAGE, 0.0)
    told = {"coverage": round(covered, 4), "stretches": stretches, **facts}
    return Row(f"truth/{part}-coverage-missed-by", missed, "rate", target=0.0, lower_is_better=True, facts=told)


def _name(way: str, measure: str) -> str:
    return f"truth/{way}-{measure}".replace("_", "-")


PROGRAM: Final = Program("truth", __doc__ or "", options, run)

if __name__ == "__main__":
    sys.exit(execute(PROGRAM))
