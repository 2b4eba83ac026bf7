"""The client's table of fields is a copy; these tests are what keeps it one."""

from typing import get_args, get_type_hints

from trustscore_client import fields
from trustscore_client.calls import Call
from trustscore_client.fields import FIELDS, Report

import scoring.reports


def test_fields_are_those_of_the_service() -> None:
    service = [{name: value for name, value in field._asdict().items() if name != "meaning"}
               for field in scoring.reports.FIELDS]  # fmt: skip
    assert [field._asdict() for field in FIELDS] == service


def test_what_a_field_wants_is_said_in_the_same_words() -> None:
    assert [field.wanted for field in FIELDS] == [field.wanted for field in scoring.reports.FIELDS]


def test_closed_sets_and_bounds_are_those_of_the_service() -> None:
    assert get_args(fields.Outcome) == scoring.reports.OUTCOMES
    assert get_args(fields.Source) == scoring.reports.SOURCES
    assert get_args(fields.Consistency) == scoring.reports.CONSISTENCY
    assert get_args(fields.Finding) == scoring.reports.SECURITY
    assert fields.DETAILS_BYTES == scoring.reports.DETAILS_BYTES


def test_type_hints_name_every_field() -> None:
    names = {field.name for field in FIELDS}
    assert set(Report.__annotations__) | set(get_type_hints(Report)) == names
    assert Report.__required_keys__ == {field.name for field in FIELDS if field.required} - {"timestamp"}
    assert set(Call.__annotations__) | {"provider_id"} == names
