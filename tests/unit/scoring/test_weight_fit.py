from dataclasses import astuple, replace

import numpy as np
import pytest

from scoring.arrays import Floats
from scoring.dimensions import capped, credits, decayed
from scoring.panes import Columns
from scoring.tables import DIMENSIONS
from scoring.weight_fit import NothingToLearn, fit_weights, fitness, gain
from scoring.weight_samples import Samples, samples_of
from scoring.weights import DEFAULT, Weights
from tests.support.scoring_cases import Call, windows_of

TRUE = Weights(
    reliability=0.1, uptime=0.1, latency=0.4, error_rate=0.05, quality=0.25, freshness=0.02, security=0.03,
    rate_limits=0.05,
)  # fmt: skip


def made(weights: Weights, seed: int = 0, cases: int = 4_000, calls: int = 200) -> Samples:
    """Cases with random dimensions, whose calls go well with the trust score of ``weights`` as probability."""
    rng = np.random.default_rng(seed)
    values = rng.random((cases, len(DIMENSIONS)))
    n = rng.uniform(20, 400, (cases, len(DIMENSIONS))) * (rng.random((cases, len(DIMENSIONS))) < 0.7)
    n[:, 0] = rng.uniform(400, 500, cases)
    values[n == 0] = np.nan
    grown = np.array(astuple(weights)) * n / (n + 5)
    composite = (grown * np.nan_to_num(values)).sum(axis=1) / grown.sum(axis=1)
    score = (n[:, 0] * composite + 4) / (n[:, 0] + 5)
    each = np.full(cases, calls)
    return Samples(values, n, n[:, 0], each, rng.binomial(each, score), np.arange(cases) * 40 // cases)


def distance(one: Weights, other: Weights) -> float:
    first, second = (np.array(astuple(weights)) / sum(astuple(weights)) for weights in (one, other))
    return float(np.abs(first - second).max())


def test_true_weights_are_found_from_enough_outcomes() -> None:
    learned = fit_weights(made(TRUE))
    assert sum(astuple(learned)) == pytest.approx(1)
    assert distance(learned, TRUE) < 0.03
    assert distance(DEFAULT, TRUE) > 0.2


def test_few_outcomes_or_a_strong_pull_leave_the_weights_in_use() -> None:
    few = made(TRUE, cases=8, calls=2)
    assert distance(fit_weights(few), DEFAULT) < 0.02
    assert distance(fit_weights(made(TRUE), pull=1e9), DEFAULT) < 0.001
    assert distance(fit_weights(few, pull=0.0), DEFAULT) > 0.05


def test_a_dimension_without_evidence_keeps_its_weight_and_none_falls_below_a_tenth() -> None:
    samples = made(TRUE)
    blind = samples.n_effective.copy()
    blind[:, DIMENSIONS.index("quality")] = 0
    learned = fit_weights(replace(samples, n_effective=blind))
    assert learned.quality == pytest.approx(DEFAULT.quality)
    for now, before in zip(astuple(learned), astuple(DEFAULT), strict=True):
        assert now >= before / 10 - 1e-9


def test_a_gain_is_measured_on_later_moments_than_it_was_learned_from() -> None:
    found = gain(made(TRUE))
    assert found.is_one
    assert found.after.brier < found.before.brier
    assert found.after.log_loss < found.before.log_loss
    assert found.brier_gain == pytest.approx(found.before.brier - found.after.brier)
    assert (found.learned_from, found.measured_on) == (560_000, 240_000)
    assert 0 < found.standard_error < found.brier_gain
    assert found.evidence[0] == 1.0


def test_where_the_weights_in_use_are_true_there_is_no_gain() -> None:
    assert [gain(made(DEFAULT, seed)).is_one for seed in range(5)] == [False] * 5


def test_what_holds_first_and_not_later_is_no_gain() -> None:
    first, later = made(TRUE, 1), made(Weights(reliability=1, latency=0, quality=0), 2)
    joined = [np.concatenate([getattr(first, name), getattr(later, name)]) for name in Samples.__dataclass_fields__]
    joined[-1][len(first) :] += 40
    both = Samples(*joined)
    found = gain(both.part(both.moment < 57))  # 39 moments to learn from
    assert found.brier_gain < 0
    assert not found.is_one


def test_three_moments_are_too_few() -> None:
    samples = made(TRUE)
    with pytest.raises(NothingToLearn, match="at least 4 moments with calls before and after them; got 3"):
        gain(samples.part(samples.moment < 3))


def test_fitness_is_that_of_a_plain_loop() -> None:
    samples = made(TRUE, cases=3, calls=10)
    squared = 0.0
    for row in range(3):
        dimensions = zip(astuple(DEFAULT), samples.n_effective[row], samples.values[row], strict=True)
        parts = [(w * n / (n + 5), v) for w, n, v in dimensions if n]
        composite = sum(w * v for w, v in parts) / sum(w for w, _ in parts)
        score = (samples.reports[row] * composite + 4) / (samples.reports[row] + 5)
        squared += samples.good[row] * (1 - score) ** 2 + (10 - samples.good[row]) * score**2
    assert fitness(samples, DEFAULT).brier == pytest.approx(squared / 30)


def columns(time_s: Floats, series: list[int], success: list[bool], latency_ms: Floats) -> Columns:
    return Columns(
        series=np.array(series),
        names=[("a", "", ""), ("b", "", "")],
        event_us=np.round(time_s * 1e6).astype(np.int64),
        outcome=np.where(success, 0, 2),
        offset=np.arange(len(series)),
        numbers={"latency_ms": latency_ms},
    )


def test_samples_hold_the_windows_before_a_moment_and_the_calls_until_the_next() -> None:
    rng = np.random.default_rng(4)
    count = 600
    time_s = np.sort(rng.uniform(1e9, 1e9 + 4 * 86_400, count))
    series = rng.integers(0, 2, count)
    success = rng.random(count) < 0.8
    latency_ms = np.where(success, rng.uniform(100, 5_000, count), np.nan)
    moments_s = 1e9 + np.array([0.5, 1.5, 2.5, 3.5, 4.0]) * 86_400
    found = samples_of(columns(time_s, series.tolist(), success.tolist(), latency_ms), success, moments_s)
    assert found.moment.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    for row, (moment, provider) in enumerate((moment, provider) for moment in range(4) for provider in range(2)):
        mine = series == provider
        next_ones = mine & (time_s >= moments_s[moment]) & (time_s < moments_s[moment + 1])
        assert (found.calls[row], found.good[row]) == (next_ones.sum(), success[next_ones].sum())
        calls = [
            Call(at_s, "success" if went_well else "timeout", None if np.isnan(latency) else latency)
            for at_s, went_well, latency in zip(time_s[mine], success[mine], latency_ms[mine], strict=True)
            if at_s < moments_s[moment]
        ]
        expected = expected_dimensions(calls, moments_s[moment])
        assert found.values[row] == pytest.approx(expected[0], nan_ok=True)
        assert found.n_effective[row] == pytest.approx(expected[1])


def expected_dimensions(calls: list[Call], as_of_s: float) -> tuple[Floats, Floats]:
    windows = windows_of(calls, as_of_s)[None]
    sums = decayed(windows)
    return capped(windows, sums)[0], credits(sums).n[0]


def test_a_provider_without_calls_before_or_after_a_moment_is_no_case() -> None:
    time_s = np.array([10.0, 20.0, 30.0, 40.0])
    found = samples_of(
        columns(time_s, [0, 1, 0, 0], [True] * 4, np.full(4, 50.0)),
        np.ones(4, dtype=np.bool_),
        np.array([15.0, 25, 50]),
    )
    assert found.calls.tolist() == [2]
