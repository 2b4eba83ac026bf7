import numpy as np
import pytest

from scoring.narrow import Narrow
from scoring.stats import STATS
from tests.support.sums import sums_of


@pytest.mark.parametrize("most", [0, 1, 255, 256, 65_535, 65_536, 2**32 - 1, 2**32, 2**63 - 1, -1])
def test_every_number_is_read_as_it_was_given(most: int) -> None:
    stats = np.zeros((3, len(STATS)), np.int64)
    stats[1, 4], stats[2, 0] = most, 7
    held = Narrow(np.array([2, 5, 9]), sums_of(stats))
    assert np.array_equal(held.of(np.array([9, 2, 5])), stats[[2, 0, 1]])


def test_rows_that_are_not_held_are_zeros() -> None:
    stats = np.ones((2, len(STATS)), np.int64)
    got = Narrow(np.array([2, 5]), sums_of(stats)).of(np.array([0, 2, 3, 5, 6]))
    assert got.any(axis=1).tolist() == [False, True, False, True, False]


def test_nothing_held_and_nothing_asked_give_zeros() -> None:
    none = np.zeros((0, len(STATS)), np.int64)
    assert Narrow(np.empty(0, np.int64), sums_of(none)).of(np.array([0, 3])).sum() == 0
    assert Narrow(np.array([1]), dict.fromkeys(range(len(STATS)), np.array([1]))).of(np.empty(0, np.int64)).shape == (
        0,
        len(STATS),
    )


def test_each_column_takes_the_bytes_it_needs() -> None:
    stats = np.zeros((1_000, len(STATS)), np.int64)
    stats[:, 0], stats[:, 5] = 11, 1_000_000
    assert Narrow(np.arange(1_000), sums_of(stats)).nbytes == 1_000 * (4 + 1 + 4)
