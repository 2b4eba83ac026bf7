import math
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from scoring.tables import DIMENSIONS
from scoring.weights import DEFAULT, InvalidWeights, StatedBadly, Weights, shares, stated_weights


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


def test_stated_weights_are_those_stated() -> None:
    stated = asdict(DEFAULT) | {"latency": 0.35, "uptime": 0.0}
    assert stated_weights(stated) == Weights(latency=0.35, uptime=0.0)
    assert stated_weights(asdict(DEFAULT)) == DEFAULT


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"latency": None}, "weight of latency must be a number of at least 0; got None"),
        ({"latency": True}, "weight of latency must be a number of at least 0; got True"),
        ({"latency": -0.1}, "weight of latency must be a number of at least 0; got -0.1"),
        ({"latency": math.nan}, "weight of latency must be a number of at least 0; got nan"),
        ({"latency": 0.2}, "weights must be 1 in sum (within 0.001); got 1.05"),
        ({"speed": 0.0}, "weights must be of reliability, uptime"),
        ({"security": ...}, "weights must be of all 11 dimensions; got none of security"),
    ],
)
def test_weights_stated_badly_say_what_was_wanted_and_the_next_step(change: dict[str, Any], said: str) -> None:
    stated = {name: weight for name, weight in (asdict(DEFAULT) | change).items() if weight is not ...}
    with pytest.raises(StatedBadly) as caught:
        stated_weights(stated)
    assert said in str(caught.value)
    assert str(caught.value).endswith("write them anew: trustscore weights fit REPORTS --out FILE")


def test_weights_are_an_object() -> None:
    with pytest.raises(StatedBadly, match="weights must be a JSON object of dimensions and their weights; got list"):
        stated_weights([0.5, 0.5])
