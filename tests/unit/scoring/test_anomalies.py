"""Own-baseline z-scores, against a plain restatement with the statistics module."""

import math
import random
from statistics import median

import numpy as np
import pytest

from scoring.anomalies import THRESHOLD, baseline, no_baseline, own_z_scores
from scoring.dimensions import COLUMN
from scoring.stats import STATS
from scoring.tables import DIMENSIONS
from scoring.trust import score
from tests.support.scoring_cases import AS_OF_S, Call, column, evidence_of, stats_row

HOURS, MINUTES = 167, 55
RELIABILITY, LATENCY = COLUMN["reliability"], COLUMN["latency"]


def hours_of(success_of_20: list[int]) -> np.ndarray[tuple[int, int, int], np.dtype[np.int64]]:
    """Closed hours with 20 reports each, so many of which succeeded."""
    hours = np.zeros((1, HOURS, len(STATS)), dtype=np.int64)
    for pane, good in enumerate(success_of_20):
        hours[0, pane, column("success")], hours[0, pane, column("error")] = good, 20 - good
    return hours


def minutes_of(panes: int, reports: int) -> np.ndarray[tuple[int, int, int], np.dtype[np.int64]]:
    minutes = np.zeros((1, MINUTES, len(STATS)), dtype=np.int64)
    minutes[0, :panes, column("success")] = reports
    return minutes


NO_HOURS = np.zeros((1, HOURS, len(STATS)), dtype=np.int64)
NO_MINUTES = np.zeros((1, MINUTES, len(STATS)), dtype=np.int64)


def windows(**of_last_hour: int) -> np.ndarray[tuple[int, int, int], np.dtype[np.int64]]:
    """Windows in which everything happened in the last minutes."""
    found = np.zeros((1, 6, len(STATS)), dtype=np.int64)
    for name, value in of_last_hour.items():
        found[0, :, column(name)] = value
    return found


def test_z_score_is_the_robust_one_of_the_book() -> None:
    goods = [20, 19, 18, 17, 16, 15, 20, 18, 17, 19] * 3
    shares = [good / 20 for good in goods]
    middle = median(shares)
    spread = 1.4826 * median(abs(share - middle) for share in shares)
    z = own_z_scores(windows(success=40, error=60), baseline(hours_of(goods), NO_MINUTES))[0, RELIABILITY]
    assert spread > 0.05  # wider than the floor
    assert z == pytest.approx((0.4 - middle) / spread)


def test_an_even_number_of_panes_has_the_mean_of_the_middle_two_as_median() -> None:
    usual = baseline(hours_of([10] * 12 + [20] * 12), NO_MINUTES)
    assert usual.median[0, RELIABILITY] == 0.75
    assert usual.spread[0, RELIABILITY] == pytest.approx(1.4826 * 0.25)


def test_a_constant_baseline_gives_a_finite_score_by_the_floor() -> None:
    usual = baseline(hours_of([20] * 30), NO_MINUTES)
    assert usual.spread[0, RELIABILITY] == 0
    z = own_z_scores(windows(success=50, error=50), usual)[0, RELIABILITY]
    guess = 21 / 22  # a pane of 20 without failure, and one of each
    assert z == pytest.approx(-0.5 / math.sqrt(guess * (1 - guess) / 100))


def test_a_constant_provider_that_stays_constant_has_score_zero() -> None:
    assert own_z_scores(windows(success=50), baseline(hours_of([20] * 30), NO_MINUTES))[0, RELIABILITY] == 0


def test_one_failure_in_six_calls_does_not_alarm() -> None:
    z = own_z_scores(windows(success=5, error=1), baseline(hours_of([20] * 30), NO_MINUTES))[0, RELIABILITY]
    assert -THRESHOLD < z < 0


@pytest.mark.parametrize(("panes", "hourly"), [(23, 0), (24, 1)])
def test_hours_are_the_baseline_from_24_of_them(panes: int, hourly: int) -> None:
    usual = baseline(hours_of([20] * panes), minutes_of(12, 9))
    assert usual.hourly[0, RELIABILITY] == hourly
    assert usual.panes[0, RELIABILITY] == (24 if hourly else 12)


@pytest.mark.parametrize(("panes", "known"), [(9, False), (10, True)])
def test_minutes_are_the_baseline_from_10_of_them(panes: int, known: bool) -> None:
    usual = baseline(NO_HOURS, minutes_of(panes, 3))
    assert (not np.isnan(usual.median[0, RELIABILITY])) == known
    assert usual.panes[0, RELIABILITY] == panes


def test_a_pane_with_too_few_reports_does_not_count() -> None:
    assert baseline(NO_HOURS, minutes_of(30, 2)).panes[0, RELIABILITY] == 0
    few = hours_of([20] * 30) // 5  # 4 reports an hour
    assert baseline(few, NO_MINUTES).panes[0, RELIABILITY] == 0


def test_a_minute_baseline_is_compared_with_the_last_five_minutes() -> None:
    current = windows(success=100)
    current[0, 0, column("success")], current[0, 0, column("error")] = 5, 5
    usual = baseline(NO_HOURS, minutes_of(20, 10))
    assert own_z_scores(current, usual)[0, RELIABILITY] < -THRESHOLD


def test_a_current_window_with_too_few_reports_has_no_score() -> None:
    usual = baseline(hours_of([20] * 30), NO_MINUTES)
    assert np.isnan(own_z_scores(windows(success=4), usual)[0, RELIABILITY])


def test_healthy_traffic_with_its_usual_failures_does_not_alarm() -> None:
    alarms = 0
    for seed in range(40):
        rng = random.Random(seed)
        calls = [Call(AS_OF_S - 4.0 * i, "success" if rng.random() < 0.985 else "error") for i in range(900)]
        alarms += int((score(evidence_of([calls], histograms=False), AS_OF_S).z_scores[0] <= -THRESHOLD).any())
    assert alarms == 0


def test_security_is_compared_by_the_plain_share_of_clean_checks() -> None:
    minutes = minutes_of(20, 10)
    minutes[0, :20, [column("security_n"), column("security_clean")]] = 10
    z = own_z_scores(windows(success=50, security_n=50, security_clean=49), baseline(NO_HOURS, minutes))
    guess = 11 / 12
    assert z[0, COLUMN["security"]] == pytest.approx(-0.02 / math.sqrt(guess * (1 - guess) / 50))


def test_latency_is_compared_by_the_logarithm_of_its_mean() -> None:
    hours = hours_of([20] * 30)
    hours[0, :30, column("latency_n")] = 20
    hours[0, :30, column("latency_us")] = 20 * 100_000
    slower = windows(success=400, latency_n=400, latency_us=400 * 900_000, latency_satisfied=400)
    z = own_z_scores(slower, baseline(hours, NO_MINUTES))[0, LATENCY]
    assert z == pytest.approx(-math.log(9) * math.sqrt(400))  # Apdex is 1 before and after


def test_latency_of_zero_is_a_microsecond() -> None:
    hours = hours_of([20] * 30)
    hours[0, :30, column("latency_n")] = 20
    z = own_z_scores(windows(success=9, latency_n=9), baseline(hours, NO_MINUTES))[0, LATENCY]
    assert z == 0


def test_what_has_no_panes_has_no_score() -> None:
    assert np.isnan(own_z_scores(windows(success=40), no_baseline(1))).all()
    nothing = baseline(np.zeros((1, 0, len(STATS)), dtype=np.int64), np.zeros((1, 0, len(STATS)), dtype=np.int64))
    assert np.isnan(nothing.median).all()
    usual = baseline(hours_of([20] * 30), NO_MINUTES)
    assert np.isnan(own_z_scores(windows(success=40), usual)[0, COLUMN["geographic_availability"]])


def test_the_order_of_panes_does_not_matter() -> None:
    rng = np.random.default_rng(4)
    hours = rng.integers(0, 30, (2, HOURS, len(STATS)))
    minutes = rng.integers(0, 30, (2, MINUTES, len(STATS)))
    one = baseline(hours, minutes)
    other = baseline(hours[:, rng.permutation(HOURS)], minutes[:, rng.permutation(MINUTES)])
    np.testing.assert_array_equal(one.median, other.median)
    np.testing.assert_array_equal(one.spread, other.spread)
    assert one.median.shape == (2, len(DIMENSIONS))


def test_two_steady_days_followed_by_a_slow_hour_are_anomalous_in_latency_only() -> None:
    rng = random.Random(11)
    usual = [Call(AS_OF_S - 3_600 - 200.0 * i, latency_ms=rng.lognormvariate(5, 0.4)) for i in range(864)]
    slow = [Call(AS_OF_S - 60.0 * i, latency_ms=rng.lognormvariate(6.2, 0.3)) for i in range(40)]
    z_scores = score(evidence_of([usual + slow]), AS_OF_S).z_scores[0]
    assert z_scores[LATENCY] < -THRESHOLD
    assert abs(z_scores[RELIABILITY]) < 1
    assert stats_row(slow)[column("latency_satisfied")] > 35  # Apdex hardly sees it
