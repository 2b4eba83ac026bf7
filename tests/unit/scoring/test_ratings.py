import numpy as np
import pytest

from scoring.ratings import DAY_S, InvalidRatings, Ratings, burst_weight, extremity, medians, tempo
from tests.support.rating_cases import ratings_of

NONE = np.zeros(0, dtype=np.int64)
EMPTY = Ratings(NONE, NONE, np.zeros(0), np.zeros(0), 2, 0)


@pytest.mark.parametrize(
    ("value", "at_s", "field"),
    [([0.5], [0.0, 1.0], "of one length"), ([1.5, 0.0], [0.0, 1.0], "value"),
     ([0.5, float("nan")], [0.0, 1.0], "value"),
     ([0.5, 0.0], [0.0, float("inf")], "at_s")],
)  # fmt: skip
def test_columns_that_do_not_fit_are_refused(value: list[float], at_s: list[float], field: str) -> None:
    who = np.zeros(2, dtype=np.int64)
    with pytest.raises(InvalidRatings, match=field):
        Ratings(who, who, np.array(value), np.array(at_s), 1, 1)


def test_a_day_of_ratings_counts_as_its_root() -> None:
    said = ratings_of(np.zeros((1, 5)), np.array([[0.0, 1.0, 2.0, 3.0, DAY_S]]))
    assert burst_weight(said).tolist() == [0.5, 0.5, 0.5, 0.5, 1.0]


def test_nine_of_ten_is_extreme_however_it_was_rescaled() -> None:
    said = ratings_of(np.array([[0.8999999, -0.95], [0.5, 0.0]]))
    assert extremity(said).tolist() == [(2 + 1.5) / 5, 1.5 / 5]


def test_no_ratings_give_no_extremity_and_no_tempo() -> None:
    assert extremity(EMPTY).tolist() == [0.0, 0.0]
    found = tempo(EMPTY)
    assert np.isnan([found.first_s, found.span_s, found.gap_s]).all()


def test_tempo_agrees_with_numpy_reporter_by_reporter() -> None:
    draw = np.random.default_rng(3)
    who, at_s = draw.integers(0, 6, 60), draw.uniform(0, 1e6, 60)
    found = tempo(Ratings(who, np.zeros(60, dtype=np.int64), np.zeros(60), at_s, 6, 1))
    for reporter in range(6):
        own = np.sort(at_s[who == reporter])
        assert (found.first_s[reporter], found.span_s[reporter]) == (own[0], own[-1] - own[0])
        assert found.gap_s[reporter] == pytest.approx(np.median(np.diff(own)))


def test_a_single_rating_has_the_usual_gap_of_the_others() -> None:
    at_s = np.array([[0.0, DAY_S, 2 * DAY_S]] * 2)
    found = tempo(ratings_of(np.array([[0.1, 0.1, 0.1], [np.nan, 0.1, np.nan]]), at_s))
    assert found.gap_s.tolist() == [DAY_S, DAY_S]
    assert tempo(ratings_of(np.array([[0.1]]))).gap_s.tolist() == [0.0]


def test_the_median_of_an_empty_group_is_unknown() -> None:
    found = medians(np.array([1, 1, 1]), np.array([3.0, 1.0, 2.0]), 2)
    assert np.isnan(found[0])
    assert found[1] == 2.0
