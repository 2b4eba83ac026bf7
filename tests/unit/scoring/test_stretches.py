import numpy as np
import pytest

from scoring.arrays import Bools, Floats, Ints
from scoring.prediction.stretches import stretches_of


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
