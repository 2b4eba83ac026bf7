"""Reports replayed in event-time order, each predicted before it is learned, beside simple baselines."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from analytics.errors import AnalyticsError
from analytics.replay.columns import report_columns
from analytics.replay.sources import Format, read
from scoring.prediction import Calls, Outcomes, Predictions, Predictor
from scoring.prediction.baselines import baselines
from scoring.prediction.measures import Bin, brier, calibration_error, coverage, log_loss, reliability, routing_regret
from scoring.prediction.stretches import stretches_of

__all__ = ["COLUMNS", "Backtest", "Measured", "NothingToPredict", "Replayed", "backtest", "replayed", "write_rows"]

STEP: Final = 64
"""Calls after which weights change: a file is not in a hurry, so finer than a stream's."""
COLUMNS: Final = (
    "timestamp", "provider_id", "reporter_id", "success", "p_success", "latency_p50_ms", "latency_p95_ms", "score",
)  # fmt: skip


class NothingToPredict(AnalyticsError):
    """A file without reports."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(
            f"{path.name} must hold at least one report; got none; give a file with reports or its right --format"
        )


@dataclass(frozen=True, slots=True)
class Replayed:
    """N calls in event-time order, those of one timestamp in the order given, and the ids behind their numbers."""

    calls: Calls
    outcomes: Outcomes
    providers: tuple[str, ...]
    reporters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """How good one way to predict success was."""

    brier: float
    log_loss: float
    calibration_error: float
    routing_regret: float


@dataclass(frozen=True, slots=True)
class Backtest:
    """What a replay showed."""

    reports: int
    providers: int
    reporters: int
    success_rate: float
    measured: dict[str, Measured]
    """``trustscore`` (for the caller), ``score`` (for everybody), then the baselines."""
    decisions: int
    """Of routing."""
    reliability: tuple[Bin, ...]
    latency_coverage: float
    """Share of latencies within the 5 % and 95 % quantiles; nan when no latency is known."""
    rate_coverage: float
    """Share of stretches of a provider's calls whose success rate lay within its 90 % interval; nan without one."""
    rate_stretches: int
    rate_width: float
    """Mean width of those intervals."""


def replayed(path: Path, form: Format) -> Replayed:
    """The calls of a file.

    Raises
    ------
    BadLine
        At the first line that is no report.
    NothingToPredict
        When there is none.
    """
    columns = report_columns(read(path, form))
    if not len(columns.time_s):
        raise NothingToPredict(path)
    order = np.argsort(columns.time_s, kind="stable")
    ids = [numbers[order] for numbers in columns.ids]
    calls = Calls(columns.time_s[order], ids[0], ids[1], ids[2], ids[3])
    outcomes = Outcomes(columns.success[order], columns.latency_ms[order])
    return Replayed(calls, outcomes, columns.names[0], columns.names[1])


def backtest(given: Replayed, step: int = STEP) -> tuple[Backtest, Predictions]:
    """Every call predicted from those before it, and how good that was."""
    calls, outcomes = given.calls, given.outcomes
    said = Predictor(step).learn(calls, outcomes)
    ways = {"trustscore": said.success, "score": said.score, **baselines(calls, outcomes)}
    chosen_by = {**ways, "trustscore": said.worth}
    regrets = {name: routing_regret(calls, outcomes.success, by) for name, by in chosen_by.items()}
    measured = {
        name: Measured(
            brier(predicted, outcomes.success),
            log_loss(predicted, outcomes.success),
            calibration_error(predicted, outcomes.success),
            regrets[name][0],
        )
        for name, predicted in ways.items()
    }
    rates = stretches_of(calls.provider, outcomes.success, said.success)
    return Backtest(
        reports=len(calls),
        providers=len(given.providers),
        reporters=len(given.reporters),
        success_rate=float(outcomes.success.mean()),
        measured=measured,
        decisions=regrets["trustscore"][1],
        reliability=reliability(said.success, outcomes.success),
        latency_coverage=coverage(outcomes.latency_ms, said.latency_ms[0], said.latency_ms[2]),
        rate_coverage=rates.coverage,
        rate_stretches=len(rates.calls),
        rate_width=float((rates.upper - rates.lower).mean()) if len(rates.calls) else float("nan"),
    ), said


def write_rows(path: Path, given: Replayed, said: Predictions) -> None:
    """One CSV row for each call, in the order of the replay, with ``COLUMNS`` as header."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(_rows(given, said))


def _rows(given: Replayed, said: Predictions) -> Iterator[tuple[Any, ...]]:
    calls = given.calls
    columns = zip(
        calls.time_s.tolist(),
        calls.provider.tolist(),
        calls.reporter.tolist(),
        given.outcomes.success.astype(np.int64).tolist(),
        np.round(said.success, 6).tolist(),
        np.round(said.latency_ms[1], 3).tolist(),
        np.round(said.latency_ms[2], 3).tolist(),
        np.round(said.score, 6).tolist(),
        strict=True,
    )
    for time_s, provider, reporter, *rest in columns:
        moment = int(time_s) if time_s.is_integer() else time_s
        yield (moment, given.providers[provider], given.reporters[reporter], *rest)
