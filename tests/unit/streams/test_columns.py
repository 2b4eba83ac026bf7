from collections.abc import Sequence

import numpy as np
import pytest

from scoring.panes import Columns, increments
from streams.columns import columns_of
from streams.json_wire import JsonReader
from streams.schemas import REPORTS_SCHEMA
from streams.wire import decode
from tests.support.plain_panes import Report, columns_of_reports, some_reports
from tests.support.wire_cases import GOOD, json_message


def columns(reports: Sequence[Report], first_offset: int = 0) -> Columns:
    run = [json_message(offset, report) for offset, report in enumerate(reports, first_offset)]
    return columns_of(decode(run, 0, JsonReader()).table)


def series(given: Columns) -> list[tuple[str, str, str]]:
    return [given.names[number] for number in given.series.tolist()]


@pytest.mark.parametrize("seed", range(6))
def test_columns_equal_those_made_one_report_at_a_time(seed: int) -> None:
    reports = some_reports(seed, 200)
    got, wanted = columns(reports, 50), columns_of_reports(reports, 50)
    assert series(got) == series(wanted)
    for name in ("event_us", "outcome", "offset", "consistency", "security"):
        assert np.array_equal(getattr(got, name), getattr(wanted, name)), name
    for mine, plain in ((got.numbers, wanted.numbers), (got.flags, wanted.flags)):
        assert mine.keys() == plain.keys()
        assert all(np.array_equal(mine[name], plain[name], equal_nan=True) for name in mine)


def test_names_are_only_those_of_reports_in_the_run() -> None:
    reports = [GOOD | {"task_type": "a", "region": "x"}, GOOD | {"task_type": "b", "region": "y"}]
    assert sorted(columns(reports).names) == [("github", "a", "x"), ("github", "b", "y")]


def test_what_no_report_states_is_left_out() -> None:
    got = columns([GOOD])
    assert (got.numbers, got.flags, got.consistency, got.security) == ({}, {}, None, None)
    assert list(got.names) == [("github", "", "")]


def test_an_empty_table_gives_empty_columns() -> None:
    got = columns_of(REPORTS_SCHEMA.empty_table())
    assert len(got.offset) == len(got.series) == len(got.event_us) == 0
    assert len(increments(got).minute_s) == 0


def test_a_finding_named_twice_sets_one_bit() -> None:
    got = columns([GOOD | {"security": ["leak", "leak", "tls_invalid"]}, GOOD | {"security": []}, GOOD])
    assert got.security is not None
    assert got.security.tolist() == [0b10001, 0, -1]


def test_a_slice_of_a_table_gives_the_columns_of_its_rows() -> None:
    reports = some_reports(11, 40)
    table = decode([json_message(at, report) for at, report in enumerate(reports)], 0, JsonReader()).table
    got, wanted = columns_of(table.slice(10, 20)), columns_of_reports(reports[10:30], 10)
    assert series(got) == series(wanted)
    mine, theirs = increments(got).sums, increments(wanted).sums
    assert {number: sums.sum() for number, sums in mine.items()} == {n: sums.sum() for n, sums in theirs.items()}
