import io
import random
from contextlib import suppress
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.intake import ARROW, MOST_ARROW_BYTES, MOST_REPORTS, InvalidReports, accept, accept_arrow, accept_many
from scoring.errors import InvalidReport

NOW_S = 1_760_000_000.0
REPORT = {"provider_id": "npm:@acme/search", "outcome": "success"}


def stream(columns: dict[str, object]) -> bytes:
    table = pa.table(columns)
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def read(value: bytes) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pa.ipc.open_stream(value).read_all().to_pylist()
    return rows


def test_time_and_id_are_filled_in_and_the_provider_is_the_key() -> None:
    accepted = accept(REPORT, NOW_S)
    sent = orjson.loads(accepted.message.value)
    assert sent == {**REPORT, "timestamp": NOW_S, "report_id": accepted.report_id}
    assert accepted.message.key == b"npm:@acme/search"
    assert (accepted.reporter_id, accepted.event_s) == ("anonymous", NOW_S)
    assert accept(REPORT, NOW_S).report_id != accepted.report_id


def test_what_was_given_is_kept() -> None:
    given = {**REPORT, "timestamp": "2025-10-09T08:53:00Z", "report_id": "r1", "reporter_id": "me", "mood": "good"}
    accepted = accept(given, NOW_S)
    sent = orjson.loads(accepted.message.value)
    assert (sent["timestamp"], sent["report_id"], sent["details"]) == (given["timestamp"], "r1", {"mood": "good"})
    assert (accepted.reporter_id, accepted.event_s) == ("me", 1_759_999_980.0)


@pytest.mark.promise("rest.bad-report")
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"latency_ms": -12.0}, "latency_ms must be a number from 0 to 3,600,000 ms; got -12.0; send it within bounds"),
        ({"provider_id": ""}, "provider_id must be 1 to 200 characters of .*; got ''; correct it"),
        ({"details": {"a": "x" * 5_120}}, "details must be a JSON object of at most 4096 bytes; got an object of 5,1"),
        ({"outcome": None}, "outcome must be one of success, .*; got nothing; add the field"),
        ({"timestamp": NOW_S + 301}, "timestamp must be at most 300 s ahead of .*; got 301.0 s ahead"),
        ({"timestamp": NOW_S - 91 * 86_400}, "timestamp must be at most 90 days old; got 91.00 days old"),
    ],
)
def test_a_bad_field_is_said_with_wanted_got_and_next_step(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(InvalidReport, match=rf"^{sentence}"):
        accept({**REPORT, **change}, NOW_S)


@pytest.mark.parametrize("report", [None, 1, "x", [], [REPORT]])
def test_what_is_no_object_is_no_report(report: object) -> None:
    with pytest.raises(InvalidReport, match=r"^report must be a JSON object"):
        accept(report, NOW_S)


def test_one_bad_report_among_many_is_named_by_place_and_none_is_taken() -> None:
    with pytest.raises(InvalidReports, match=r"^\[2\].latency_ms must be") as caught:
        accept_many([REPORT, REPORT, {**REPORT, "latency_ms": -1}, {**REPORT, "outcome": "?"}], NOW_S)
    assert (caught.value.index, caught.value.field) == (2, "[2].latency_ms")


@pytest.mark.parametrize("count", [0, MOST_REPORTS + 1])
def test_no_report_or_too_many_are_refused(count: int) -> None:
    with pytest.raises(InvalidReport, match=r"^reports must be 1 to 10,000 reports"):
        accept_many([REPORT] * count, NOW_S)


WHOLE: dict[str, object] = {
    "provider_id": ["a", "b"],
    "outcome": ["success", "error"],
    "timestamp": [NOW_S, NOW_S - 60],
    "report_id": ["1", "2"],
}


def test_an_arrow_stream_with_times_and_ids_travels_unchanged() -> None:
    sent = stream(WHOLE)
    count, message = accept_arrow(sent, NOW_S)
    assert (count, message.value) == (2, sent)
    assert message.headers == (("content-type", ARROW.encode()),)


def test_an_arrow_stream_sent_again_goes_where_it_went_before() -> None:
    sent, other = stream(WHOLE), stream(WHOLE | {"report_id": ["1", "3"]})
    first, again, differs = (accept_arrow(one, NOW_S)[1].key for one in (sent, sent, other))
    assert first == again != differs


def test_an_arrow_stream_without_times_gets_the_present() -> None:
    columns = {"provider_id": ["a"], "outcome": ["success"], "latency_ms": [5.0], "report_id": ["1"]}
    count, message = accept_arrow(stream(columns), NOW_S)
    expected = [{"provider_id": "a", "outcome": "success", "latency_ms": 5.0, "report_id": "1", "timestamp": NOW_S}]
    assert (count, read(message.value)) == (1, expected)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int8(), pa.string())], ids=str)
def test_arrow_rows_without_an_id_get_one_of_their_own(kind: pa.DataType) -> None:
    lacking = stream(WHOLE | {"report_id": pa.array([None, "mine"], pa.string()).cast(kind)})
    none = stream({name: values for name, values in WHOLE.items() if name != "report_id"})
    ids = [[row["report_id"] for row in read(accept_arrow(one, NOW_S)[1].value)] for one in (lacking, none, none)]
    assert ids[0][1] == "mine"
    assert len({name for several in ids for name in several}) == 6, "and others each time"
    assert all(1 <= len(name) <= 64 for several in ids for name in several)


def test_ids_that_are_added_leave_a_full_stream_small_enough() -> None:
    n = 58_000
    full = stream(
        {"provider_id": ["p"] * n, "outcome": pa.array(["error"] * n).dictionary_encode(), "timestamp": [NOW_S] * n}
    )
    assert len(full) > 0.95 * MOST_ARROW_BYTES
    count, message = accept_arrow(full, NOW_S)
    assert count == n
    assert len(message.value) <= MOST_ARROW_BYTES
    assert len(set(pa.ipc.open_stream(message.value).read_all()["report_id"].to_pylist())) == n


def test_a_stream_that_ids_make_too_large_is_refused_with_what_to_do() -> None:
    rng = random.Random(1)
    names = [rng.randbytes(8).hex() for _ in range(34_000)]
    times = [NOW_S - rng.random() * 1e6 for _ in names]
    outcomes = pa.DictionaryArray.from_arrays(pa.array([0] * len(names), pa.int8()), ["error"])
    full = stream({"provider_id": names, "outcome": outcomes, "timestamp": times})
    assert len(full) <= MOST_ARROW_BYTES
    with pytest.raises(InvalidReport, match=r"^body must be .*bytes with the report_id that its rows lack; send it in"):
        accept_arrow(full, NOW_S)


def test_missing_times_among_arrow_timestamps_are_filled_in() -> None:
    times = pa.array([None, 1_759_999_940_000_000], pa.timestamp("us", tz="UTC"))
    _, message = accept_arrow(stream({"provider_id": ["a", "b"], "outcome": ["error"] * 2, "timestamp": times}), NOW_S)
    assert [row["timestamp"] for row in read(message.value)] == [NOW_S, NOW_S - 60]


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"provider_id": ["a", "a"], "outcome": ["success", "fine"]}, r"\[1\].outcome must be one of"),
        ({"provider_id": ["a"]}, r"\[0\].outcome must be .*got nothing"),
        (
            {"provider_id": ["a"], "outcome": ["error"], "details": ["{"]},
            r"\[0\].details must be a JSON object as text",
        ),
        ({"provider_id": ["a"], "outcome": ["error"], "timestamp": [NOW_S + 999]}, r"\[0\].timestamp must be at most"),
        ({"provider_id": pa.array([], pa.string())}, "body must be a stream with at least one row"),
    ],
)
def test_a_bad_arrow_row_is_named(columns: dict[str, object], sentence: str) -> None:
    with pytest.raises(InvalidReport, match=rf"^{sentence}"):
        accept_arrow(stream(columns), NOW_S)


def test_an_arrow_stream_larger_than_a_message_is_refused() -> None:
    with pytest.raises(InvalidReport, match=r"^body must be a stream of at most 1,000,000 bytes"):
        accept_arrow(b"x" * (MOST_ARROW_BYTES + 1), NOW_S)


@given(st.binary(max_size=200), st.integers(0, 300))
def test_broken_arrow_bytes_are_refused_and_never_crash(noise: bytes, cut: int) -> None:
    whole = stream({"provider_id": ["a"], "outcome": ["success"], "timestamp": [NOW_S], "report_id": ["1"]})
    for broken in (noise, whole[:cut] + noise):
        with pytest.raises(InvalidReport, match="; "):
            accept_arrow(broken, NOW_S)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_anything_is_taken_or_refused_with_a_sentence(value: object) -> None:
    for report in (value, {**REPORT, "details": value}, {**REPORT, "latency_ms": value}, {**REPORT, "mood": value}):
        with suppress(InvalidReport):
            sent = accept(report, NOW_S)
            assert orjson.loads(sent.message.value)["provider_id"] == REPORT["provider_id"]


@pytest.mark.parametrize("number", [-(2**63) - 1, 2**64])
def test_a_whole_number_beyond_64_bits_is_refused_with_what_to_do(number: int) -> None:
    with pytest.raises(InvalidReport, match=r"whole numbers of at most 64 bits; got .*; send such numbers as text"):
        accept({**REPORT, "details": {"n": number}}, NOW_S)
