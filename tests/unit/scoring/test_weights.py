import math

import numpy as np
import pytest

from scoring.tables import DIMENSIONS
from scoring.weights import DEFAULT, InvalidWeights, Weights, shares


def test_the_seven_weigh_one_together_and_the_four_nothing() -> None:
    row = shares(DEFAULT, np.full((1, len(DIMENSIONS)), 1e12))[0]
    assert row[:7] == pytest.approx([0.25, 0.20, 0.15, 0.15, 0.10, 0.10, 0.05])
    assert row[7:].tolist() == [0.0] * 4


def test_absent_dimensions_give_their_weight_up_in_proportion() -> None:
    n = np.full((1, len(DIMENSIONS)), 500.0)
    n[0, [DIMENSIONS.index(name) for name in ("quality", "freshness", "security")]] = 0
    row = shares(DEFAULT, n)[0]
    assert row[:7] == pytest.approx([0.25 / 0.75, 0.20 / 0.75, 0.15 / 0.75, 0.15 / 0.75, 0, 0, 0])


def test_a_single_report_of_a_kind_weighs_little() -> None:
    n = np.full((1, len(DIMENSIONS)), 1_000.0)
    n[0, DIMENSIONS.index("quality")] = 1.0
    assert shares(DEFAULT, n)[0, DIMENSIONS.index("quality")] < 0.02


def test_nothing_present_has_no_shares() -> None:
    assert np.isnan(shares(DEFAULT, np.zeros((1, len(DIMENSIONS))))).all()


def test_a_further_dimension_can_be_switched_on() -> None:
    weights = Weights(cost_efficiency=0.25)
    row = shares(weights, np.full((1, len(DIMENSIONS)), 50.0))[0]
    assert row[DIMENSIONS.index("cost_efficiency")] == pytest.approx(0.2)


@pytest.mark.parametrize("bad", [-0.1, math.inf, math.nan])
def test_a_weight_that_cannot_weigh_is_named(bad: float) -> None:
    with pytest.raises(InvalidWeights, match="latency must be a finite number of at least 0; got") as caught:
        Weights(latency=bad)
    assert caught.value.dimension == "latency"


def test_weights_of_nothing_are_refused() -> None:
    with pytest.raises(InvalidWeights, match="weights must be more than 0 in sum"):
        Weights(0, 0, 0, 0, 0, 0, 0)
