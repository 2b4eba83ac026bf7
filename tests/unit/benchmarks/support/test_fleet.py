"""The model of a fleet, on cases small enough to be worked out by hand."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.support.fleet import Change, Costs, Fleet, Keying, Traffic, assigned, fair_shares, zipf

COSTS = Costs(
    report_us=10_000, score_us=0, partition_us=0, entity_bytes=100, changelog_bytes=200, restore_bytes_per_s=1_000,
    rebalance_s=5, session_s=10,
)  # fmt: skip
"""A worker folds 100 reports a second and does nothing else."""
ONE = Traffic(reports_per_s=50, partitions=1, providers=1, facets=4)
EVEN = Traffic(reports_per_s=4_000, partitions=4, providers=4_000, exponent=0, facets=0)


def moved(before: Sequence[int], after: Sequence[int]) -> int:
    return sum(one != other for one, other in zip(before, after, strict=True))


def test_shares_follow_zipf_and_add_up_to_one() -> None:
    shares = zipf(1_000, 1.0)
    assert shares.sum() == pytest.approx(1)
    assert shares[0] / shares[9] == pytest.approx(10)
    assert zipf(4, 0.0).tolist() == [0.25] * 4


def test_a_budget_is_shared_fairly_and_nobody_gets_more_than_it_wants() -> None:
    wanted = np.array([7.0, 0.0, 2.0, 100.0])
    assert fair_shares(wanted, 12.0).tolist() == [5.0, 0.0, 2.0, 5.0]
    assert fair_shares(wanted, 1_000.0).tolist() == wanted.tolist()
    assert fair_shares(wanted, 0.0).tolist() == [0.0] * 4


def test_partitions_are_dealt_out_evenly_and_no_more_move_than_must() -> None:
    first = assigned([-1] * 10, [0, 1, 2])
    assert sorted(first.count(worker) for worker in range(3)) == [3, 3, 4]
    without = assigned(first, [0, 2])
    assert sorted(without.count(worker) for worker in (0, 2)) == [5, 5]
    assert moved(first, without) == first.count(1)
    joined = assigned(first, [0, 1, 2, 3])
    assert sorted(joined.count(worker) for worker in range(4)) == [2, 2, 3, 3]
    assert moved(first, joined) == joined.count(3)
    assert assigned(first, [0, 1, 2]) == first


def test_more_workers_than_partitions_leave_some_with_nothing() -> None:
    assert sorted(assigned([-1, -1], [0, 1, 2])) == [0, 1]


def test_traffic_is_the_same_however_it_is_keyed_and_only_spread_differently() -> None:
    keyings: tuple[Keying, ...] = ("keyed", "hot spread", "unkeyed")
    keyed, hot, unkeyed = (Traffic(partitions=20, providers=500, keying=keying).reports() for keying in keyings)
    assert keyed.sum() == pytest.approx(1e6)
    assert hot.sum() == pytest.approx(1e6)
    assert unkeyed == pytest.approx(np.full(20, 50_000))
    assert keyed.max() > hot.max() > unkeyed.max()


def test_a_hot_provider_is_all_in_one_partition_until_it_is_spread() -> None:
    hot = Traffic(reports_per_s=1_000, partitions=10, providers=2, exponent=3.0)  # eight of nine reports
    assert hot.reports().max() == pytest.approx(1_000 * 8 / 9)
    assert replace(hot, keying="hot spread").reports().max() == pytest.approx(100)


def test_state_is_held_once_by_each_stage_and_once_more_for_every_place_a_provider_is_spread_to() -> None:
    traffic = Traffic(partitions=10, providers=30, facets=4)
    assert traffic.entities().sum() == 2 * 30 * 5
    assert replace(traffic, keying="unkeyed").entities().sum() == 2 * 30 * 5 * 10


def test_an_entity_is_scored_once_a_tick_when_it_is_busy_and_by_its_reports_when_it_is_not() -> None:
    busy = Traffic(reports_per_s=1e6, partitions=1, providers=10, exponent=0, facets=4)
    assert busy.scored().sum() == pytest.approx(10 * 5 / 2)
    quiet = replace(busy, reports_per_s=1e-3)
    assert quiet.scored().sum() == pytest.approx(3e-3, rel=1e-3), "the provider, its task, its region"


def test_a_worker_that_is_fast_enough_leaves_nothing_waiting() -> None:
    course = Fleet(COSTS, ONE, 1).run(20)
    assert course.waiting == [0.0] * 20
    assert course.recovered_s(0) == 0


def test_what_comes_beyond_a_worker_s_rate_piles_up() -> None:
    course = Fleet(COSTS, replace(ONE, reports_per_s=150), 1).run(10)
    assert course.waiting == pytest.approx([50.0 * second for second in range(1, 11)])
    assert course.recovered_s(0, within_s=0.1) is None


def test_scores_and_held_partitions_take_their_part_of_the_core() -> None:
    costs = replace(COSTS, score_us=100_000, partition_us=50_000)  # 5 entities / 2 s × 0.1 s, and 0.05 s
    fleet = Fleet(costs, ONE, 1)
    assert fleet.busy() == pytest.approx([50 * 0.01 + 0.25 + 0.05])
    course = Fleet(costs, replace(ONE, reports_per_s=100), 1).run(10)
    assert course.waiting[-1] == pytest.approx(10 * (100 - 70))


def test_a_rebalance_stops_all_and_restores_what_moved_and_then_they_catch_up() -> None:
    # Two workers, two partitions of 40 a second each with their providers; one is killed at 10.
    traffic = Traffic(reports_per_s=80, partitions=2, providers=400, exponent=0, facets=0)
    fleet = Fleet(replace(COSTS, restore_bytes_per_s=np.inf), traffic, 2)
    rates = traffic.reports()
    course = fleet.run(400, [Change(10, 1, "kill")])
    lost = 10 + 5  # until its session is over, and the rebalance
    piled_up = [second for second, waiting in enumerate(course.waiting) if waiting]
    assert piled_up[0] == 10
    assert max(course.behind_s) == pytest.approx(lost)
    # 15 s of the lost one's, 5 s of the other's; 100 are folded and 80 come in a second.
    missed = [(15 * one + 5 * other) for one, other in (rates, rates[::-1])]
    assert max(course.waiting) in [pytest.approx(one) for one in missed]
    assert course.recovered_s(10, within_s=1e-9) in [lost - 1 + int(np.ceil(one / 20 - 1e-9)) for one in missed]


def test_restoring_takes_as_long_as_the_state_that_moved_is_large() -> None:
    fleet = Fleet(COSTS, EVEN, 4)
    course = fleet.run(100, [Change(10, 1, "stop")])
    entities = EVEN.entities()
    assert course.restored_s in [pytest.approx(one * 200 / 1_000) for one in entities]


def test_those_that_join_take_partitions_over() -> None:
    fleet = Fleet(replace(COSTS, restore_bytes_per_s=np.inf), replace(EVEN, reports_per_s=300), 2)
    assert fleet.busy().max() > 1
    course = fleet.run(600, [Change(10, 2, "join")])
    assert len(fleet.busy()) == 4
    assert fleet.busy().max() < 1
    assert course.waiting[-1] == 0


def test_memory_is_of_the_entities_that_a_worker_s_partitions_hold() -> None:
    assert Fleet(COSTS, EVEN, 2).state_bytes().sum() == 2 * 4_000 * 100


def test_the_same_seed_gives_the_same_course_and_another_one_another() -> None:
    traffic = Traffic(reports_per_s=700, partitions=10, providers=50)
    runs = [Fleet(COSTS, traffic, 10, seed).run(60, [Change(5, 3, "kill")]).waiting for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]
