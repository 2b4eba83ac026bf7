import time

import pytest

from benchmarks.growth import BASE, CASES, Case, Cost
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
