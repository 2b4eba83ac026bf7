from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from scoring.panes import Columns, Increments, increments, statistics
from scoring.stats import BUCKETS, STAT, STATS, bucket_of
from scoring.sums import dense
from tests.support.plain_panes import NOW_S, Report, columns_of_reports, newest_of, panes_of, some_reports


def stats_of(got: Increments) -> Any:
    """All statistics, [panes, len(STATS)]."""
    return dense(got.sums, len(got.minute_s))


def one(**fields: Any) -> dict[str, int]:
    """What one report with these fields adds, zeros left out."""
    report = {"provider_id": "a", "outcome": "success", "timestamp": NOW_S, **fields}
    got = increments(columns_of_reports([report]))
    return {name: value for name, value in zip(STATS, stats_of(got)[0].tolist(), strict=True) if value}


def minutes_of(got: Increments, names: Sequence[tuple[str, str, str]]) -> dict[tuple[int, tuple[str, str, str]], Any]:
    """Increments by minute and series: sums, offset, buckets."""
    panes: dict[tuple[int, tuple[str, str, str]], Any] = {}
    for g in range(len(got.minute_s)):
        mine = got.sketch_group == g
        stats = {name: value for name, value in zip(STATS, stats_of(got)[g].tolist(), strict=True) if value}
        buckets = dict(zip(got.sketch_bucket[mine].tolist(), got.sketch_count[mine].tolist(), strict=True))
        panes[int(got.minute_s[g]), names[got.series[g]]] = (stats, int(got.last_offset[g]), buckets)
    return panes


def series_as_provider(report: Report) -> dict[str, Any]:
    """The report with its whole series as provider id, so that plain counting by provider counts by series."""
    series = (report["provider_id"], report.get("task_type") or "", report.get("region") or "")
    return {k: v for k, v in report.items() if k not in ("task_type", "region")} | {"provider_id": "\t".join(series)}


@pytest.mark.parametrize("seed", range(8))
def test_panes_equal_counting_one_report_after_the_other(seed: int) -> None:
    reports = some_reports(seed, 400)
    columns = columns_of_reports(reports, first_offset=1_000)
    plain = panes_of([series_as_provider(report) for report in reports], 1_000)
    wanted = {
        (start, tuple(name.split("\t"))): (dict(pane.stats), pane.last_offset, dict(pane.buckets))
        for (level, start, name), pane in plain.items()
        if level == 60
    }
    assert minutes_of(increments(columns), columns.names) == wanted


def test_panes_come_ordered_by_minute_then_series_and_buckets_by_pane() -> None:
    columns = columns_of_reports(some_reports(9, 300))
    got = increments(columns)
    places = list(zip(got.minute_s.tolist(), got.series.tolist(), strict=True))
    assert places == sorted(set(places))
    cells = list(zip(got.sketch_group.tolist(), got.sketch_bucket.tolist(), strict=True))
    assert cells == sorted(set(cells))


def test_the_newest_event_of_each_pane_is_kept() -> None:
    reports = some_reports(3, 200, span_s=59, providers=1)
    plain = [series_as_provider(report) for report in reports]
    columns = columns_of_reports(plain)
    got = increments(columns)
    newest: dict[str, int] = {}
    for g, series in enumerate(got.series.tolist()):
        name = columns.names[series][0]
        newest[name] = max(newest.get(name, 0), int(got.last_event_us[g]))
    assert newest == {name: event for name, (event, _) in newest_of(plain).items()}


def test_no_report_gives_no_pane() -> None:
    got = increments(columns_of_reports([]))
    assert stats_of(got).shape == (0, len(STATS))
    for values in (got.minute_s, got.series, got.last_offset, got.last_event_us, got.sketch_group, got.sketch_count):
        assert len(values) == 0


def test_the_latency_of_a_call_that_was_not_answered_is_not_counted() -> None:
    assert one(outcome="timeout", latency_ms=20_000) == {"timeout": 1}
    assert one(outcome="error", latency_ms=5) == {"error": 1}
    assert one(outcome="failure", latency_ms=5)["latency_n"] == 1


@pytest.mark.parametrize(
    ("latency_ms", "satisfied", "tolerating"),
    [(0, 1, 0), (1_000, 1, 0), (1_000.0004, 1, 0), (1_000.0005, 0, 1), (4_000, 0, 1), (4_000.001, 0, 0)],
)
def test_latency_limits_are_a_second_and_four_inclusive(latency_ms: float, satisfied: int, tolerating: int) -> None:
    got = one(latency_ms=latency_ms)
    assert (got.get("latency_satisfied", 0), got.get("latency_tolerating", 0)) == (satisfied, tolerating)


def test_fixed_point_rounds_half_up() -> None:
    assert one(latency_ms=0.0005)["latency_us"] == 1
    assert "latency_us" not in one(latency_ms=0.0004)
    assert one(quality=1 / 128)["quality_ppm"] == 7_813  # 7,812.5
    assert one(replication_lag_ms=0.5)["lag_ms"] == 1
    assert one(cost_usd=0.01) == {"success": 1, "cost_n": 1, "cost_nusd": 10_000_000, "cost_ppm": 500_000}
    assert one(data_age_s=86_400) == {
        "success": 1, "freshness_n": 1, "freshness_ppm": 500_000, "data_age_ms": 86_400_000,
    }  # fmt: skip


def test_consistency_counts_ok_as_one_and_stale_as_a_half() -> None:
    got = {name: one(consistency=name).get("consistency_ppm", 0) for name in ("ok", "stale", "conflict", "lost")}
    assert got == {"ok": 1_000_000, "stale": 500_000, "conflict": 0, "lost": 0}


def test_an_empty_security_list_is_a_clean_check_and_none_is_no_check() -> None:
    assert one(security=[]) == {"success": 1, "security_n": 1, "security_clean": 1}
    assert one() == {"success": 1}
    assert one(security=["leak", "leak"]) == {"success": 1, "security_n": 1, "leak": 1}


def test_a_gap_counts_for_nothing() -> None:
    stated = {"quality": 0.0, "schema_valid": False, "rate_limited": False, "consistency": "lost", "security": []}
    stated |= {"latency_ms": 0.0, "cost_usd": 0.0, "data_age_s": 0.0, "replication_lag_ms": 0.0}
    base = {"provider_id": "a", "outcome": "success", "timestamp": NOW_S}
    got = increments(columns_of_reports([base, base | stated]))
    counts = [name for name in STATS if name.endswith("_n")]
    assert [stats_of(got)[0, STAT[name]] for name in counts] == [1] * len(counts)


def test_columns_that_nobody_states_are_left_out_of_the_statistics() -> None:
    got = statistics(columns_of_reports([{"provider_id": "a", "outcome": "error", "timestamp": NOW_S}]))
    assert {column: values.tolist() for column, values in got.items()} == {0: [0], 1: [0], 2: [0], 3: [1]}


def test_taking_all_or_none_of_the_columns() -> None:
    columns = columns_of_reports(some_reports(4, 50))
    everything = increments(columns.take(np.ones(50, bool)))
    assert np.array_equal(stats_of(everything), stats_of(increments(columns)))
    assert len(increments(columns.take(np.zeros(50, bool))).minute_s) == 0


def test_taking_keeps_columns_that_are_absent_absent() -> None:
    bare = columns_of_reports([{"provider_id": "a", "outcome": "error", "timestamp": NOW_S}])
    taken: Columns = bare.take(np.array([True]))
    assert taken.consistency is None
    assert taken.security is None
    assert taken.numbers == {}


def test_events_before_1970_are_in_their_own_minute() -> None:
    got = increments(columns_of_reports([{"provider_id": "a", "outcome": "success", "timestamp": -0.5}]))
    assert got.minute_s.tolist() == [-60]


def test_the_greatest_latency_is_in_the_last_bucket_but_one_or_later() -> None:
    got = increments(
        columns_of_reports([{"provider_id": "a", "outcome": "success", "timestamp": NOW_S, "latency_ms": 3_600_000}])
    )
    assert got.sketch_bucket.tolist() == bucket_of(np.array([3_600_000_000])).tolist() == [BUCKETS - 1]
