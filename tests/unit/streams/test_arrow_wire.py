import json
import random
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from scoring.errors import InvalidReport
from scoring.reports import FIELDS
from streams import arrow_wire
from tests.support.plain_panes import NOW_S
from tests.support.wire_cases import GOOD, arrow_bytes, arrow_table


def table(rows: int = 1, /, **columns: Any) -> pa.Table:
    """Good rows with these columns beside or instead; ``None`` leaves a column out."""
    given: dict[str, Any] = {name: [value] * rows for name, value in GOOD.items()} | columns
    return pa.table({name: values for name, values in given.items() if values is not None})


def parse(value: bytes) -> tuple[pa.Table, list[tuple[int, InvalidReport, bytes]]]:
    """Of one message; raises what is wrong with the whole of it."""
    tables, problems = arrow_wire.parse([value])
    told = []
    for message, row, error, shown in problems:
        assert message == 0
        if row is None:
            assert (shown, tables) == (value, [])
            raise error
        told.append((row, error, shown))
    assert len(tables) == 1
    assert not tables[0]["message"].to_numpy().any()
    return tables[0].drop_columns("message"), told


def test_messages_of_one_schema_are_read_together_and_keep_their_places() -> None:
    values = [
        arrow_bytes(table(2, provider_id=["a", "b"])),
        arrow_bytes(table(3, provider_id=["c", "d", "e"], latency_ms=[1.0, -1.0, 1.0])),
        b"none",
        arrow_bytes(table(1, provider_id=["f"], mood=["x"])),
        arrow_bytes(table(0)),
        arrow_bytes(table(1, provider_id=["g"])),
    ]
    tables, problems = arrow_wire.parse(values)
    places = [(r["provider_id"], r["message"], r["row"]) for one in tables for r in one.to_pylist()]
    assert sorted(places) == [("a", 0, 0), ("b", 0, 1), ("c", 1, 0), ("e", 1, 2), ("f", 3, 0), ("g", 5, 0)]
    assert sorted((message, row) for message, row, *_ in problems if row is not None) == [(1, 1)]
    assert [(message, shown) for message, row, _, shown in problems if row is None] == [(2, b"none")]


def test_a_message_that_cannot_be_cast_spoils_no_other_of_its_schema() -> None:
    good, bad = (arrow_bytes(table(1, attempt=pa.array([value], pa.string()))) for value in ("3", "three"))
    tables, problems = arrow_wire.parse([good, bad, good])
    assert [(r["message"], r["attempt"]) for one in tables for r in one.to_pylist()] == [(0, 3), (2, 3)]
    assert [(message, row, error.field) for message, row, error, _ in problems] == [(1, None, "attempt")]


def refusal(value: pa.Table | bytes) -> InvalidReport:
    with pytest.raises(InvalidReport) as caught:
        parse(arrow_bytes(value) if isinstance(value, pa.Table) else value)
    return caught.value


def problem(given: pa.Table) -> tuple[int, InvalidReport, bytes]:
    """The one problem of a message."""
    _, problems = parse(arrow_bytes(given))
    assert len(problems) == 1
    return problems[0]


def test_rows_come_in_order_with_their_numbers() -> None:
    got, problems = parse(arrow_bytes(table(3, provider_id=["a", "b", "c"], latency_ms=[1.5, None, 0])))
    assert problems == []
    assert got["provider_id"].to_pylist() == ["a", "b", "c"]
    assert got["latency_ms"].to_pylist() == [1.5, None, 0.0]
    assert got["row"].to_pylist() == [0, 1, 2]
    assert set(got.column_names) == {field.name for field in FIELDS} - {"timestamp"} | {"event_s", "row"}


@pytest.mark.parametrize("compression", [None, "lz4", "zstd"])
@pytest.mark.parametrize("batch_rows", [1, 2, 100])
def test_batches_and_compression_do_not_matter(batch_rows: int, compression: str | None) -> None:
    given = table(5, provider_id=list("abcde"), latency_ms=[1.0, None, 3.0, -1.0, 5.0])
    got, problems = parse(arrow_bytes(given, batch_rows, compression))
    assert got["row"].to_pylist() == [0, 1, 2, 4]
    assert [row for row, *_ in problems] == [3]


def test_no_row_gives_no_report_and_no_problem() -> None:
    got, problems = parse(arrow_bytes(table(0)))
    assert (len(got), problems) == (0, [])
    assert parse(arrow_bytes(table(0, provider_id=pa.array([], pa.string()), mood=pa.array([], pa.string()))))[1] == []


@pytest.mark.parametrize(
    "column",
    [
        pa.array([NOW_S + 0.5], pa.float64()),
        pa.array([(NOW_S * 10 + 5) * 100_000], pa.timestamp("us", tz="UTC")),
        pa.array([(NOW_S * 10 + 5) * 100_000_000], pa.timestamp("ns", tz="Europe/Berlin")),
        pa.array([(NOW_S * 10 + 5) * 100], pa.timestamp("ms")),
        pa.array(["2023-11-14T22:13:20.5Z"]),
        pa.array(["2023-11-14T23:13:20.5+01:00"], pa.large_string()),
        pa.array(["2023-11-14T22:13:20.5Z"]).dictionary_encode(),
    ],
    ids=lambda column: str(column.type)[:30],
)
def test_every_kind_of_time_gives_the_same_moment(column: pa.Array) -> None:
    got, problems = parse(arrow_bytes(table(timestamp=column)))
    assert problems == []
    assert got["event_s"].to_pylist() == [NOW_S + 0.5]


@pytest.mark.parametrize("kind", [pa.int64(), pa.uint64(), pa.timestamp("s"), pa.timestamp("us", tz="UTC")], ids=str)
def test_a_time_in_the_wrong_unit_is_read_for_the_clock_to_refuse(kind: pa.DataType) -> None:
    for value in (NOW_S * 10**9, 2**62):
        got, problems = parse(arrow_bytes(table(timestamp=pa.array([value], kind))))
        assert len(got) + len(problems) == 1
        assert all(second > 1e9 * 1e3 for second in got["event_s"].to_pylist())


def test_a_bad_row_with_a_time_python_cannot_hold_is_shown() -> None:
    for column in (pa.array([2**62], pa.timestamp("us")), pa.array([NOW_S * 10**9 + 1], pa.timestamp("ns"))):
        _, error, shown = problem(table(timestamp=column, quality=[2.0]))
        assert error.field in ("quality", "timestamp")
        assert json.loads(shown)["quality"] == 2.0


def test_whole_seconds_are_times() -> None:
    got, _ = parse(arrow_bytes(table(2, timestamp=pa.array([NOW_S, NOW_S + 1], pa.int32()))))
    assert got["event_s"].to_pylist() == [NOW_S, NOW_S + 1]


@pytest.mark.parametrize(
    "column",
    [
        pa.array([None], pa.float64()),
        pa.array([None], pa.int64()),
        pa.array([None], pa.timestamp("us")),
        pa.array([float("nan")]),
        pa.array([float("inf")]),
        pa.array(["yesterday"]),
        pa.array(["2023-11-14T22:13:20"]),
        pa.array([None], pa.string()),
        pa.array([True]),
    ],
)
def test_a_time_that_is_none_is_said(column: pa.Array) -> None:
    _, error, _ = problem(table(timestamp=column))
    assert error.field == "timestamp"


@pytest.mark.parametrize(
    ("name", "values", "bad"),
    [
        ("provider_id", ["a", None, ""], [1, 2]),
        ("provider_id", ["a", "x" * 200, "x" * 201], [2]),
        ("outcome", ["success", None, "ok"], [1, 2]),
        ("latency_ms", [0.0, -0.1, float("nan")], [1, 2]),
        ("latency_ms", [3_600_000.0, float("inf"), None], [1]),
        ("quality", [1, 2, 0], [1]),
        ("attempt", [0, -1, 1_000_001], [1, 2]),
        ("attempt", [0, 2**62, -(2**62)], [1, 2]),
        ("task_type", ["", None, "ä" * 100], [0]),
        ("source", ["agent", "me", None], [1]),
        ("security", [["leak"], None, ["rumour"]], [2]),
        ("security", [[], [None], ["leak", "leak"]], [1]),
        ("details", ['{"a":1}', "[1]", "{"], [1, 2]),
        ("details", ["null", None, "{}"], [0]),
        ("details", [None, None, '{"a":"%s"}' % ("x" * 4_100)], [2]),
        ("details", [None, None, '{"a":%s1%s}' % ("[" * 3_000, "]" * 1_000)], [2]),  # noqa: UP031
        ("schema_valid", [True, False, None], []),
    ],
)
def test_rows_out_of_bounds_are_problems_of_their_field_and_no_others(
    name: str, values: list[Any], bad: list[int]
) -> None:
    got, problems = parse(arrow_bytes(table(3, **{name: values})))
    assert [row for row, *_ in problems] == bad
    assert {error.field for _, error, _ in problems} <= {name}
    assert got["row"].to_pylist() == [row for row in range(3) if row not in bad]


def test_a_problem_shows_its_row_as_json() -> None:
    moment = pa.array([NOW_S * 1_000], pa.timestamp("ms"))
    row, error, shown = problem(table(timestamp=moment, quality=[2.0], details=['{"a":1}'], tool=[None]))
    assert (row, error.got) == (0, "2.0")
    assert json.loads(shown) == GOOD | {"quality": 2.0, "details": {"a": 1}}


def test_a_bad_row_with_details_that_are_no_json_is_shown_as_it_is() -> None:
    _, error, shown = problem(table(details=["{"]))
    assert error.field == "details"
    assert json.loads(shown)["details"] == "{"


def test_a_row_whose_fault_the_fields_do_not_name_is_still_a_problem() -> None:
    # A dictionary of numbers is no kind of time that is read, though each value would be one.
    _, error, _ = problem(table(timestamp=pa.array([float(NOW_S)]).dictionary_encode()))
    assert str(error).startswith("message must be a row within its bounds; got {")


@pytest.mark.parametrize(
    "columns",
    [
        {"latency_ms": pa.array([12], pa.int16())},
        {"latency_ms": pa.array([12.0], pa.float32())},
        {"provider_id": pa.array(["github"]).dictionary_encode()},
        {"provider_id": pa.array(["github"], pa.large_string())},
        {"attempt": pa.array([2.0])},
        {"security": pa.array([["leak"]], pa.large_list(pa.string()))},
        {"region": pa.nulls(1)},
    ],
    ids=lambda columns: " ".join(
        f"{name}-{column.type}" for name, column in columns.items()
    ),  # the same in every process
)
def test_types_that_cast_without_loss_are_taken(columns: dict[str, pa.Array]) -> None:
    got, problems = parse(arrow_bytes(table(**columns)))
    assert (len(got), problems) == (1, [])


@pytest.mark.parametrize(
    ("name", "column"),
    [
        ("latency_ms", pa.array(["fast"])),
        ("attempt", pa.array([1.5])),
        ("attempt", pa.array([2**63], pa.uint64())),
        ("security", pa.array(["leak"])),
        ("details", pa.array([{"a": 1}])),
        ("provider_id", pa.array([["a"]])),
    ],
)
def test_a_column_of_another_type_refuses_the_message(name: str, column: pa.Array) -> None:
    error = refusal(table(**{name: column}))
    assert (error.field, error.step) == (name, "change its type")


@pytest.mark.parametrize("name", ["provider_id", "outcome", "timestamp"])
def test_a_missing_required_column_refuses_the_message(name: str) -> None:
    assert str(refusal(table(**{name: None}))) == (
        f"{name} must be a column of the Arrow message; got no such column; add the column"
    )


def test_columns_of_the_same_name_refuse_the_message() -> None:
    twice = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], ["provider_id", "provider_id"])
    assert refusal(twice).wanted == "an Arrow stream with distinct column names"


@pytest.mark.parametrize(
    "value", [b"", b"\x00", b'{"provider_id":"a"}', b"ARROW1\x00\x00", arrow_bytes(table())[:-200]]
)
def test_bytes_that_are_no_arrow_stream_are_refused(value: bytes) -> None:
    assert refusal(value).wanted == "an Arrow IPC stream"


def test_text_that_is_no_utf8_refuses_the_message() -> None:
    broken = pa.array([b"\xff"]).cast(pa.binary()).view(pa.string())
    assert refusal(table(region=broken)).field == "message"


def test_an_empty_stream_lacks_its_columns() -> None:
    assert refusal(pa.table({})).got == "no such column"


# ---------------------------------------------------------------------------------------------------- unknown fields
def test_unknown_columns_are_kept_in_details() -> None:
    got, problems = parse(
        arrow_bytes(
            table(
                3,
                details=['{"a":1,"mood":"mine"}', None, None],
                mood=["good", "bad", None],
                day=pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * 2 + [None]),
            )
        )
    )
    assert problems == []
    assert [None if text is None else json.loads(text) for text in got["details"].to_pylist()] == [
        {"mood": "mine", "day": "2026-01-01 00:00:00.000000Z", "a": 1},
        {"mood": "bad", "day": "2026-01-01 00:00:00.000000Z"},
        None,
    ]


def test_an_unknown_column_that_makes_details_too_large_is_a_problem_of_its_row() -> None:
    got, problems = parse(arrow_bytes(table(2, mood=["x" * 5_000, "y"])))
    assert [(row, error.field) for row, error, _ in problems] == [(0, "details")]
    assert got["details"].to_pylist() == ['{"mood":"y"}']


def test_unknown_columns_of_odd_types_are_kept() -> None:
    odd = {
        "binary": pa.array([b"\xff"]),
        "nested": pa.array([{"a": [1]}]),
        "none": pa.nulls(1),
        "nanoseconds": pa.array([1], pa.timestamp("ns")),
        "far": pa.array([2**62], pa.timestamp("us", tz="UTC")),
        "duration": pa.array([1], pa.duration("ns")),
    }
    got, problems = parse(arrow_bytes(table(**odd)))
    assert problems == []
    assert json.loads(got["details"][0].as_py())["nested"] == {"a": [1]}


def test_an_unknown_column_whose_values_json_cannot_hold_refuses_the_message() -> None:
    far = pa.array([[2**62]], pa.list_(pa.timestamp("us")))
    error = refusal(table(far=far))
    assert error.wanted == "values that JSON can hold"
    assert "far of type list<item: timestamp[us]>" in error.got


# ------------------------------------------------------------------------------------------------------------ damage
@pytest.mark.parametrize("seed", range(4))
def test_a_damaged_message_is_refused_or_read_and_never_worse(seed: int) -> None:
    rng = random.Random(seed)
    reports = [GOOD | {"latency_ms": 1.5, "security": ["leak"], "mood": "x"}, GOOD | {"details": {"a": 1}}]
    whole = arrow_bytes(arrow_table(reports))
    read = refused = 0
    for _ in range(500):
        damaged = bytearray(whole)
        for _ in range(rng.choice((1, 1, 3))):
            damaged[rng.randrange(len(damaged))] = rng.choice((0, 1, 0x80, 0xFF))
        try:
            got, problems = parse(bytes(damaged[: rng.choice((len(damaged), rng.randrange(len(damaged))))]))
        except InvalidReport:
            refused += 1
        else:
            read += 1
            assert len(got) + len(problems) < 1_000
    assert read > 20
    assert refused > 20
