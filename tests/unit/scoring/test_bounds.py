import math

import numpy as np
import pytest
from scipy import stats

from scoring.bounds import beta_interval, jeffreys_interval, wilson_upper


@pytest.mark.parametrize(("credit", "n"), [(0.0, 1.0), (3.0, 10.0), (9.5, 10.0), (298.0, 300.0), (0.2, 0.5)])
def test_wilson_upper_bound_solves_the_equation_it_is_defined_by(credit: float, n: float) -> None:
    upper = wilson_upper(np.array([credit]), np.array([n]), 2.326)[0]
    corrected = min(credit + 0.5, n) / n
    assert upper - corrected == pytest.approx(2.326 * math.sqrt(upper * (1 - upper) / n), abs=1e-12)


def test_wilson_upper_bound_agrees_with_scipy() -> None:
    interval = stats.binomtest(7, 20).proportion_ci(confidence_level=0.95, method="wilsoncc")
    found = wilson_upper(np.array([7]), np.array([20]), float(stats.norm.ppf(0.975)))
    assert found[0] == pytest.approx(interval.high, abs=1e-12)


def test_no_reports_bound_nothing() -> None:
    assert wilson_upper(np.array([0]), np.array([0]), 2.0)[0] == math.inf


def test_all_successes_leave_the_upper_bound_at_one() -> None:
    assert wilson_upper(np.array([5, 5_000]), np.array([5, 5_000]), 2.326).tolist() == [1.0, 1.0]


@pytest.mark.parametrize(("share", "n"), [(0.5, 4.0), (0.93, 30.0), (0.123, 7.7), (0.999, 2_000.0)])
def test_jeffreys_interval_agrees_with_scipy_stats(share: float, n: float) -> None:
    lower, upper = jeffreys_interval(np.array([share]), np.array([n]))
    wanted = stats.beta.ppf([0.05, 0.95], share * n + 0.5, (1 - share) * n + 0.5)
    assert [lower[0], upper[0]] == pytest.approx(wanted, abs=1e-10)


def test_jeffreys_interval_reaches_the_ends_at_the_ends() -> None:
    lower, upper = jeffreys_interval(np.array([0.0, 1.0]), np.array([8.0, 8.0]))
    assert lower[0] == 0.0
    assert 0 < upper[0] < 1
    assert 0 < lower[1] < 1
    assert upper[1] == 1.0


def test_jeffreys_interval_holds_a_share_that_is_almost_one() -> None:
    share = 1 - 1e-6
    lower, upper = jeffreys_interval(np.array([share]), np.array([10.0]))
    assert lower[0] < share <= upper[0]


def test_no_evidence_has_no_interval() -> None:
    lower, upper = jeffreys_interval(np.array([np.nan]), np.array([0.0]))
    assert np.isnan([lower[0], upper[0]]).all()
    lower, upper = beta_interval(np.array([np.nan]), np.array([5.0]))
    assert np.isnan([lower[0], upper[0]]).all()


def test_beta_interval_agrees_with_scipy_stats() -> None:
    lower, upper = beta_interval(np.array([0.9]), np.array([50.0]))
    assert [lower[0], upper[0]] == pytest.approx(stats.beta.ppf([0.05, 0.95], 45, 5), abs=1e-10)


def test_the_interval_covers_the_mean_of_fractional_credits_at_least_as_often_as_it_says() -> None:
    # Credits that are no coin tosses scatter less than those, so 90 % is a lower bound: here 200 samples of 40 credits.
    rng = np.random.default_rng(7)
    means = rng.beta(6, 2, size=(200, 40)).mean(axis=1)
    lower, upper = jeffreys_interval(means, np.full(200, 40.0))
    assert ((lower <= 0.75) & (upper >= 0.75)).mean() > 0.95
