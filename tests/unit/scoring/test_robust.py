import numpy as np
import pytest

from scoring.credibility import Anchors
from scoring.outcomes import InvalidOutcomes
from scoring.robust import robust_rates
from tests.support.outcome_cases import outcomes_of_table, town

SEEDS = range(5)


@pytest.mark.parametrize("seed", SEEDS)
def test_honest_reports_give_the_plain_rates(seed: int) -> None:
    table = town(seed)
    found = robust_rates(outcomes_of_table(table))
    np.testing.assert_allclose(found.rate, table.mean(axis=(0, 2)), atol=1e-12)
    np.testing.assert_allclose(found.capped, found.rate, atol=1e-12)
    assert found.weight.tolist() == [1.0] * 30
    assert found.ring.tolist() == [0] * 30


@pytest.mark.parametrize("seed", SEEDS)
def test_an_outage_that_all_see_is_nobodys_lie(seed: int) -> None:
    table = town(seed)
    table[:, 11, 10:25] = 0.0
    found = robust_rates(outcomes_of_table(table))
    np.testing.assert_allclose(found.rate, found.capped, atol=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_bad_mouthing_by_a_fifth_is_replaced_by_what_the_others_saw(seed: int) -> None:
    table = town(seed)
    honest = table[6:].mean(axis=(0, 2))
    table[:6, 11] = 0.0
    found = robust_rates(outcomes_of_table(table))
    assert found.capped[11] < 0.82
    assert found.rate[11] == pytest.approx(honest[11], abs=0.005)
    assert found.doubted[11] == pytest.approx(0.2)
    np.testing.assert_allclose(found.rate[:11], found.capped[:11])
    assert found.weight[:6].max() < found.weight[6:].min() == 1.0


@pytest.mark.parametrize("seed", SEEDS)
def test_praise_without_a_failure_of_a_poor_provider_is_replaced(seed: int) -> None:
    table = town(seed)
    honest = table[6:].mean(axis=(0, 2))
    table[:6, 0] = 1.0
    found = robust_rates(outcomes_of_table(table))
    assert found.capped[0] > honest[0] + 0.08
    assert found.rate[0] == pytest.approx(honest[0], abs=0.01)


@pytest.mark.parametrize("seed", SEEDS)
def test_good_evidence_needs_to_be_nearly_perfect_to_be_doubted_and_bad_does_not(seed: int) -> None:
    better, worse = town(seed), town(seed)
    better[:6, 0, :24] = 1.0  # .9 or so at a provider with .5: a better path
    worse[:6, 11, :12] = 0.0  # .6 or so at a provider with .99
    up, down = robust_rates(outcomes_of_table(better)), robust_rates(outcomes_of_table(worse))
    assert up.rate[0] == pytest.approx(up.capped[0], abs=1e-12)
    assert down.rate[11] > down.capped[11] + 0.05


@pytest.mark.parametrize("seed", SEEDS)
def test_better_paths_that_fail_now_and_then_vouch_for_those_that_never_do(seed: int) -> None:
    paths = town(seed)
    paths[:8, 0] = 1.0  # four without a failure, and four with one: better paths, one beside the other
    paths[4:8, 0, 0] = 0.0
    heap = town(seed)
    heap[:8, 0] = 1.0
    natural, praised = robust_rates(outcomes_of_table(paths)), robust_rates(outcomes_of_table(heap))
    assert natural.rate[0] == pytest.approx(natural.capped[0], abs=1e-12)
    assert praised.rate[0] < praised.capped[0] - 0.1


@pytest.mark.parametrize("seed", SEEDS)
def test_where_half_of_the_reporters_fare_worse_by_all_degrees_nobody_is_doubted(seed: int) -> None:
    table = town(seed, reporters=60, slots=60)
    works = np.concatenate([np.linspace(0.2, 0.9, 30), np.full(30, 0.97)])
    table[:, 0] = np.random.default_rng(seed).random((60, 60)) < works[:, None]
    found = robust_rates(outcomes_of_table(table))
    assert found.rate[0] == pytest.approx(found.capped[0], abs=1e-12)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_ring_too_small_to_contest_a_provider_is_found_over_several(seed: int) -> None:
    table = town(seed, reporters=60)
    honest = table[6:].mean(axis=(0, 2))
    table[:6, 7:] = 0.0
    found = robust_rates(outcomes_of_table(table))
    assert found.ring.tolist() == [6] * 6 + [0] * 54
    assert np.abs(found.rate - honest)[7:].max() < 0.01
    np.testing.assert_allclose(found.rate[:7], found.capped[:7])
    assert found.weight[:6].sum() < 1.0, "together less than one honest reporter"


def test_fewer_than_five_are_no_ring() -> None:
    table = town(0, reporters=60)
    table[:4, 7:] = 0.0
    assert robust_rates(outcomes_of_table(table)).ring.max() == 0


def test_when_half_dissent_nobody_is_doubted() -> None:
    table = town(0, reporters=30, providers=2)
    table[:15, 1] = 0.0
    found = robust_rates(outcomes_of_table(table))
    assert found.rate[1] == pytest.approx(found.capped[1])


@pytest.mark.parametrize("seed", SEEDS)
def test_more_liars_never_leave_their_target_nearer_to_the_lie_than_capping_would(seed: int) -> None:
    for liars in range(1, 15):
        table = town(seed)
        table[:liars, 11] = 0.0
        found = robust_rates(outcomes_of_table(table))
        assert found.rate[11] >= found.capped[11] - 1e-12


def biased(kind: str) -> tuple[Anchors, float]:
    """Three honest reporters of fifteen; the others call every failure a success. Anchors by kind, and their weight."""
    weight = {"probe": 1.0, "receipt": 0.5, "outcome": 1.0}[kind]
    return Anchors(weight * np.array([60.0] * 3 + [8.0] * 12), weight * np.array([0.0] * 3 + [52.0] * 12)), weight


@pytest.mark.parametrize("kind", ["probe", "receipt", "outcome"])
@pytest.mark.parametrize("seed", SEEDS)
def test_each_kind_of_anchor_finds_the_rate_where_nearly_all_share_a_bias(seed: int, kind: str) -> None:
    table = town(seed, reporters=15, slots=60)
    honest = table[:3].mean(axis=(0, 2))
    table[3:] = 1.0
    alone = robust_rates(outcomes_of_table(table))
    anchors, _ = biased(kind)
    found = robust_rates(outcomes_of_table(table), anchors)
    assert np.abs(alone.rate - honest)[0] > 0.3, "agreement follows the biased majority"
    assert np.abs(found.rate - honest).max() < 0.05
    assert found.weight[:3].min() > 5 * alone.weight[:3].max()
    assert found.weight[3:].max() < 0.2


def test_anchors_shield_from_doubt() -> None:
    table = town(0)
    table[:6, 11] = 0.0
    anchors = Anchors(np.array([200.0] * 6 + [0.0] * 24), np.zeros(30))
    alone, found = robust_rates(outcomes_of_table(table)), robust_rates(outcomes_of_table(table), anchors)
    assert found.rate[11] < alone.rate[11] - 0.2


@pytest.mark.parametrize("counts", [[1.0], [-1.0, 0.0], [float("nan"), 0.0]])
def test_anchors_that_are_no_counts_are_refused(counts: list[float]) -> None:
    with pytest.raises(InvalidOutcomes, match="2 counts from 0"):
        robust_rates(outcomes_of_table(np.ones((2, 1, 1))), Anchors(np.array(counts), np.zeros(2)))


def test_who_and_what_nobody_reported_has_no_figure() -> None:
    table = np.full((3, 2, 4), np.nan)
    table[:2, 0] = 1.0
    found = robust_rates(outcomes_of_table(table))
    assert found.rate[0] == 1.0
    assert np.isnan(found.rate[1])
    assert np.isnan(found.weight[2])
    empty = robust_rates(outcomes_of_table(np.full((2, 2, 2), np.nan)))
    assert np.isnan(empty.rate).all()


def test_the_order_of_the_reports_is_of_no_matter() -> None:
    table = town(1)
    table[:6, 11] = 0.0
    said = outcomes_of_table(table)
    order = np.random.default_rng(0).permutation(len(said.success))
    columns = [column[order] for column in (said.reporter, said.provider, said.slot)]
    mixed = type(said)(columns[0], columns[1], columns[2], said.success[order], 30, 12, 30)
    np.testing.assert_array_equal(robust_rates(mixed).rate, robust_rates(said).rate)
