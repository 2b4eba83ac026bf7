import time
from argparse import Namespace

import pytest

from benchmarks.growth import BASE, CASES, Case, Cost, run
from benchmarks.support.load import partition_of
from benchmarks.support.timeline import Timeline


def test_every_case_differs_from_the_base_case_in_the_figure_it_is_named_for() -> None:
    figures = ("reports", "providers", "tasks", "span_s", "history_days", "partitions", "lake")
    for case in CASES:
        differing = [name for name in figures if getattr(case, name) != getattr(BASE, name)]
        assert len(differing) == 1, case
        assert case.axis.startswith(differing[0].split("_")[0])


def test_cases_have_a_row_each() -> None:
    names = [case.name for case in (BASE, *CASES)]
    assert len(names) == len(set(names))


def test_cost_must_be_flat_over_reports_and_over_history_whatever_else_is_only_told() -> None:
    assert {case.axis for case in CASES if case.target_ratio} == {"reports", "history-days"}


@pytest.mark.parametrize("case", [BASE, Case("tasks", 10, providers=20, tasks=10)], ids=["one task", "ten tasks"])
def test_entities_of_a_case_are_those_its_reports_make(case: Case) -> None:
    small = Case(case.axis, case.size, providers=20, tasks=case.tasks)
    now_s = time.time()
    line = Timeline(small.providers, 20_000, now_s - 9.0, now_s, "few", small.shape)
    seen = set()
    for _, key, value in line.messages():
        task = value.partition(b'"task_type":"')[2].partition(b'"')[0]
        region = value.partition(b'"region":"')[2].partition(b'"')[0]
        seen |= {(key, b"", b""), (key, task, b""), (key, b"", region)}
    assert len(seen) == small.entities


def test_reports_lie_where_kafka_puts_their_provider_however_many_partitions_there_are() -> None:
    messages = Timeline(50, 500, 0.0, 9.0, "run", partitions=64).messages()
    assert all(key and partition == partition_of(key.decode(), 64) for partition, key, _ in messages)


def test_cost_is_by_million_reports() -> None:
    assert Cost(250_000, 3.0, 0).per_million_s == 12.0


def test_what_is_measured_several_times_is_told_by_its_middle_run_and_what_is_told_of_the_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    measured: list[Case] = []

    def cost(case: Case, reports: int) -> Cost:
        measured.append(case)
        return Cost(reports, float(len(measured)), 0, start_s=2.5 if case.restarts else None)

    monkeypatch.setattr("benchmarks.growth._measured", cost)
    rows = {row.name: row for row in run(Namespace(reports=1_000_000, axis=["history-days", "lake"]))}
    assert [case.name.removeprefix("engine/growth-") for case in measured] == [
        *("base", "history-days-7", "history-days-30", "history-days-89", "lake-1"),
        *("base", "history-days-7", "history-days-30", "history-days-89") * 2,
        "base",
    ]
    base = rows["engine/growth-base"]
    assert (base.value, base.facts["runs"]) == (8.0, [1.0, 6.0, 10.0, 14.0])
    longest = rows["engine/growth-history-days-89"].facts
    assert (longest["runs"], longest["start_s"]) == ([4.0, 9.0, 13.0], 2.5)
    assert rows["engine/growth-lake-1"].value == 5.0
    assert sum(case.restarts for case in measured) == 2, "the base case and the one with the most history, once each"
