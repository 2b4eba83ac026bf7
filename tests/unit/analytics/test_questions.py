import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics import questions
from analytics.errors import InvalidRequest


@pytest.mark.parametrize("value", ["", "a b", "ü", "x" * 201, None, 7, ["a"], "a\n"])
def test_what_is_no_provider_id_is_said_in_one_sentence(value: object) -> None:
    with pytest.raises(
        InvalidRequest, match=r"^provider_id must be 1 to 200 characters of .*; got .*; take an id from"
    ):
        questions.provider_id(value)


@pytest.mark.parametrize("value", ["a", "npm:@acme/search", "x" * 200, "a/../b"])
def test_every_id_a_report_may_have_can_be_asked_for(value: str) -> None:
    assert questions.provider_id(value) == value


def test_ids_are_asked_for_once_each_in_their_order() -> None:
    assert questions.provider_ids(["b", "a", "b"]) == ["b", "a"]


@pytest.mark.parametrize(
    ("values", "named"), [([], "provider_ids"), ("abc", "provider_ids"), (["a", ""], "provider_ids[1]")]
)
def test_a_bad_list_of_ids_names_the_place(values: list[object] | str, named: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        questions.provider_ids(values)
    assert caught.value.field == named


@pytest.mark.parametrize("value", ["", "x" * 101, "a\x00b", "a\nb", "\ud800", 5])
def test_a_text_is_short_and_clean(value: object) -> None:
    with pytest.raises(InvalidRequest, match=r"^task_type must be text of 1 to 100"):
        questions.text(value, "task_type")
    assert questions.text("größer", "task_type") == "größer"
    assert questions.text(None, "task_type") is None


@pytest.mark.parametrize("value", [0, -1, 11, 2.5, True, "5", None])
def test_a_limit_is_a_whole_number_within_bounds(value: object) -> None:
    with pytest.raises(InvalidRequest, match=r"^limit must be a whole number from 1 to 10"):
        questions.limit(value, 10)
    assert questions.limit(10, 10) == 10


def test_a_moment_may_be_a_number_a_number_as_text_or_a_time() -> None:
    assert questions.moment_s("1970-01-01T00:01:00Z", "since") == 60.0
    assert questions.moment_s(60, "since") == questions.moment_s("60", "since") == 60.0
    assert questions.moment_s(None, "since") is None


@pytest.mark.parametrize(
    "value", ["yesterday", "2026-01-01", "2026-01-01T00:00:00", -1, 1e300, True, [], "1e5", "\ud800"]
)
def test_what_is_no_moment_is_said_with_its_field(value: object) -> None:
    with pytest.raises(InvalidRequest, match=r"^since must be epoch seconds or an RFC 3339 time"):
        questions.moment_s(value, "since")


def test_a_span_must_end_after_it_begins() -> None:
    with pytest.raises(InvalidRequest, match=r"^since must be before until; got 10 s later"):
        questions.span(20.0, 10.0)


def test_a_bucket_is_one_of_three() -> None:
    assert questions.bucket("day") == "day"
    with pytest.raises(InvalidRequest, match=r"^bucket must be one of minute, hour, day; got 'week'"):
        questions.bucket("week")


@given(st.text(max_size=30), st.lists(st.text(max_size=12), max_size=20))
def test_closest_ids_are_few_and_known(wanted: str, known: list[str]) -> None:
    found = questions.closest_ids(wanted, known)
    assert len(found) <= 3
    assert set(found) <= set(known)


def test_a_misspelt_id_finds_the_right_one() -> None:
    assert questions.closest_ids("demo-stedy", ["demo-steady", "weather", "mail"]) == ["demo-steady"]
