import json
import math
from typing import Any

import pytest

from scoring.errors import InvalidReport, ScoringError
from scoring.reports import (
    CONSISTENCY,
    DETAILS_BYTES,
    FIELDS,
    FUTURE_S,
    OUTCOMES,
    PAST_S,
    SECURITY,
    SOURCES,
    Field,
    check_time,
    epoch_s,
    validate,
)  # fmt: skip

GOOD: dict[str, Any] = {"provider_id": "github", "outcome": "success", "timestamp": 1_700_000_000.5}


def refusal(**fields: Any) -> InvalidReport:
    """The error that a report with these fields gets."""
    with pytest.raises(InvalidReport) as caught:
        validate(GOOD | fields)
    return caught.value


def field(name: str) -> Field:
    return next(field for field in FIELDS if field.name == name)


# ------------------------------------------------------------------------------------------------------------ taken
def test_a_report_of_every_field_is_taken_as_it_is() -> None:
    full = GOOD | {
        "report_id": "r-1", "latency_ms": 12.5, "task_type": "search", "tool": "find", "region": "eu", "attempt": 2,
        "provider_version": "1.2", "reporter_id": "agent-7", "source": "agent", "quality": 0.5, "cost_usd": 0,
        "data_age_s": 3, "schema_valid": True, "rate_limited": False, "rate_limit_limit": 100,
        "rate_limit_remaining": 0, "rate_limit_reset_s": 1.5, "retry_after_s": 2, "consistency": "ok",
        "replication_lag_ms": 0.5, "security": ["leak"], "tenant": "t", "trace_id": "x", "details": {"a": [1, None]},
    }  # fmt: skip
    assert set(full) == {field.name for field in FIELDS}
    assert validate(full) == full


def test_the_timestamp_may_be_text_and_stays_as_given() -> None:
    assert validate(GOOD | {"timestamp": "2026-01-01T00:00:00Z"})["timestamp"] == "2026-01-01T00:00:00Z"


def test_null_fields_are_left_out() -> None:
    assert validate(GOOD | {"latency_ms": None, "details": None, "unknown": None}) == GOOD | {
        "details": {"unknown": None}
    }


def test_unknown_fields_are_kept_in_details() -> None:
    assert validate(GOOD | {"mood": "good", "details": {"a": 1}})["details"] == {"mood": "good", "a": 1}


def test_stated_details_win_over_an_unknown_field_of_the_same_name() -> None:
    assert validate(GOOD | {"a": "field", "details": {"a": "detail"}})["details"] == {"a": "detail"}


def test_the_report_given_is_not_changed() -> None:
    given = GOOD | {"mood": "good", "details": {"a": 1}}
    validate(given)
    assert given == GOOD | {"mood": "good", "details": {"a": 1}}


@pytest.mark.parametrize("provider", ["a", "A-Z.0_9:/@-", "x" * 200, "-dash", "@scope/name"])
def test_provider_ids_of_the_allowed_characters_are_taken(provider: str) -> None:
    assert validate(GOOD | {"provider_id": provider})["provider_id"] == provider


@pytest.mark.parametrize("name", ["latency_ms", "quality", "cost_usd", "data_age_s", "rate_limit_limit", "attempt"])
def test_bounds_are_inclusive(name: str) -> None:
    for value in (int(field(name).minimum), int(field(name).maximum)):
        assert validate(GOOD | {name: value})[name] == value


@pytest.mark.parametrize(
    ("name", "choices"), [("outcome", OUTCOMES), ("source", SOURCES), ("consistency", CONSISTENCY)]
)
def test_every_choice_is_taken(name: str, choices: tuple[str, ...]) -> None:
    assert [validate(GOOD | {name: choice})[name] for choice in choices] == list(choices)


def test_details_of_exactly_the_limit_are_taken() -> None:
    empty = len(json.dumps({"a": ""}, separators=(",", ":")))
    assert validate(GOOD | {"details": {"a": "x" * (DETAILS_BYTES - empty)}})
    assert refusal(details={"a": "x" * (DETAILS_BYTES - empty + 1)}).got == "an object of 4,097 bytes"


def test_details_are_measured_in_bytes_of_utf8() -> None:
    assert validate(GOOD | {"details": {"a": "ä" * 2_000}})
    assert refusal(details={"a": "ä" * 2_100}).field == "details"


# ---------------------------------------------------------------------------------------------------------- refused
@pytest.mark.parametrize("name", ["provider_id", "outcome", "timestamp"])
def test_a_missing_required_field_is_said(name: str) -> None:
    for report in ({k: v for k, v in GOOD.items() if k != name}, GOOD | {name: None}):
        with pytest.raises(InvalidReport, match=f"^{name} must be .*; got nothing; add the field$"):
            validate(report)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("provider_id", ""), ("provider_id", "a b"), ("provider_id", "x" * 201), ("provider_id", "a\n"),
        ("provider_id", "é"), ("provider_id", 7), ("provider_id", "a|b"), ("provider_id", "a\x00b"),
        ("outcome", "SUCCESS"), ("outcome", 1), ("outcome", ["success"]), ("source", "me"), ("consistency", ""),
        ("report_id", "x" * 65), ("report_id", ""), ("task_type", ""), ("task_type", "x" * 101), ("tool", 3),
        ("task_type", "\ud800"), ("reporter_id", "x" * 201),
        ("latency_ms", -0.001), ("latency_ms", 3_600_000.001), ("latency_ms", math.nan), ("latency_ms", math.inf),
        ("latency_ms", "12"), ("latency_ms", True), ("latency_ms", [1]), ("quality", 1.0000001), ("cost_usd", -1),
        ("attempt", 1.0), ("attempt", -1), ("attempt", True), ("attempt", 10**30),
        ("schema_valid", 1), ("schema_valid", "true"), ("rate_limited", 0),
        ("security", "leak"), ("security", ["unknown"]), ("security", [1]), ("security", {"leak": 1}),
        ("details", [1]), ("details", "text"), ("details", {"a": math.nan}), ("details", {"a": "\ud800"}),
        ("timestamp", "yesterday"), ("timestamp", "2026-01-01T00:00:00"), ("timestamp", "2026-01-01"),
        ("timestamp", True), ("timestamp", math.nan), ("timestamp", math.inf), ("timestamp", 1e11),
        ("timestamp", 10**400), ("timestamp", [1]), ("timestamp", ""),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_refused_with_its_field(name: str, value: Any) -> None:
    error = refusal(**{name: value})
    assert error.field == name
    assert str(error).startswith(f"{name} must be {field(name).wanted}; got ")
    str(error).encode()


def test_details_nested_too_deeply_are_no_json() -> None:
    nested: dict[str, Any] = {}
    for _ in range(100_000):
        nested = {"a": nested}
    assert refusal(details=nested).got == "an object that is no JSON"
    while nested:  # one level after the other, lest the interpreter's own stack end
        nested = nested["a"]


def test_unknown_fields_that_make_details_too_large_are_refused() -> None:
    error = refusal(mood="x" * DETAILS_BYTES)
    assert (error.field, error.step) == ("details", "send fewer unknown fields")


def test_the_sentence_names_the_report_what_was_wanted_and_the_next_step() -> None:
    assert str(refusal(report_id="7f3", latency_ms=-12.0)) == (
        "latency_ms of report 7f3 must be a number from 0 to 3,600,000 ms; got -12.0; "
        "send it within bounds or leave it out"
    )
    assert str(refusal(outcome="ok")).endswith("got 'ok'; correct it")


@pytest.mark.parametrize("report_id", ["x" * 65, "x" * 1_000_000, 7])
def test_a_report_id_that_is_none_is_not_repeated_as_a_name(report_id: Any) -> None:
    assert refusal(report_id=report_id, outcome="?").report == ""


def test_a_huge_value_is_shown_shortened() -> None:
    assert len(str(refusal(task_type="x" * 1_000_000))) < 200
    assert len(str(refusal(outcome=["x"] * 100_000))) < 200


def test_an_invalid_report_is_a_scoring_error_that_carries_its_facts() -> None:
    error = refusal(quality=2)
    assert isinstance(error, ScoringError)
    assert (error.field, error.wanted, error.got) == ("quality", "a number from 0 to 1", "2")


def test_every_field_says_in_words_what_it_wants() -> None:
    assert len({field.name for field in FIELDS}) == len(FIELDS)
    assert all(field.wanted and field.meaning for field in FIELDS)
    assert field("attempt").wanted == "a whole number from 0 to 1,000,000"
    assert field("security").wanted == f"a list of {', '.join(SECURITY)}"
    assert field("schema_valid").wanted == "true or false"


# ------------------------------------------------------------------------------------------------------------- time
@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:00Z", 0.0),
        ("1970-01-01T01:00:00.25+01:00", 0.25),
        ("1969-12-31T23:59:59Z", -1.0),
        ("2023-11-14T22:13:20.5+00:00", 1_700_000_000.5),
    ],
)
def test_rfc_3339_times_become_epoch_seconds(text: str, seconds: float) -> None:
    assert epoch_s(text) == seconds


@pytest.mark.parametrize("text", ["", "now", "2026-01-01T00:00:00", "2026-01-01", "12:00:00Z", "2026-13-01T00:00:00Z"])
def test_text_that_is_no_time_with_a_zone_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        epoch_s(text)


def test_a_report_may_be_five_minutes_ahead_and_no_more() -> None:
    check_time(1_000.0 + FUTURE_S, 1_000.0)
    with pytest.raises(InvalidReport, match=r"timestamp of report r must be at most 300 s ahead .* got 300.5 s ahead"):
        check_time(1_300.5, 1_000.0, "r")


def test_a_report_may_be_ninety_days_old_and_no_more() -> None:
    now_s = 1_700_000_000.0
    check_time(now_s - PAST_S, now_s)
    with pytest.raises(InvalidReport, match=r"timestamp must be at most 90 days old; got 91.00 days old; send"):
        check_time(now_s - 91 * 86_400, now_s)
