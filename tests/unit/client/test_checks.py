import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from trustscore_client import InvalidReport
from trustscore_client.checks import LARGEST_WEIGHT, admit
from trustscore_client.encoding import encode
from trustscore_client.fields import FIELDS

import scoring.errors
import scoring.reports

NOW_S = 1_700_000_000.0
GOOD: dict[str, Any] = {"provider_id": "weather", "outcome": "success", "timestamp": NOW_S}

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=120), st.just("a" * 201),
    st.text(st.characters(codec=None), max_size=5), st.floats(0, 1), st.integers(0, 10),
)  # fmt: skip
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
likely = {
    field.name: st.sampled_from([*field.choices, "other"])
    if field.kind == "string" and field.choices
    else st.lists(st.sampled_from([*field.choices, "other"]), max_size=3)
    if field.kind == "strings"
    else st.sampled_from([field.minimum, field.maximum, field.maximum * 1.01 + 1, 0, 1, 0.5, -0.0])
    if field.kind in ("number", "integer")
    else st.sampled_from([0, 1.5, "2026-01-01T00:00:00Z", "2026-01-01", "2026-01-01T00:00:00", 1e11, True])
    if field.kind == "time"
    else values
    for field in FIELDS
}
reports = st.fixed_dictionaries(
    {},
    optional={name: likely[name] | values for name in likely} | {"mood": values, "a name nobody knows": values},
).map(lambda drawn: GOOD | drawn)


def taken_by_service(report: dict[str, Any]) -> dict[str, Any] | None:
    try:
        return scoring.reports.validate(report)
    except scoring.errors.InvalidReport:
        return None


def taken_by_client(report: dict[str, Any]) -> dict[str, Any] | None:
    try:
        return admit(report, NOW_S)[1]
    except InvalidReport:
        return None


@given(reports.filter(lambda report: report["timestamp"] is not None))
def test_client_and_service_take_the_same_reports(report: dict[str, Any]) -> None:
    service, client = taken_by_service(report), taken_by_client(report)
    if service is None:
        assert client is None
    else:
        service["timestamp"] = scoring.reports.epoch_s(service["timestamp"])
        assert client == service


@given(reports)
def test_what_is_admitted_arrives_as_json_the_service_takes(report: dict[str, Any]) -> None:
    admitted = taken_by_client(report)
    if admitted is not None:
        assert scoring.reports.validate(json.loads(encode(admitted))) == admitted


@given(reports)
def test_no_report_weighs_more_than_the_largest(report: dict[str, Any]) -> None:
    try:
        weight, _ = admit(report, NOW_S)
    except InvalidReport:
        return
    assert 0 < weight <= LARGEST_WEIGHT


@pytest.mark.parametrize("name", ["provider_id", "outcome"])
def test_missing_field_is_named(name: str) -> None:
    with pytest.raises(InvalidReport, match=f"{name} must be .*; got nothing; add the field"):
        admit({other: value for other, value in GOOD.items() if other != name}, NOW_S)


def test_negative_latency_gets_the_sentence_of_the_service() -> None:
    bad = GOOD | {"latency_ms": -12.0}
    with pytest.raises(InvalidReport) as client:
        admit(bad, NOW_S)
    with pytest.raises(scoring.errors.InvalidReport) as service:
        scoring.reports.validate(bad)
    assert str(client.value) == str(service.value)
    assert client.value.field == "latency_ms"


def test_time_is_now_when_left_out() -> None:
    _, report = admit({"provider_id": "a", "outcome": "success"}, NOW_S)
    assert report["timestamp"] == NOW_S


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))),
        "2026-01-01T00:00:00Z",
        1_767_225_600,
        np.float64(1_767_225_600),
    ],
)
def test_a_moment_may_be_given_in_many_ways(moment: Any) -> None:
    assert admit(GOOD | {"timestamp": moment}, NOW_S)[1]["timestamp"] == 1_767_225_600


def test_datetime_without_zone_is_turned_away() -> None:
    with pytest.raises(InvalidReport, match="timestamp must be epoch seconds or an RFC 3339 time with zone"):
        admit(GOOD | {"timestamp": datetime(2026, 1, 1)}, NOW_S)  # noqa: DTZ001 - the point


@pytest.mark.parametrize("number", [np.float32(0.5), np.float64(0.5), np.int64(1), Decimal("0.5"), 1, 0.5])
def test_numbers_of_other_libraries_are_taken_as_plain_ones(number: Any) -> None:
    kept = admit(GOOD | {"quality": number}, NOW_S)[1]["quality"]
    assert type(kept) in (int, float)
    assert kept == float(number)


@pytest.mark.parametrize("number", [True, "0.5", float("nan"), float("inf"), [0.5], b"1", 10**400, object()])
def test_what_is_no_number_is_turned_away(number: Any) -> None:
    with pytest.raises(InvalidReport, match="quality must be a number from 0 to 1"):
        admit(GOOD | {"quality": number}, NOW_S)


def test_enumerations_of_text_are_text() -> None:
    class Mine(StrEnum):
        GOOD = "success"

    assert json.loads(encode(admit(GOOD | {"outcome": Mine.GOOD}, NOW_S)[1]))["outcome"] == "success"


def test_what_the_agent_changes_afterwards_stays_as_it_was_reported() -> None:
    details = {"steps": [{"name": "search"}]}
    security: list[str] = []
    _, report = admit(GOOD | {"details": details, "security": security}, NOW_S)
    details["steps"].append({"name": "later"})
    details["steps"][0]["name"] = "changed"
    security.append("leak")
    assert (report["details"], report["security"]) == ({"steps": [{"name": "search"}]}, [])


class CountedDict(dict[str, int]):
    """Counts how many of its items are looked at."""

    looked_at = 0

    def items(self) -> Any:
        for pair in super().items():
            self.looked_at += 1
            yield pair


def test_a_huge_object_is_turned_away_without_being_walked_through() -> None:
    details = CountedDict({str(number): number for number in range(1_000_000)})
    with pytest.raises(
        InvalidReport, match="details must be a JSON object of at most 4096 bytes; got a CountedDict of"
    ):
        admit(GOOD | {"details": details}, NOW_S)
    assert 0 < details.looked_at < 4_096


def test_endless_and_bottomless_objects_are_turned_away() -> None:
    endless: dict[str, Any] = {}
    endless["self"] = endless
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"": deep}
    for details in (endless, deep, {1: 2}, {"a": object()}, {"a": float("nan")}, {"a": 10**100_000}):
        with pytest.raises(InvalidReport, match="details must be"):
            admit(GOOD | {"details": details}, NOW_S)
