"""Each flag on either side of its limit."""

from collections.abc import Sequence

import pytest

from scoring.flags import CONFIDENCES, FLAGS
from scoring.trust import records, score
from tests.support.scoring_cases import AS_OF_S, Call, evidence_of, regime, repeat


def flags_of(calls: Sequence[Call]) -> list[str]:
    return records(score(evidence_of([calls]), AS_OF_S), ["p"], [""], [{}])[0].flags


def confidence_of(calls: Sequence[Call]) -> str:
    return CONFIDENCES[score(evidence_of([calls], histograms=False), AS_OF_S).confidence[0]]


def test_an_unknown_provider_has_that_flag_only() -> None:
    assert flags_of([]) == ["unknown_provider"]
    assert confidence_of([]) == "none"


def test_a_healthy_provider_has_no_flags() -> None:
    assert flags_of(regime("healthy", 1)) == []


def test_confidence_rises_with_effective_reports() -> None:
    assert [confidence_of(repeat(n)) for n in (1, 20, 21, 100, 101)] == ["low", "low", "medium", "medium", "high"]


def test_old_reports_give_less_confidence() -> None:
    assert confidence_of(repeat(101, age_s=8 * 86_400)) == "low"


@pytest.mark.parametrize(("n", "low"), [(10, True), (11, False)])
def test_low_sample_size_is_under_ten_effective_reports(n: int, low: bool) -> None:
    assert ("low_sample_size" in flags_of(repeat(n))) == low


@pytest.mark.parametrize(
    ("good", "bad", "recent"),
    [(0, 2, False), (0, 3, True), (6, 4, True), (27, 3, False), (100, 40, True), (900, 70, False)],
)
def test_recent_failures_are_more_than_one_in_ten_beyond_chance(good: int, bad: int, recent: bool) -> None:
    calls = repeat(good, age_s=30) + repeat(bad, age_s=30, outcome="error")
    assert ("recent_failures" in flags_of(calls)) == recent


def test_failures_of_half_an_hour_ago_are_recent_and_of_yesterday_not() -> None:
    good = repeat(100, age_s=10 * 3_600)
    assert "recent_failures" in flags_of(good + repeat(10, age_s=1_800, outcome="timeout"))
    assert "recent_failures" not in flags_of(good + repeat(10, age_s=20 * 3_600, outcome="timeout"))


def test_failures_of_the_last_minutes_are_recent_in_spite_of_a_good_hour() -> None:
    good = repeat(800, age_s=1_800)
    assert "recent_failures" in flags_of(good + repeat(10, age_s=60, outcome="timeout"))


@pytest.mark.parametrize(
    ("latency_ms", "high"),
    [
        ([1_000.0] * 50, False),
        ([1_001.0] * 50, True),  # mean
        ([100.0] * 90 + [3_000.0] * 10, True),  # p95
        ([100.0] * 96 + [3_000.0] * 4, False),
    ],
)
def test_high_latency_is_a_mean_over_one_second_or_a_p95_over_two(latency_ms: list[float], high: bool) -> None:
    assert ("high_latency" in flags_of([Call(AS_OF_S - 60, latency_ms=value) for value in latency_ms])) == high


def test_slowness_of_last_week_is_not_high_latency() -> None:
    assert "high_latency" not in flags_of(repeat(50, age_s=2 * 86_400, latency_ms=9_000.0))


@pytest.mark.parametrize(
    ("long_s", "short_s"),
    [(20 * 86_400, 3 * 86_400), (10 * 3_600, 1_800), (1_800, 120)],
    ids=["days", "hours", "minutes"],
)
def test_degrading_at_every_length_of_history(long_s: float, short_s: float) -> None:
    good = repeat(300, age_s=long_s)
    worse = repeat(70, age_s=short_s) + repeat(30, age_s=short_s, outcome="failure")
    slightly_worse = repeat(92, age_s=short_s) + repeat(8, age_s=short_s, outcome="failure")
    assert "degrading" in flags_of(good + worse)
    assert "degrading" not in flags_of(good + slightly_worse)


def test_one_failure_is_no_degradation() -> None:
    assert "degrading" not in flags_of(
        repeat(30, age_s=1_800) + repeat(1, age_s=60) + repeat(1, age_s=60, outcome="error")
    )


@pytest.mark.parametrize(("age_s", "stale"), [(86_400.0, False), (86_401.0, True)])
def test_stale_is_a_day_without_reports(age_s: float, stale: bool) -> None:
    assert ("stale" in flags_of(repeat(20, age_s=age_s))) == stale


def test_anomalous_is_far_below_the_own_baseline_and_not_above_it() -> None:
    steady = [Call(AS_OF_S - 360 - 12.0 * i, "success" if i % 5 else "error") for i in range(240)]
    assert "anomalous" in flags_of(steady + repeat(40, age_s=30, outcome="error"))
    assert "anomalous" not in flags_of(steady + repeat(40, age_s=30))


def test_every_flag_can_be_raised() -> None:
    raised = set(flags_of([])) | set(flags_of(repeat(3, age_s=30, outcome="failure", latency_ms=9_000.0)))
    raised |= set(flags_of(repeat(3, age_s=5 * 86_400)))
    steady = [Call(AS_OF_S - 360 - 12.0 * i) for i in range(240)]
    raised |= set(flags_of(steady + repeat(40, age_s=30, outcome="error")))
    assert raised == set(FLAGS)
