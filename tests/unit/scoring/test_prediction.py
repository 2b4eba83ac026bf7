import copy
import pickle

import numpy as np
import pytest

from scoring.prediction import Calls, Outcomes, Predictor
from scoring.prediction.baselines import baselines
from scoring.prediction.calls import InvalidCalls, calls_of
from scoring.prediction.choosing import SLOWNESS, worth
from scoring.prediction.measures import brier, calibration_error, coverage, log_loss, routing_regret
from scoring.prediction.pairs import Pairs
from scoring.prediction.pool import Pool
from scoring.prediction.runs import blended, decayed, runs_of


def traffic(seed: int = 3, slots: int = 40, providers: int = 12, reporters: int = 15) -> tuple[Calls, Outcomes]:
    """Everybody calls everybody once a slot; outages of providers and of pairs, each some slots long."""
    rng = np.random.default_rng(seed)
    shape = (slots, providers, reporters)
    down = np.repeat(rng.random((slots // 8, providers, 1)) < 0.08, 8, axis=0)
    blocked = np.repeat(rng.random((slots // 8, providers, reporters)) < 0.05, 8, axis=0)
    success = rng.random(shape) < np.where(down | blocked, 0.05, 0.99)
    slot, provider, reporter = (ids.ravel() for ids in np.indices(shape))
    none = np.full(slot.size, -1)
    latency = np.exp(rng.normal(5 + provider / 8, 0.3)) * np.where(success.ravel(), 1, 20)
    return Calls(slot * 900.0, provider, reporter, none, none), Outcomes(success.ravel(), latency)


def test_decayed_sums_are_those_of_a_plain_loop() -> None:
    rng = np.random.default_rng(0)
    keys, add = rng.integers(0, 7, 300), rng.random((2, 300)).astype(np.float32)
    decay, state = np.array([0.5, 0.95], np.float32), rng.random((2, 7)).astype(np.float32)
    plain, before = state.copy(), np.empty_like(add)
    for row, key in enumerate(keys):
        before[:, row] = plain[:, key]
        plain[:, key] = decay * plain[:, key] + add[:, row]
    assert decayed(runs_of(keys), state, decay, add) == pytest.approx(before, rel=1e-5)
    assert state == pytest.approx(plain, rel=1e-5)


def test_blended_sums_are_those_of_a_plain_loop() -> None:
    rng = np.random.default_rng(1)
    keys, add, keep = rng.integers(0, 5, 200), *rng.random((2, 1, 200)).astype(np.float32)
    state = rng.random((1, 5)).astype(np.float32)
    plain, before = state.copy(), np.empty_like(add)
    for row, key in enumerate(keys):
        before[0, row] = plain[0, key]
        plain[0, key] = keep[0, row] * plain[0, key] + add[0, row]
    assert blended(runs_of(keys), state, keep, add) == pytest.approx(before, rel=1e-5)
    assert state == pytest.approx(plain, rel=1e-5)


def test_pairs_keep_their_rows_while_the_table_grows() -> None:
    rng = np.random.default_rng(2)
    pairs, known = Pairs(), dict[tuple[int, int], int]()
    for _ in range(20):
        left, right = rng.integers(0, 200, (2, 400))
        for key, row in zip(zip(left.tolist(), right.tolist(), strict=True), pairs.place(left, right), strict=True):
            assert known.setdefault(key, row) == row
    assert sorted(known.values()) == list(range(1, pairs.count + 1))
    assert pairs.find(np.array([-1, 500]), np.array([3, 3])).tolist() == [0, 0]


def test_no_prediction_knows_its_outcome_or_a_later_one() -> None:
    calls, outcomes = traffic()
    flipped = outcomes.success.copy()
    flipped[5_000:] = ~flipped[5_000:]
    one = Predictor().learn(calls, outcomes)
    other = Predictor().learn(calls, Outcomes(flipped, outcomes.latency_ms + 1_000 * (np.arange(len(calls)) >= 5_000)))
    for name in ("success", "score", "latency_ms"):
        assert np.array_equal(getattr(one, name)[..., :5_001], getattr(other, name)[..., :5_001]), name
    assert not np.array_equal(one.success[5_001:], other.success[5_001:])


def test_it_beats_every_baseline_and_is_calibrated() -> None:
    calls, outcomes = traffic(slots=80)
    said = Predictor(64).learn(calls, outcomes).success
    assert calibration_error(said, outcomes.success) < 0.02
    for name, simple in baselines(calls, outcomes).items():
        assert brier(said, outcomes.success) < 0.8 * brier(simple, outcomes.success), name
        assert log_loss(said, outcomes.success) < 0.8 * log_loss(simple, outcomes.success), name


def test_nine_in_ten_latencies_lie_between_their_quantiles() -> None:
    calls, outcomes = traffic(slots=80)
    low, middle, high = Predictor().learn(calls, outcomes).latency_ms
    assert np.all((low <= middle) & (middle <= high))
    assert 0.88 <= coverage(outcomes.latency_ms, low, high) <= 0.92


@pytest.mark.parametrize("sick", [0, 7])
def test_a_reporter_whose_network_fails_moves_no_score_by_more_than_two_hundredths(sick: int) -> None:
    calls, outcomes = traffic(reporters=20)
    failing = (calls.reporter == sick) & (calls.time_s >= 20 * 900)
    before = Predictor().learn(calls, outcomes).score
    after = Predictor().learn(calls, Outcomes(outcomes.success & ~failing, outcomes.latency_ms)).score
    assert failing.sum() > 200
    assert np.abs(after - before).max() <= 0.02


def test_a_provider_that_is_down_for_everybody_loses_its_score() -> None:
    calls, outcomes = traffic()
    down = (calls.provider == 3) & (calls.time_s >= 20 * 900)
    predictor = Predictor()
    predictor.learn(calls, Outcomes(outcomes.success & ~down, outcomes.latency_ms))
    assert predictor.predict(calls_of(40 * 900.0, 3)).score[0] < 0.4
    assert predictor.predict(calls_of(40 * 900.0, 3, 2)).success[0] < 0.3


def test_predicting_teaches_nothing_and_state_survives_pickling() -> None:
    calls, outcomes = traffic()
    learned = Predictor()
    learned.learn(calls.part(slice(0, 4_000)), outcomes.part(slice(0, 4_000)))
    other: Predictor = pickle.loads(pickle.dumps(copy.deepcopy(learned)))
    learned.predict(calls)
    rest = slice(4_000, None)
    one, two = (predictor.learn(calls.part(rest), outcomes.part(rest)) for predictor in (learned, other))
    assert np.array_equal(one.success, two.success)
    assert np.array_equal(one.latency_ms, two.latency_ms)


def test_strangers_get_what_is_expected_of_all() -> None:
    calls, outcomes = traffic()
    predictor = Predictor()
    predictor.learn(calls, outcomes)
    said = predictor.predict(calls_of(1e6, 10_000, 10_000, 5, 5))
    assert 0.5 < said.success[0] < 1
    assert said.score[0] == pytest.approx(outcomes.success.mean(), abs=0.1)
    assert np.all(np.isfinite(said.latency_ms))


def test_task_matters_and_unknown_latencies_are_no_harm() -> None:
    rng = np.random.default_rng(4)
    provider, reporter, task, region = rng.integers(0, 3, (4, 6_000))
    calls = Calls(np.arange(6_000.0), provider, reporter, task, region)
    predictor = Predictor()
    predictor.learn(calls, Outcomes((provider > 0) | (task > 0), np.full(6_000, np.nan)))
    bad = predictor.predict(calls_of(6e4, 0, 1, task=0, region=0)).success[0]
    good = predictor.predict(calls_of(6e4, 0, 1, task=1, region=0)).success[0]
    assert good - bad > 0.3


def test_routing_by_what_happens_has_no_regret() -> None:
    calls, outcomes = traffic(slots=8)
    regret, decisions = routing_regret(calls, outcomes.success, outcomes.success.astype(np.float64))
    assert (regret, decisions > 100) == (0.0, True)
    worst, _ = routing_regret(calls, outcomes.success, -outcomes.success.astype(np.float64))
    assert worst > 0.1


def test_of_two_as_likely_to_succeed_the_faster_is_worth_more_and_of_unlike_ones_the_likelier() -> None:
    success, latency_ms = np.array([0.99, 0.99, 0.9]), np.array([100.0, 5_000.0, 1.0])
    assert np.argsort(-worth(success, latency_ms)).tolist() == [0, 1, 2]
    assert worth(0.9, 0.0) == 0.9
    assert worth(0.9, np.e - 1) == pytest.approx(0.9 - SLOWNESS)


def test_where_slow_providers_fail_more_than_is_known_choosing_by_worth_has_less_regret() -> None:
    rng = np.random.default_rng(3)
    calls, _ = traffic(slots=40)
    slow = calls.provider % 2 == 1
    success = rng.random(len(calls)) < np.where(slow, 0.95, 0.99)
    guessed = 0.97 + 0.001 * rng.random(len(calls))
    by_success, decisions = routing_regret(calls, success, guessed)
    by_worth, _ = routing_regret(calls, success, worth(guessed, np.where(slow, 4_000.0, 40.0)))
    assert decisions > 500
    assert by_worth < 0.7 * by_success


def test_nothing_gives_nothing() -> None:
    calls, outcomes = traffic(slots=8)
    none = slice(0, 0)
    assert len(Predictor().learn(calls.part(none), outcomes.part(none)).success) == 0
    empty = np.zeros(0)
    assert np.isnan(brier(empty, empty > 0))
    assert np.isnan(log_loss(empty, empty > 0))
    assert np.isnan(calibration_error(empty, empty > 0))
    assert np.isnan(coverage(empty, empty, empty))
    assert routing_regret(calls.part(slice(0, 3)), outcomes.success[:3], np.ones(3))[1] == 0


def test_bad_arrays_are_named() -> None:
    with pytest.raises(InvalidCalls, match="provider of calls must be ids from 0; got -1"):
        calls_of(0.0, -1)
    ids = np.zeros(2, np.int64)
    with pytest.raises(InvalidCalls, match="task of calls must be of shape"):
        Calls(np.zeros(2), ids, ids, ids[:1], ids)
    with pytest.raises(InvalidCalls, match="latency_ms"):
        Outcomes(np.ones(2, np.bool_), np.ones(3))


def test_where_failures_are_independent_the_prediction_is_within_a_thousandth_of_the_long_mean() -> None:
    rng = np.random.default_rng(8)
    count = 12_000
    provider, none = rng.integers(0, 2, count), np.full(count, -1)
    success = rng.random(count) < np.where(provider == 0, 0.88, 0.92)
    calls = Calls(np.arange(count, dtype=np.float64), provider, rng.integers(0, 24, count), none, none)
    outcomes = Outcomes(success, np.full(count, 100.0))
    said = Predictor(64).learn(calls, outcomes).success
    raw = baselines(calls, outcomes)["raw_rate"]
    assert brier(said, success) < 1.001 * brier(raw, success)


def test_what_is_learned_in_parts_is_pooled_as_what_is_learned_at_once() -> None:
    rng = np.random.default_rng(2)
    provider, parent = rng.integers(1, 4, 200), np.full(200, 0.9, np.float32)
    said, good = rng.uniform(0.1, 0.9, 200), (rng.random(200) < 0.8).astype(np.float32)
    whole, parts = Pool(), Pool()
    at_once = whole.learn(provider, parent, said, good)
    halves = [slice(0, 77), slice(77, 200)]
    in_parts = [parts.learn(provider[rows], parent[rows], said[rows], good[rows]) for rows in halves]
    assert np.concatenate(in_parts) == pytest.approx(at_once, rel=1e-4)
    assert parts.before(provider, parent, said) == pytest.approx(whole.before(provider, parent, said), rel=1e-4)
