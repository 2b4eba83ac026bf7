import numpy as np
import pytest

from scoring.arrays import Bools, Floats, Ints
from scoring.prediction.stretches import LONGEST, NextCalls, stretches_of


def unsteady(seed: int, calls: int = 60_000, providers: int = 12, follows: float = 0.5) -> tuple[Ints, Bools, Floats]:
    """Providers whose success rate jumps every 400 calls, and a prediction that follows a share of the way."""
    rng = np.random.default_rng(seed)
    provider = rng.integers(0, providers, calls)
    usual = np.linspace(0.6, 0.995, providers)
    chance = np.empty(calls)
    for number in range(providers):
        rows = np.flatnonzero(provider == number)
        jumps = rng.beta(20 * usual[number], 20 * (1 - usual[number]), len(rows) // 400 + 1)
        chance[rows] = np.repeat(jumps, 400)[: len(rows)]
    return (
        provider,
        rng.random(calls) < chance,
        np.clip(follows * chance + (1 - follows) * usual[provider], 0.01, 0.999),
    )


@pytest.mark.parametrize("seed", range(3))
def test_nine_in_ten_rates_lie_within_their_intervals_at_every_provider(seed: int) -> None:
    provider, success, predicted = unsteady(seed)
    found = stretches_of(provider, success, predicted)
    assert 0.88 <= found.coverage <= 0.92
    for number in range(12):
        ours = found.covered[provider[found.begins] == number]
        assert len(ours) > 10
        assert ours.mean() >= 0.75


def test_a_level_that_does_not_move_covers_less() -> None:
    """What chance alone would make of the same calls: the adapted intervals are needed."""
    provider, success, predicted = unsteady(4, follows=0.0)
    found = stretches_of(provider, success, predicted)
    centre = predicted[found.begins]
    far = 1.645 * np.sqrt(centre * (1 - centre) / found.calls)
    assert np.mean(np.abs(found.observed - centre) <= far) < 0.8 < found.coverage


def test_stretches_are_whole_and_follow_each_other() -> None:
    provider, success, predicted = unsteady(5, calls=5_000, providers=3)
    found = stretches_of(provider, success, predicted)
    assert found.begins.tolist() == sorted(found.begins.tolist())
    assert (found.calls.min(), found.calls.max() <= 1_000) == (25, True)
    for number in range(3):
        rows = np.flatnonzero(provider == number)
        ours = provider[found.begins] == number
        ends = np.cumsum(found.calls[ours])
        assert rows[np.append(0, ends[:-1])].tolist() == found.begins[ours].tolist()
        assert len(rows) - 1_000 < ends[-1] <= len(rows)
        rates = np.add.reduceat(success[rows], np.append(0, ends[:-1]))[:-1] / found.calls[ours][:-1]
        assert rates == pytest.approx(found.observed[ours][:-1])


def test_no_interval_knows_what_comes() -> None:
    provider, success, predicted = unsteady(6, calls=8_000)
    whole = stretches_of(provider, success, predicted)
    other = success.copy()
    other[5_000:] = ~other[5_000:]
    changed = stretches_of(provider, other, predicted)
    before = whole.begins <= 5_000
    assert np.array_equal(whole.lower[before], changed.lower[before])
    assert np.array_equal(whole.upper[before], changed.upper[before])
    assert not np.array_equal(whole.lower, changed.lower)


def test_too_few_calls_make_no_stretch() -> None:
    few = stretches_of(np.zeros(24, np.int64), np.ones(24, bool), np.full(24, 0.9))
    none = stretches_of(np.zeros(0, np.int64), np.zeros(0, bool), np.zeros(0))
    assert len(few.calls) == len(none.calls) == 0
    assert np.isnan(few.coverage)


def test_of_many_stretches_the_last_ones_count() -> None:
    """A provider that comes as predicted at first, then swings: in the end its intervals are wide enough."""
    rng = np.random.default_rng(7)
    chance = np.append(np.full(10_000, 0.6), np.repeat(rng.choice([0.3, 0.9], 400), 25))
    success = rng.random(len(chance)) < chance
    found = stretches_of(np.zeros(len(chance), np.int64), success, np.full(len(chance), 0.6))
    width = found.upper - found.lower
    assert len(width) == 800
    assert width[-100:].mean() > 1.5 * width[300:400].mean()
    assert found.covered[-300:].mean() == pytest.approx(0.9, abs=0.04)


def test_calls_taken_in_as_they_come_give_the_intervals_of_all_at_once() -> None:
    provider, success, predicted = unsteady(8, calls=20_000)
    whole = stretches_of(provider, success, predicted)
    known, rng, at = NextCalls(), np.random.default_rng(8), 0
    parts = []
    while at < len(provider):
        rows = slice(at, at + int(rng.integers(1, 2_000)))
        parts.append(known.learn(provider[rows], success[rows], predicted[rows]))
        at = rows.stop
    begins = np.concatenate([part.begins for part in parts])
    order = np.argsort(begins)
    assert np.array_equal(begins[order], whole.begins)
    calls, lower, upper, observed = (
        np.concatenate([getattr(part, name) for part in parts])[order]
        for name in ("calls", "lower", "upper", "observed")
    )
    assert np.array_equal(calls, whole.calls)
    assert np.array_equal(observed, whole.observed)
    # Means are summed in another order: a rate on the very bound of its interval may be taken for a missed one.
    like = (np.abs(lower - whole.lower) < 1e-5) & (np.abs(upper - whole.upper) < 1e-5)
    assert like.mean() > 0.9
    assert np.mean((lower <= observed) & (observed <= upper)) == pytest.approx(whole.coverage, abs=0.01)


def test_what_is_expected_is_the_interval_of_a_stretch_that_begins_now() -> None:
    provider, success, predicted = unsteady(9, calls=20_000)
    whole = stretches_of(provider, success, predicted)
    known = NextCalls()
    for stretch in np.flatnonzero(whole.begins > 19_000).tolist():
        row = int(whole.begins[stretch])
        known = NextCalls()
        known.learn(provider[:row], success[:row], predicted[:row])
        found = known.expected(int(provider[row]), float(predicted[row]))
        assert found.calls == whole.calls[stretch]
        assert found.lower == pytest.approx(whole.lower[stretch], abs=1e-5)
        assert found.upper == pytest.approx(whole.upper[stretch], abs=1e-5)


@pytest.mark.parametrize("predicted", [0.0, 0.5, 1.0])
def test_of_a_provider_nobody_called_chance_alone_is_expected(predicted: float) -> None:
    found = NextCalls().expected(-1, predicted)
    assert 0 <= found.lower <= predicted <= found.upper + 1 / LONGEST
    assert found.upper <= 1
    assert found.calls == {0.0: 25, 0.5: 25, 1.0: 1_000}[predicted]
