from typing import Any

import numpy as np
import pytest
from scipy.stats import rankdata

from scoring import credibility as module
from scoring.agreement import agreement, circle_sizes
from scoring.credibility import Anchors, credibility, reasons
from scoring.ratings import DAY_S, InvalidRatings, Ratings
from tests.support.rating_cases import crowd, ratings_of

HONEST, LIARS, SUBJECTS = 20, 5, 30


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("with_tenure", [True, False])
def test_no_liar_is_more_credible_than_an_honest_reporter(seed: int, with_tenure: bool) -> None:
    found = credibility(ratings_of(crowd(HONEST, LIARS, SUBJECTS, seed)), with_tenure=with_tenure)
    assert found.value[HONEST:].max() <= found.value[:HONEST].min() + 1e-9
    assert found.weight[HONEST:].max() < found.weight[:HONEST].min()


def test_agreement_is_that_of_a_plain_loop() -> None:
    table = crowd(6, 2, 8, 1)
    table[::2, 1] = np.nan
    said = ratings_of(table)
    nobody = np.zeros(8)
    found = agreement(said, nobody, nobody)
    weight, mean = 1.0 / found.circle, float(said.value.mean())
    deviation = np.zeros(8)
    for _ in range(5):
        apart, n = np.zeros(8), np.zeros(8)
        for (who, what), value in np.ndenumerate(table):
            if not np.isnan(value):
                others = [row for row in range(8) if row != who and not np.isnan(table[row, what])]
                total = sum(weight[row] for row in others)
                consensus = (sum(weight[row] * table[row, what] for row in others) + mean) / (total + 1)
                reach = total / (total + 1)
                apart[who] += reach * abs(value - consensus) / 2 * (2 if value < consensus else 1)
                n[who] += reach
        usual = apart.sum() / n.sum()
        deviation = (apart + 15 * usual) / (n + 5)
        weight = usual / (deviation + usual) / found.circle
    np.testing.assert_allclose(found.deviation, deviation)
    np.testing.assert_allclose(found.weight, weight)


def test_a_lie_downwards_costs_more_than_one_upwards() -> None:
    truth = np.zeros((8, 20))
    truth[6], truth[7] = 0.4, -0.4
    found = credibility(ratings_of(truth))
    assert found.agreement.deviation[7] > found.agreement.deviation[6]
    assert found.weight[7] < found.weight[6]


def test_who_is_only_contradicted_later_is_seen_by_later_truth() -> None:
    table = np.full((6, 10), 0.2)
    table[0] = -0.4
    table[1:] += np.linspace(-0.05, 0.05, 5)[:, None]
    early = np.tile(np.arange(5.0, 11.0)[:, None], (1, 10)) * DAY_S
    late = early.copy()
    early[0], late[0] = 0.0, 20 * DAY_S
    first, last = credibility(ratings_of(table, early)).agreement, credibility(ratings_of(table, late)).agreement
    assert first.deviation[0] == pytest.approx(last.deviation[0])
    assert first.later_deviation[0] == first.later_deviation.max()
    assert last.later_deviation[0] < first.later_deviation[0]


def test_a_circle_counts_as_one() -> None:
    table = np.full((11, 6), 0.8)
    table[8:] = -0.8
    said = ratings_of(table)
    assert circle_sizes(said).tolist() == [1] * 8 + [3] * 3
    found = credibility(said)
    assert found.weight[8:].sum() < found.weight[0]
    assert "dissents together with 2 others" in reasons(found, 8)


def test_one_who_shares_too_few_dissents_is_in_no_circle() -> None:
    table = np.full((11, 6), 0.8)
    table[8, :], table[9, :2] = -0.8, -0.8
    assert circle_sizes(ratings_of(table)).tolist() == [1] * 11


def anchored(agreed: list[float], contradicted: list[float]) -> Anchors:
    return Anchors(np.array(agreed), np.array(contradicted))


@pytest.mark.parametrize("seed", range(5))
def test_anchors_find_the_honest_few_where_all_others_share_a_bias(seed: int) -> None:
    said = ratings_of(crowd(3, 12, 30, seed, bias=0.3))
    alone = credibility(said, with_tenure=False)
    assert alone.weight[:3].max() < alone.weight[3:].min(), "agreement follows the biased majority"
    anchors = anchored([40.0] * 3 + [4.0] * 12, [0.0] * 3 + [36.0] * 12)
    found = credibility(said, anchors, with_tenure=False)
    assert found.value[:3].min() > found.value[3:].max()
    assert found.weight[:3].min() > found.weight[3:].max()
    assert found.weight[:3].sum() > found.weight[3:].sum(), "the consensus is theirs now"


def test_each_anchored_agreement_raises_and_each_contradiction_lowers() -> None:
    said = ratings_of(crowd(10, 0, 20, 0))

    def of_first(agreed: float, contradicted: float) -> tuple[float, float]:
        found = credibility(said, anchored([agreed] + [0.0] * 9, [contradicted] + [0.0] * 9))
        return float(found.value[0]), float(found.weight[0])

    values = [of_first(agreed, 0.0) for agreed in (10.0, 20.0, 40.0)]
    assert values == sorted(values)
    values = [of_first(10.0, contradicted) for contradicted in (0.0, 5.0, 20.0)]
    assert values == sorted(values, reverse=True)


@pytest.mark.parametrize("counts", [[1.0], [-1.0, 0.0], [float("nan"), 0.0]])
def test_anchors_that_are_no_counts_are_refused(counts: list[float]) -> None:
    with pytest.raises(InvalidRatings, match="2 counts from 0"):
        credibility(ratings_of(np.zeros((2, 2))), anchored(counts, [0.0, 0.0]))


def test_the_order_of_the_ratings_is_of_no_matter() -> None:
    said = ratings_of(crowd(HONEST, LIARS, SUBJECTS, 2))
    order = np.random.default_rng(0).permutation(len(said.value))
    moved = Ratings(
        said.reporter[order], said.subject[order], said.value[order], said.at_s[order], said.reporters, said.subjects
    )
    np.testing.assert_allclose(credibility(moved).value, credibility(said).value, atol=1e-9)


def test_ratings_of_one_moment_are_not_later_than_each_other() -> None:
    table = crowd(6, 2, 8, 1)
    found = agreement(ratings_of(table, np.zeros(table.shape)), np.zeros(8), np.zeros(8))
    assert found.later_deviation.tolist() == [0.0] * 8


def test_reporters_without_ratings_are_unknown_and_no_ratings_are_no_error() -> None:
    none: Any = np.zeros(0, dtype=np.int64)
    found = credibility(Ratings(none, none, np.zeros(0), np.zeros(0), 2, 0))
    assert np.isnan(found.value).all()
    assert found.weight.tolist() == [1.0, 1.0]


def test_reasons_name_what_is_suspicious_and_what_was_checked() -> None:
    table = crowd(HONEST, LIARS, SUBJECTS, 0)
    found = credibility(ratings_of(table), anchored([0.0] * 24 + [1.0], [0.0] * 24 + [9.0]))
    told = reasons(found, 24)
    assert "contradicts the others" in told
    assert "1 of 10 anchored reports right" in told
    assert reasons(credibility(ratings_of(np.full((3, 9), 0.1))), 0) == ("agrees with the others, over time",)


@pytest.mark.parametrize("reporters", [0, 1, 2, 50, 1_000])
def test_ranks_are_those_of_scipy_to_the_bit(reporters: int) -> None:
    rng = np.random.default_rng(reporters)
    values, speaks = rng.integers(0, max(reporters // 3, 1) + 1, reporters) / 7, rng.random(reporters) < 0.8
    wanted = np.full(reporters, np.nan)
    wanted[speaks] = (rankdata(values[speaks]) - 0.5) / max(int(speaks.sum()), 1)
    assert np.array_equal(module._rank(values, speaks), wanted, equal_nan=True)
