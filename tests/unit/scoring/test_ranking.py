import numpy as np
import pytest

from scoring.ranking import InvalidShare, rank
from scoring.trust import score
from tests.support.scoring_cases import AS_OF_S, evidence_of, regime, repeat

NAN = float("nan")


def test_order_is_by_lower_bound() -> None:
    found = rank(np.array([0.5, 0.9, 0.7]), np.array([100.0, 100.0, 100.0]))
    assert found.order.tolist() == [1, 2, 0]
    assert found.place.tolist() == [3, 1, 2]


def test_ties_share_a_place_and_stand_by_reports_then_row() -> None:
    found = rank(np.array([0.9, 0.8, 0.9, 0.9]), np.array([10.0, 50.0, 20.0, 10.0]))
    assert found.order.tolist() == [2, 0, 3, 1]
    assert found.place.tolist() == [1, 4, 1, 1]


def test_unknown_providers_stand_after_every_known_one() -> None:
    found = rank(np.array([NAN, 0.01, NAN, 0.9]), np.array([0.0, 5.0, 0.0, 30.0]))
    assert found.order.tolist() == [3, 1, 0, 2]
    assert found.place.tolist() == [3, 2, 3, 1]


def test_unknown_never_above_known_good_whatever_the_call() -> None:
    scores = score(evidence_of([[], repeat(30), regime("flapping", 1), repeat(1)], histograms=False), AS_OF_S)
    for call in range(50):
        found = rank(scores.lower, scores.reports_effective, 0.5, scores.upper, call)
        assert (found.order[0], found.order[-1]) == (1, 0)


@pytest.mark.parametrize("share", [0.0, 0.05, 0.1, 0.5, 1.0])
def test_exactly_the_stated_share_of_calls_explores(share: float) -> None:
    lower, n = np.array([0.9, NAN, 0.2]), np.array([500.0, 0.0, 3.0])
    explored = [rank(lower, n, share, call=call).explore for call in range(1_000)]
    assert sum(pick is not None for pick in explored) == pytest.approx(1_000 * share, abs=1)


def test_explorations_take_the_candidates_in_turn_fewest_reports_first() -> None:
    lower, n = np.array([0.9, 0.3, NAN, 0.2]), np.array([500.0, 20.0, 0.0, 3.0])
    assert [rank(lower, n, 1.0, call=call).explore for call in range(4)] == [2, 3, 1, 2]


def test_who_cannot_be_better_than_the_first_is_not_explored() -> None:
    lower, upper, n = np.array([0.9, 0.1, 0.7]), np.array([0.99, 0.4, 0.95]), np.array([500.0, 20.0, 50.0])
    assert {rank(lower, n, 1.0, upper, call).explore for call in range(4)} == {2}


def test_the_well_known_are_not_explored() -> None:
    assert rank(np.array([0.9, 0.8]), np.array([500.0, 100.0]), 1.0).explore is None


def test_one_or_nobody_leaves_nothing_to_explore() -> None:
    assert rank(np.array([0.9]), np.array([5.0]), 1.0).explore is None
    nobody = rank(np.zeros(0), np.zeros(0), 1.0)
    assert nobody.order.tolist() == []
    assert nobody.explore is None


def test_an_unknown_first_is_explored_away_from_only_if_others_may_be_better() -> None:
    found = rank(np.array([NAN, NAN]), np.array([0.0, 0.0]), 1.0)
    assert (found.order.tolist(), found.explore) == ([0, 1], 1)


@pytest.mark.parametrize("share", [-0.1, 1.1, NAN])
def test_a_share_out_of_bounds_is_refused(share: float) -> None:
    with pytest.raises(InvalidShare, match="explore_share must be a number from 0 to 1; got"):
        rank(np.array([0.5]), np.array([1.0]), share)
