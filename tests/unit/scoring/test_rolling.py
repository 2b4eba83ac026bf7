import math

import numpy as np
import pytest

from scoring.prediction import Calls, Heard, Outcomes, Predictor, Rolling
from scoring.prediction.calls import InvalidCalls
from scoring.prediction.grounds import PARTS
from scoring.prediction.measures import brier


def heard(seed: int, count: int = 8_000) -> Heard:
    """Six providers, ten callers; ``blocked`` never reaches p3, ``sick`` reaches nobody, all others reach all."""
    rng = np.random.default_rng(seed)
    provider = [f"p{number}" for number in rng.integers(0, 6, count)]
    caller = [("blocked", "sick", *"abcdefgh")[number] for number in rng.integers(0, 10, count)]
    fails = [who == "sick" or (who, whom) == ("blocked", "p3") for who, whom in zip(caller, provider, strict=True)]
    success = rng.random(count) < np.where(fails, 0.05, 0.98)
    return Heard(provider, caller, [None] * count, [None] * count, success, np.where(success, 80.0, 900.0))


def numbered(part: Heard) -> tuple[Calls, Outcomes]:
    """The same as numbers."""
    columns = ([str(name) for name in names] for names in (part.provider_id, part.reporter_id))
    ids = [np.unique(names, return_inverse=True)[1].astype(np.int64) for names in columns]
    none = np.full(len(part), -1)
    return Calls(np.zeros(len(part)), ids[0], ids[1], none, none), Outcomes(part.success, part.latency_ms)


@pytest.fixture(scope="module")
def known() -> Rolling:
    rolling = Rolling(keep=50_000)
    for seed in range(3):
        rolling.learn(heard(seed))
    return rolling


def test_a_caller_is_told_its_own_chances(known: Rolling) -> None:
    blocked, usual = known.forecast("p3", "blocked"), known.forecast("p3", "a")
    assert blocked.success < 0.2 < 0.95 < usual.success
    assert known.forecast("p4", "blocked").success > 0.95
    assert max(known.forecast(f"p{number}", "sick").success for number in range(6)) < 0.2
    assert blocked.latency_p50_ms > 700 > 120 > usual.latency_p50_ms
    assert usual.latency_p95_ms >= usual.latency_p50_ms


def test_what_a_forecast_rests_on_is_counted(known: Rolling) -> None:
    one = heard(0)
    rows = [heard(seed) for seed in range(3)]
    pairs = sum(list(zip(part.reporter_id, part.provider_id, strict=True)).count(("blocked", "p3")) for part in rows)
    found = known.forecast("p3", "blocked")
    assert found.pair_reports == pairs
    assert found.provider_reports == sum(list(part.provider_id).count("p3") for part in rows)
    assert found.reporter_reports == sum(list(part.reporter_id).count("blocked") for part in rows)
    assert known.learned == 3 * len(one)


def test_parts_add_up_to_the_log_odds(known: Rolling) -> None:
    for provider, caller in (("p3", "blocked"), ("p0", None), ("nobody-knows", "sick"), ("p1", "stranger")):
        found = known.forecast(provider, caller)
        assert set(found.parts) == set(PARTS)
        assert math.fsum(found.parts.values()) == pytest.approx(math.log(found.success / (1 - found.success)), abs=1e-9)


def test_a_stranger_is_taken_as_usual_and_a_sick_one_knows_a_stranger_to_fail(known: Rolling) -> None:
    assert known.forecast("p0", "stranger").success == known.forecast("p0").success
    assert known.forecast("p0", "stranger").reporter_reports == 0
    assert known.forecast("nobody-knows", "sick").success < known.forecast("nobody-knows", "a").success


def test_it_predicts_what_a_predictor_of_numbers_predicts() -> None:
    part = heard(5, 6_000)
    rolling = Rolling(keep=10_000)
    rolling.learn(part)
    calls, outcomes = numbered(part)
    plain = Predictor(64, 512)
    plain.learn(calls, outcomes)
    rows = zip(part.provider_id, part.reporter_id, strict=True)
    row = next(number for number, pair in enumerate(rows) if pair == ("p3", "blocked"))
    asked = calls.part(slice(row, row + 1))
    assert rolling.forecast("p3", "blocked").success == plain.predict(asked).success[0]


def test_made_up_callers_do_not_let_it_grow() -> None:
    rolling = Rolling(keep=1_000)
    for turn in range(20):
        count = 500
        rolling.learn(
            Heard(
                [f"p{number % 5}" for number in range(count)],
                [f"made-up-{turn}-{number}" for number in range(count)],
                [None] * count,
                [None] * count,
                np.ones(count, dtype=np.bool_),
                np.full(count, math.nan),
            )
        )
        assert rolling.known_pairs <= 2_500
    assert rolling.learned == 10_000
    assert rolling.forecast("p0", "made-up-19-0").pair_reports == 1
    assert rolling.forecast("p0", "made-up-0-0").pair_reports == 0


def test_what_was_learned_survives_a_new_beginning() -> None:
    rolling = Rolling(keep=2_000)
    rolling.learn(heard(1, 2_000))
    for turn in range(2):
        rolling.learn(
            Heard(["p0"] * 1_500, [f"new-{turn}-{n}" for n in range(1_500)], ["t"] * 1_500, ["r"] * 1_500,
                  np.ones(1_500, dtype=np.bool_), np.full(1_500, 10.0))
        )  # fmt: skip
        rolling.learn(heard(2 + turn, 1_500))
    assert rolling.forecast("p3", "blocked").success < 0.4 < 0.9 < rolling.forecast("p3", "a").success


def test_coarse_steps_cost_little() -> None:
    part = heard(9, 20_000)
    calls, outcomes = numbered(part)
    fine, coarse = (
        brier(Predictor(*sizes).learn(calls, outcomes).success, part.success) for sizes in ((64, 512), (1_024, 4_096))
    )
    assert coarse < 1.1 * fine


def test_nothing_heard_changes_nothing_and_keep_must_be_positive() -> None:
    rolling = Rolling(keep=10)
    rolling.learn(Heard([], [], [], [], np.empty(0, dtype=np.bool_), np.empty(0)))
    assert rolling.learned == 0
    assert 0 < rolling.forecast("any").success < 1
    with pytest.raises(InvalidCalls, match="keep of calls must be at least 1; got 0"):
        Rolling(keep=0)
