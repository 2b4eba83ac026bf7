from typing import Any

import pytest

from benchmarks.harness import BenchmarkFailed
from benchmarks.simulation import costs_of, needed
from benchmarks.support.fleet import Costs, Fleet, Traffic

COSTS = Costs(
    report_us=10.0, score_us=0.0, partition_us=0.0, entity_bytes=1.0, changelog_bytes=1.0, restore_bytes_per_s=1e9,
    rebalance_s=5.0,
)  # fmt: skip


def row(value: float, **facts: float) -> dict[str, Any]:
    return {"value": value, "facts": facts}


def rows() -> dict[str, dict[str, Any]]:
    common = {
        "reports": 1_000_000,
        "entities": 5_000,
        "partitions": 4,
        "idle_cpu_share": 0.1,
        "held_mib": 100,
        "changelog_mib": 10,
    }
    return {
        "engine/growth-base": row(8.0, **{**common, "start_s": 4.0}),
        "engine/growth-reports-4": row(7.25, **{**common, "reports": 4_000_000}),
        "engine/growth-lake-1": row(12.0, **common),
        "engine/growth-providers-10000": row(9.0, **{**common, "entities": 50_000, "idle_cpu_share": 0.25}),
        "engine/growth-partitions-64": row(9.0, **{**common, "partitions": 64, "idle_cpu_share": 0.16}),
        "engine/growth-history-days-89": row(
            8.0, **{**common, "held_mib": 600, "changelog_mib": 210, "start_s": 14.0}
        ),
    }  # fmt: skip


def test_costs_are_what_growth_measured_above_its_base_case() -> None:
    costs = costs_of(rows())
    assert costs.report_us == pytest.approx((4 * 7.25 - 8.0) / 3 + 4.0)  # one more report, and the lake
    assert costs.score_us == pytest.approx(0.15 / 45_000 * 60 * 1e6)
    assert costs.partition_us == pytest.approx(0.06 / 60 * 1e6)
    assert costs.entity_bytes == pytest.approx(500 * 2**20 / 10_000)
    assert costs.changelog_bytes == pytest.approx(200 * 2**20 / 10_000)
    assert costs.restore_bytes_per_s == pytest.approx(20 * 2**20)
    assert costs.rebalance_s == 4.0


def test_two_starts_that_take_as_long_are_told_apart_by_a_tenth_of_a_second() -> None:
    given = rows()
    given["engine/growth-history-days-89"]["facts"]["start_s"] = given["engine/growth-base"]["facts"]["start_s"]
    assert costs_of(given).restore_bytes_per_s == pytest.approx(2_000 * 2**20)


def test_a_figure_that_was_not_measured_is_asked_for() -> None:
    given = rows()
    del given["engine/growth-lake-1"]
    with pytest.raises(BenchmarkFailed, match="also lake-1: make bench ONLY=growth"):
        costs_of(given)


def test_a_cost_below_zero_is_refused() -> None:
    given = rows()
    given["engine/growth-partitions-64"]["facts"]["idle_cpu_share"] = 0.05
    with pytest.raises(BenchmarkFailed, match="every cost must be above 0"):
        costs_of(given)


def test_as_many_workers_are_needed_as_keep_each_below_its_bound() -> None:
    traffic = Traffic(reports_per_s=272_000, partitions=8, providers=8_000, exponent=0.0, keying="unkeyed")
    # 34,000 a second in each partition are 0.34 of a core: two fit into 0.7, three do not.
    assert needed(COSTS, traffic) == 4
    assert Fleet(COSTS, traffic, 4).busy() == pytest.approx([0.68] * 4)


def test_no_number_of_workers_helps_where_one_partition_is_too_much() -> None:
    assert needed(COSTS, Traffic(reports_per_s=200_000, partitions=8, providers=1)) is None
