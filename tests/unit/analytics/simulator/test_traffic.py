import itertools
from statistics import median
from typing import Any

import numpy as np
import orjson
import pytest

from analytics.simulator import FLEET, NETWORKS, Provider, Regime, failure_probability, fleet, traffic
from analytics.simulator.networks import DEADLINE_MS
from scoring.reports import validate

LIVE_S = 1_760_000_000.0
HOUR_S = 3_600.0
BOUND_SD = 5.0

Reports = list[dict[str, Any]]


def drawn(providers: tuple[Provider, ...], start_s: float, end_s: float, rate: float = 10.0, seed: int = 7) -> Reports:
    return list(itertools.chain.from_iterable(traffic(seed, providers, start_s, end_s, rate, LIVE_S)))


def one(regime: Regime) -> tuple[Provider, ...]:
    return fleet(1, frozenset({regime}))


@pytest.fixture(scope="module")
def hour() -> Reports:
    return drawn(fleet(), LIVE_S - HOUR_S, LIVE_S)


def test_same_seed_gives_the_same_bytes() -> None:
    twice = [orjson.dumps(drawn(fleet(), LIVE_S - 60, LIVE_S)) for _ in range(2)]
    assert twice[0] == twice[1]


def test_another_seed_gives_other_reports() -> None:
    first, second = (drawn(fleet(), LIVE_S - 60, LIVE_S, seed=seed) for seed in (7, 8))
    assert [report["timestamp"] for report in first] != [report["timestamp"] for report in second]


def test_a_run_that_begins_later_draws_the_same_reports(hour: Reports) -> None:
    begin_s = LIVE_S - 333.5
    assert drawn(fleet(), begin_s, LIVE_S) == [report for report in hour if report["timestamp"] >= begin_s]


def test_every_report_is_valid_as_it_is(hour: Reports) -> None:
    assert [report for report in hour if validate(report) != report] == []


def test_event_time_grows_and_stays_within_the_span(hour: Reports) -> None:
    times = [report["timestamp"] for report in hour]
    assert times == sorted(times)
    assert times[0] >= LIVE_S - HOUR_S
    assert times[-1] < LIVE_S


def test_no_report_id_comes_twice(hour: Reports) -> None:
    assert len({report["report_id"] for report in hour}) == len(hour)


def test_the_rate_is_kept_on_average() -> None:
    noon_s = LIVE_S // 86_400 * 86_400 + 43_200  # the day's swing crosses its mean at noon
    reports = drawn(fleet(), noon_s - 1_800, noon_s + 1_800)
    assert len(reports) == pytest.approx(10.0 * HOUR_S, rel=0.1)


@pytest.mark.parametrize("provider", FLEET, ids=lambda provider: provider.provider_id)
def test_failures_keep_to_the_stated_probability(hour: Reports, provider: Provider) -> None:
    mine = [report for report in hour if report["provider_id"] == provider.provider_id]
    asked = [report for report in mine if not report.get("rate_limited", False)]
    probability = failure_probability(provider, np.array([report["timestamp"] for report in asked]), LIVE_S)
    failed = sum(report["outcome"] != "success" for report in asked)
    spread = float(np.sqrt((probability * (1 - probability)).sum()))
    assert len(mine) > (50 if provider.regime is Regime.NEW else 500)
    assert abs(failed - probability.sum()) <= max(BOUND_SD * spread, 3.0)


def test_flapping_and_outage_fail_far_more_often_than_every_healthy_one(hour: Reports) -> None:
    def failing(provider: Provider) -> float:
        mine = [report["outcome"] != "success" for report in hour if report["provider_id"] == provider.provider_id]
        return float(np.mean(mine))

    healthy = [failing(provider) for provider in FLEET if provider.regime is Regime.HEALTHY]
    bad = [failing(provider) for provider in FLEET if provider.regime in (Regime.FLAPPING, Regime.OUTAGE)]
    assert min(bad) > max(healthy) + 0.2


def test_an_outage_fails_every_call_from_twenty_minutes_before_live_on() -> None:
    reports = drawn(one(Regime.OUTAGE), LIVE_S - 1_800, LIVE_S + 600)
    after = {report["outcome"] for report in reports if report["timestamp"] >= LIVE_S - 1_200}
    before = [report["outcome"] for report in reports if report["timestamp"] < LIVE_S - 1_200]
    assert after == {"timeout", "error"}
    assert before.count("success") / len(before) > 0.97


def test_flapping_changes_every_five_minutes_and_half_of_the_last_five_fail() -> None:
    provider = one(Regime.FLAPPING)[0]
    times = LIVE_S + np.array([-451.0, -449.0, -151.0, -149.0, 149.0, 151.0, 449.0, 451.0])
    assert failure_probability(provider, times, LIVE_S).tolist() == [0.95, 0.01, 0.01, 0.95, 0.95, 0.01, 0.01, 0.95]
    last = [report["outcome"] == "success" for report in drawn((provider,), LIVE_S - 300, LIVE_S)]
    assert 0.4 < sum(last) / len(last) < 0.65


def test_a_degrading_provider_fails_ever_more_often() -> None:
    at = LIVE_S + np.array([-7_200.0, -3_600.0, -1_800.0, 0.0, 600.0])
    probability = failure_probability(one(Regime.DEGRADING)[0], at, LIVE_S)
    assert probability.tolist() == pytest.approx([0.01, 0.01, 0.23, 0.45, 0.45])


def test_a_rate_limited_provider_refuses_three_calls_in_ten_as_errors(hour: Reports) -> None:
    provider_id = one(Regime.RATE_LIMITED)[0].provider_id
    mine = [report for report in hour if report["provider_id"] == provider_id]
    refused = [report for report in mine if report["rate_limited"]]
    assert abs(len(refused) - 0.3 * len(mine)) <= BOUND_SD * (0.21 * len(mine)) ** 0.5
    assert {(report["outcome"], report["rate_limit_remaining"]) for report in refused} == {("error", 0)}


def test_a_new_provider_is_first_seen_ten_minutes_before_live(hour: Reports) -> None:
    provider_id = one(Regime.NEW)[0].provider_id
    times = [report["timestamp"] for report in hour if report["provider_id"] == provider_id]
    assert LIVE_S - 600 <= min(times) < LIVE_S - 500


def test_slow_and_jittery_providers_show_it_in_their_latency(hour: Reports) -> None:
    def latencies(regime: Regime) -> list[float]:
        ids = {provider.provider_id for provider in one(regime)}
        answered = [r for r in hour if r["provider_id"] in ids and r["outcome"] == "success"]
        return sorted(float(report["latency_ms"]) for report in answered)

    slow, jitter, healthy = (latencies(regime) for regime in (Regime.SLOW, Regime.JITTER, Regime.HEALTHY))
    assert median(slow) > 2_000

    def spread(values: list[float]) -> float:
        return values[int(0.95 * len(values))] / values[int(0.05 * len(values))]

    assert spread(jitter) > 5 * spread(healthy)


def test_reports_carry_only_what_their_provider_tells(hour: Reports) -> None:
    told = {
        "quality": "quality", "data_age_s": "freshness", "cost_usd": "cost", "schema_valid": "schema",
        "rate_limited": "rate_limit", "consistency": "consistency", "security": "security",
    }  # fmt: skip
    tells = {provider.provider_id: provider.tells for provider in FLEET}
    seen: dict[str, set[str]] = {provider_id: set() for provider_id in tells}
    for report in hour:
        seen[report["provider_id"]] |= {tell for field, tell in told.items() if field in report}
    assert {provider_id: frozenset(found) for provider_id, found in seen.items()} == tells
    assert frozenset().union(*tells.values()) == set(told.values())


def test_no_traffic_without_providers_or_rate() -> None:
    assert drawn((), LIVE_S - 60, LIVE_S) == []
    assert drawn(fleet(), LIVE_S - 60, LIVE_S, rate=0.0) == []


def through(regime: Regime) -> Reports:
    return drawn(one(regime), LIVE_S - 2 * HOUR_S, LIVE_S, rate=2.0)


def late(reports: Reports) -> float:
    return float(np.mean([report["outcome"] == "timeout" for report in reports]))


def test_network_states_show_in_latency_and_time_outs() -> None:
    found = {regime: through(regime) for regime in NETWORKS}
    assert all(validate(report) == report for reports in found.values() for report in reports)
    for reports in found.values():
        assert all((report["latency_ms"] >= DEADLINE_MS) is (report["outcome"] == "timeout") for report in reports)
    middle = {regime: median(report["latency_ms"] for report in reports) for regime, reports in found.items()}
    assert late(found[Regime.NET_IDEAL]) < 0.002
    assert middle[Regime.NET_IDEAL] < 100 < 400 < middle[Regime.NET_HIGH_LATENCY]
    assert 0.02 < late(found[Regime.NET_HIGH_JITTER]) < 0.2


def test_a_fluctuating_network_fails_at_its_crest_only() -> None:
    reports = through(Regime.NET_FLUCTUATING)
    phase = {True: [], False: []}  # type: dict[bool, Reports]
    for report in reports:
        phase[report["timestamp"] % 600 < 300].append(report)
    assert late(phase[False]) < 0.02 < 0.2 < late(phase[True])


def test_a_network_outage_takes_nearly_every_call_of_some_minutes_and_none_else() -> None:
    reports = through(Regime.NET_OUTAGE)
    slots: dict[float, Reports] = {}
    for report in reports:
        slots.setdefault(report["timestamp"] // 20, []).append(report)
    shares = [late(found) for found in slots.values() if len(found) > 10]
    down, up = sum(share > 0.8 for share in shares), sum(share < 0.05 for share in shares)
    assert down > 3
    assert up > 5 * down
    assert down + up > 0.9 * len(shares)
    again = drawn(one(Regime.NET_OUTAGE), LIVE_S - 1_000.5, LIVE_S, rate=2.0)
    assert again == [report for report in reports if report["timestamp"] >= LIVE_S - 1_000.5]
