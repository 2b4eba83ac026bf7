import argparse
from pathlib import Path

import numpy as np
import pytest

from analytics.backtest import replayed
from analytics.replay.sources import Format
from benchmarks.harness import BenchmarkFailed
from benchmarks.truth import options, rows_of, run


@pytest.fixture
def readings(tmp_path: Path) -> Path:
    """Response times of 5 users at 6 services, of which one times out half of the time."""
    rng = np.random.default_rng(3)
    lines = ["user,service," + ",".join(f"t{slot:02d}" for slot in range(10))]
    for service in range(6):
        for user in range(5):
            seconds = np.where(rng.random(10) < (0.5 if service == 5 else 0.01), 20.0, rng.uniform(0.1, 2, 10))
            lines.append(f"{user},{service}," + ",".join(f"{each:.3f}" for each in seconds))
    file = tmp_path / "readings.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def given(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    options(parser)
    return parser.parse_args(arguments)


def test_rows_state_targets_for_the_callers_prediction_alone(readings: Path) -> None:
    rows = {row.name: row for row in run(given(str(readings)))}
    assert (rows["truth/trustscore-brier"].target, rows["truth/raw-rate-brier"].target) == (0.0172, None)
    assert rows["truth/trustscore-log-loss"].facts["reports"] == 300
    regret = rows["truth/trustscore-routing-regret"]
    assert (regret.peer, regret.target_ratio) == ("truth/raw-rate-routing-regret", 0.5)
    assert rows["truth/predictor-cpu"].value > 0


def test_coverage_counts_as_missed_by_how_far_it_is_outside(readings: Path) -> None:
    rows = {row.name: row for row in rows_of(replayed(readings, Format.WSDREAM))}
    row = rows["truth/latency-coverage-missed-by"]
    covered = row.facts["coverage"]
    assert row.value == pytest.approx(max(0.88 - covered, covered - 0.92, 0.0), abs=1e-4)


def test_without_a_file_it_is_left_out_and_a_missing_one_fails() -> None:
    assert list(run(given())) == []
    with pytest.raises(BenchmarkFailed, match="FILE must be a file"):
        list(run(given("none.csv")))
