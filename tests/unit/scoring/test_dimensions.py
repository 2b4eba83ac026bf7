"""Every dimension against its formula over plain reports, weighted one report at a time."""

import math
import random
from collections.abc import Callable

import numpy as np
import pytest

from scoring.dimensions import COLUMN, capped, credits, decayed, geography
from scoring.stats import STATS, WINDOWS, covers
from tests.support.scoring_cases import AS_OF_S, Call, column, repeat, stats_row, windows_of

DAY_S = 86_400.0


def weight_of(call: Call) -> float:
    """Weight of one report: that of the smallest window that holds it."""
    for window in WINDOWS:
        first, last = covers(window, AS_OF_S)
        if first <= call.at_s < last + window.level_s:
            return 1 / (1 + window.mean_age_s / DAY_S)
    return 0.0


def mean(calls: list[Call], credit: Callable[[Call], float | None]) -> float:
    """Weighted mean of the credits that are stated."""
    pairs = [(weight_of(call), credit(call)) for call in calls]
    stated = [(weight, earned) for weight, earned in pairs if earned is not None]
    return sum(weight * earned for weight, earned in stated) / sum(weight for weight, _ in stated)


def apdex(call: Call) -> float | None:
    if call.latency_ms is None or call.outcome not in ("success", "failure"):
        return None
    return 1.0 if call.latency_ms <= 1_000 else 0.5 if call.latency_ms <= 4_000 else 0.0


FORMULAS: dict[str, Callable[[Call], float | None]] = {
    "reliability": lambda call: float(call.outcome == "success"),
    "uptime": lambda call: float(call.outcome in ("success", "failure")),
    "latency": apdex,
    "error_rate": lambda call: None if call.outcome == "timeout" else float(call.outcome == "success"),
    "freshness": lambda call: None if call.data_age_s is None else math.exp2(-call.data_age_s / DAY_S),
    "cost_efficiency": lambda call: None if call.cost_usd is None else 1 / (1 + call.cost_usd / 0.01),
    "consistency": lambda call: (
        None if call.consistency is None else {"ok": 1.0, "stale": 0.5}.get(call.consistency, 0)
    ),
    "rate_limits": lambda call: None if call.rate_limited is None else 1.0 - call.rate_limited,
}


def steady_traffic(seed: int) -> list[Call]:
    """Even traffic over all windows, none of which is bad enough to cap."""
    rng = random.Random(seed)
    return [
        Call(
            AS_OF_S
            - rng.choice((200.0, 2_000.0, 40_000.0, 400_000.0, 1_500_000.0, 5_000_000.0)) * rng.uniform(0.2, 1.2),
            rng.choices(("success", "failure", "timeout", "error"), (70, 10, 10, 10))[0],
            latency_ms=rng.lognormvariate(7, 1) if rng.random() < 0.9 else None,
            quality=rng.random() if rng.random() < 0.5 else None,
            schema_valid=rng.random() < 0.7 if rng.random() < 0.5 else None,
            data_age_s=rng.expovariate(1 / 50_000),
            cost_usd=rng.expovariate(100),
            rate_limited=rng.random() < 0.2 if rng.random() < 0.5 else None,
            consistency=rng.choice(("ok", "stale", "conflict", "lost", None)),
            security=rng.choice(((), (), ("leak", "injection"), None)),
        )
        for _ in range(400)
    ]


@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_dimension_is_the_weighted_mean_of_what_single_reports_earn(name: str, seed: int) -> None:
    calls = steady_traffic(seed)
    earned = credits(decayed(windows_of(calls)[None]))
    found = earned.credit[0, COLUMN[name]] / earned.n[0, COLUMN[name]]
    assert found == pytest.approx(mean(calls, FORMULAS[name]), abs=2e-6)  # fixed point keeps millionths


def test_quality_pools_scores_and_schema_verdicts_but_counts_reports() -> None:
    calls = repeat(10, quality=0.5, schema_valid=True) + repeat(4, quality=1.0)
    earned = credits(stats_row(calls))
    assert earned.n[COLUMN["quality"]] == 14
    assert earned.credit[COLUMN["quality"]] / 14 == pytest.approx((10 * 0.5 + 10 + 4) / 24)


def test_a_security_finding_weighs_like_ten_clean_checks() -> None:
    earned = credits(stats_row(repeat(90, security=()) + repeat(1, security=("leak", "injection"))))
    assert earned.n[COLUMN["security"]] == 91
    assert earned.credit[COLUMN["security"]] / 91 == pytest.approx(90 / 100)


def test_checks_that_all_find_something_earn_nothing() -> None:
    assert credits(stats_row(repeat(3, security=("leak",)))).credit[COLUMN["security"]] == 0


def test_only_calls_that_were_answered_count_for_latency() -> None:
    earned = credits(stats_row(repeat(3, outcome="timeout", latency_ms=1.0) + repeat(2, latency_ms=9_000.0)))
    assert (earned.credit[COLUMN["latency"]], earned.n[COLUMN["latency"]]) == (0, 2)


@pytest.mark.parametrize(
    ("latency_ms", "apdex_credit"), [(1_000.0, 1.0), (1_000.001, 0.5), (4_000.0, 0.5), (4_000.001, 0)]
)
def test_apdex_limits_are_inclusive(latency_ms: float, apdex_credit: float) -> None:
    assert credits(stats_row(repeat(1, latency_ms=latency_ms))).credit[COLUMN["latency"]] == apdex_credit


def test_a_dimension_nobody_reported_on_is_absent() -> None:
    windows = windows_of(repeat(30))[None]
    value = capped(windows, decayed(windows))[0]
    present = {name for name, at in COLUMN.items() if not np.isnan(value[at])}
    assert present == {"reliability", "uptime", "error_rate"}


def test_without_reports_every_dimension_is_absent() -> None:
    windows = np.zeros((1, len(WINDOWS), len(STATS)), dtype=np.int64)
    assert np.isnan(capped(windows, decayed(windows))).all()


def test_only_timeouts_say_nothing_about_errors() -> None:
    windows = windows_of(repeat(9, outcome="timeout"))[None]
    value = capped(windows, decayed(windows))[0]
    assert value[COLUMN["reliability"]] == 0
    assert np.isnan(value[COLUMN["error_rate"]])


def test_older_reports_weigh_less() -> None:
    ages_s = (100.0, 2_000.0, 40_000.0, 400_000.0, 2_000_000.0, 7_000_000.0)
    weights = [decayed(windows_of(repeat(1, age_s=age_s))[None])[0, column("success")] for age_s in ages_s]
    assert weights == sorted(weights, reverse=True)
    assert weights == pytest.approx([1 / (1 + window.mean_age_s / DAY_S) for window in WINDOWS])


def test_an_outage_shows_although_ninety_good_days_lie_before_it() -> None:
    good = [Call(AS_OF_S - 600 - 7_776.0 * i) for i in range(990)]
    bad = repeat(40, age_s=120, outcome="timeout")
    windows = windows_of(good + bad)[None]
    value = capped(windows, decayed(windows))[0]
    assert value[COLUMN["reliability"]] < 0.25
    assert value[COLUMN["uptime"]] < 0.25


def test_a_recovered_provider_is_no_longer_capped() -> None:
    good = [Call(AS_OF_S - 90_000 - 3_600.0 * i) for i in range(900)]
    bad = repeat(20, age_s=120_000, outcome="timeout")
    windows = windows_of(good + bad)[None]
    sums = decayed(windows)
    earned = credits(sums)
    assert capped(windows, sums)[0, 0] == earned.credit[0, 0] / earned.n[0, 0]


def test_a_failure_by_chance_does_not_cap() -> None:
    calls = repeat(400, age_s=1_800) + repeat(19, age_s=60) + repeat(1, age_s=60, outcome="error")
    windows = windows_of(calls)[None]
    assert capped(windows, decayed(windows))[0, 0] == pytest.approx(419 / 420, abs=1e-4)


def region(n: int, good: int, seconds: float = 60.0) -> list[Call]:
    return repeat(good, age_s=seconds) + repeat(n - good, age_s=seconds, outcome="timeout")


def test_geography_is_the_mean_over_regions_however_the_traffic_is_spread() -> None:
    windows = np.stack([windows_of(region(1_000, 990)), windows_of(region(20, 10))])
    found = geography(windows, np.array([0, 0]), 1)
    assert found.share[0] == pytest.approx((0.99 + 0.5) / 2, abs=1e-8)
    assert found.worst[0] == pytest.approx(0.5)
    assert found.n[0] == 1_020
    assert found.regions[0] == 2
    assert 20 < found.n_effective[0] < 80  # as uncertain as the region with 20 reports makes it


def test_one_region_says_nothing_about_geography() -> None:
    found = geography(windows_of(region(50, 50))[None], np.array([0]), 2)
    assert np.isnan(found.share).all()
    assert found.n.tolist() == [0, 0]
    assert found.n_effective.tolist() == [0, 0]
    assert found.regions.tolist() == [1, 0]
    assert found.worst[0] == 1.0
    assert np.isnan(found.worst[1])


def test_a_region_with_four_reports_does_not_count() -> None:
    windows = np.stack([windows_of(region(50, 50)), windows_of(region(4, 0))])
    assert np.isnan(geography(windows, np.array([0, 0]), 1).share[0])


def test_no_regions_at_all_leave_geography_absent() -> None:
    found = geography(np.zeros((0, len(WINDOWS), len(STATS)), dtype=np.int64), np.zeros(0, dtype=np.int64), 3)
    assert np.isnan(found.share).all()


def test_the_order_of_regions_changes_no_bit() -> None:
    rng = np.random.default_rng(5)
    regions = np.stack(
        [windows_of(region(int(n), int(n * share))) for n, share in rng.random((9, 2)) * [90, 1] + [9, 0]]
    )
    owner = np.array([0, 1, 0, 1, 0, 1, 0, 1, 0])
    order = rng.permutation(9)
    one, other = geography(regions, owner, 2), geography(regions[order], owner[order], 2)
    for first, second in zip(one, other, strict=True):
        np.testing.assert_array_equal(first, second)
