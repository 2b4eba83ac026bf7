import numpy as np
from scipy.stats import rankdata

from scoring.arrays import average_ranks, ratio


def test_a_ratio_over_nothing_is_absent_and_not_zero() -> None:
    assert np.isnan(ratio(np.array([0, 3]), np.array([0, 0]))).all()


def test_a_ratio_broadcasts_like_a_division() -> None:
    assert ratio(np.ones((2, 3)), np.array([[2.0], [4.0]])).tolist() == [[0.5] * 3, [0.25] * 3]


def test_ranks_are_those_of_scipy_ties_and_nothing_included() -> None:
    rng = np.random.default_rng(1)
    for count in (0, 1, 2, 40):
        for values in (rng.integers(0, 5, count).astype(float), rng.normal(size=count)):
            assert average_ranks(values).tolist() == rankdata(values).tolist()
