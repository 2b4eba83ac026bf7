import argparse
from pathlib import Path

import pytest

from analytics.backtest import replayed
from analytics.replay.sources import Format
from analytics.simulator import NETWORKS
from benchmarks.harness import BenchmarkFailed
from benchmarks.truth import network_rows, options, other_seed_rows, rows_of, run
from scoring.prediction.baselines import BASELINES
from tests.support.readings import write_readings


@pytest.fixture
def readings(tmp_path: Path) -> Path:
    """Response times of 5 users at 6 services, of which one times out half of the time."""
    return write_readings(tmp_path / "readings.csv", seed=3, users=5, services=6, slots=10)


def given(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    options(parser)
    return parser.parse_args(arguments)


def test_rows_state_targets_for_the_callers_prediction_alone(readings: Path) -> None:
    rows = {row.name: row for row in run(given(str(readings), "--hours", "0.05"))}
    assert (rows["truth/trustscore-brier"].target, rows["truth/raw-rate-brier"].target) == (0.0172, None)
    assert rows["truth/trustscore-log-loss"].facts["reports"] == 300
    regret = rows["truth/trustscore-routing-regret"]
    assert (regret.peer, regret.target_ratio) == ("truth/raw-rate-routing-regret", 0.5)
    assert rows["truth/predictor-cpu"].value > 0
    assert rows["truth/rate-coverage-missed-by"].facts["stretches"] == 1  # 50 calls a provider are hardly one
    assert rows["truth/in-service-brier"].target == 0.0172


def test_calls_too_few_for_a_stretch_have_no_coverage_of_rates(tmp_path: Path) -> None:
    short = write_readings(tmp_path / "short.csv", seed=3, users=5, services=6, slots=4)  # 20 calls a provider
    names = {row.name for row in rows_of(replayed(short, Format.WSDREAM))}
    assert "truth/latency-coverage-missed-by" in names
    assert "truth/rate-coverage-missed-by" not in names


def test_coverage_counts_as_missed_by_how_far_it_is_outside(readings: Path) -> None:
    rows = {row.name: row for row in rows_of(replayed(readings, Format.WSDREAM))}
    row = rows["truth/latency-coverage-missed-by"]
    covered = row.facts["coverage"]
    assert row.value == pytest.approx(max(0.88 - covered, covered - 0.92, 0.0), abs=1e-4)


def test_without_a_file_only_networks_are_measured_and_a_missing_one_fails() -> None:
    assert {row.name.split("/")[1][:3] for row in run(given("--hours", "0.05"))} == {"net"}
    with pytest.raises(BenchmarkFailed, match="FILE must be a file"):
        list(run(given("none.csv")))


def test_in_each_network_state_and_over_all_the_prediction_is_set_beside_the_best_baseline() -> None:
    rows = {row.name: row for row in network_rows(hours=3.0, seed=1)}
    for part in ("net-all", *(network.value.replace("_", "-") for network in NETWORKS)):
        ours = rows[f"truth/{part}-trustscore-brier"]
        others = [rows[f"truth/{part}-{name}-brier".replace("_", "-")].value for name in BASELINES]
        assert ours.peer is not None
        assert (rows[ours.peer].value, ours.target_ratio) == (min(others), 1.0)
        assert ours.value < min(others), part
    regret = rows["truth/net-all-trustscore-routing-regret"]
    assert (regret.peer, regret.target_ratio) == ("truth/net-all-raw-rate-routing-regret", 0.5)
    assert regret.value < 0.5 * rows["truth/net-all-raw-rate-routing-regret"].value


def test_other_seeds_give_the_mean_ratio_to_the_best_baseline_of_each_and_the_coverage_over_them() -> None:
    rows = {row.name: row for row in other_seed_rows(0.5, (2, 3))}
    for part in ("net-all", *(network.value.replace("_", "-") for network in NETWORKS[1:])):
        row, rates = rows[f"truth/{part}-other-seeds"], rows[f"truth/{part}-rate-coverage-missed-by"]
        assert (row.target, rates.target) == (1.0, 0.0)
        assert row.value == pytest.approx((row.facts["seed_2"] + row.facts["seed_3"]) / 2, abs=1e-4)
        covered = rates.facts["coverage"]
        assert rates.value == pytest.approx(max(0.88 - covered, covered - 0.92, 0.0), abs=1e-4)
    assert rows["truth/net-all-rate-coverage-missed-by"].facts["stretches"] > 300
    assert rows["truth/net-all-rate-coverage-missed-by"].value < 0.02
    assert list(other_seed_rows(0.5, ())) == []
