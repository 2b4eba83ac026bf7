"""Peer comparison against leaving each one out by hand."""

from statistics import median

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.peers import FLOOR, compare


def by_hand(own: float, others: list[float]) -> tuple[float, float, float]:
    middle = median(others)
    spread = max(1.4826 * median(abs(value - middle) for value in others), FLOOR)
    percentile = sum(value < own for value in others) + sum(value == own for value in others) / 2
    return (own - middle) / spread, percentile / len(others), middle


@given(st.lists(st.sampled_from([0.0, 0.1, 0.5, 0.7, 0.71, 0.9, 0.95, 0.99, 1.0]), min_size=6, max_size=15))
def test_everyone_is_compared_with_all_others_and_not_with_itself(values: list[float]) -> None:
    found = compare(np.array(values)[:, None], np.zeros(len(values), dtype=np.int64))
    for i, own in enumerate(values):
        z_score, percentile, middle = by_hand(own, values[:i] + values[i + 1 :])
        assert found.z_scores[i, 0] == pytest.approx(z_score)
        assert found.percentile[i, 0] == pytest.approx(percentile)
        assert found.median[i, 0] == pytest.approx(middle)
        assert found.peers[i, 0] == len(values) - 1


def test_five_others_are_enough_and_four_are_not() -> None:
    values = np.linspace(0.1, 0.9, 11)[:, None]
    found = compare(values, np.array([7] * 6 + [3] * 5))
    assert not np.isnan(found.z_scores[:6]).any()
    assert np.isnan(found.z_scores[6:]).all()
    assert np.isnan(found.percentile[6:]).all()
    assert np.isnan(found.median[6:]).all()
    assert found.peers[:, 0].tolist() == [5] * 6 + [4] * 5


def test_absent_values_are_no_peers_and_have_none_of_their_own_comparison() -> None:
    values = np.array([0.1, 0.2, 0.3, 0.4, 0.5, np.nan, 0.6])[:, None]
    found = compare(values, np.zeros(7, dtype=np.int64))
    assert np.isnan(found.z_scores[5, 0])
    assert found.peers[:, 0].tolist() == [5, 5, 5, 5, 5, 6, 5]


def test_no_group_means_no_peers() -> None:
    found = compare(np.full((9, 2), 0.5), np.full(9, -1))
    assert np.isnan(found.z_scores).all()
    assert not found.peers.any()


def test_equal_peers_give_a_finite_score_by_the_floor() -> None:
    found = compare(np.array([[0.9]] * 8 + [[0.8]]), np.zeros(9, dtype=np.int64))
    assert found.z_scores[8, 0] == pytest.approx(-10)
    assert found.z_scores[0, 0] == 0
    assert found.percentile[0, 0] == pytest.approx((1 + 7 / 2) / 8)


def test_columns_are_compared_on_their_own() -> None:
    rng = np.random.default_rng(1)
    values = rng.random((12, 3))
    group = np.array([0, 1] * 6)
    together = compare(values, group)
    for column in range(3):
        alone = compare(values[:, [column]], group)
        np.testing.assert_array_equal(together.z_scores[:, column], alone.z_scores[:, 0])


def test_nobody_compares_with_nobody() -> None:
    assert compare(np.zeros((0, 11)), np.zeros(0, dtype=np.int64)).z_scores.shape == (0, 11)
