import numpy as np

from scoring.arrays import ratio


def test_a_ratio_over_nothing_is_absent_and_not_zero() -> None:
    assert np.isnan(ratio(np.array([0, 3]), np.array([0, 0]))).all()


def test_a_ratio_broadcasts_like_a_division() -> None:
    assert ratio(np.ones((2, 3)), np.array([[2.0], [4.0]])).tolist() == [[0.5] * 3, [0.25] * 3]
