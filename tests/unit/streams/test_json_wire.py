import json
import random
from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
import pytest

from scoring.errors import InvalidReport
from scoring.reports import FIELDS, epoch_s
from streams.json_columns import MANY, columns_of_lines
from streams.json_wire import UNUSUAL_RUNS, JsonReader
from tests.support.plain_panes import NOW_S
from tests.support.wire_cases import BAD_JSON, CHECKED_BY_WIRE, GOOD, GOOD_JSON, one_by_one


def rows(table: pa.Table) -> list[dict[str, Any]]:
    """Rows as reports: what is stated, details decoded, the time as epoch seconds."""
    plain = []
    for row in table.to_pylist():
        report = {name: value for name, value in row.items() if value is not None}
        report["timestamp"] = report.pop("event_s")
        if "details" in report:
            report["details"] = json.loads(report["details"])
        plain.append(report)
    return plain


def wanted(value: bytes | None) -> dict[str, Any] | InvalidReport:
    report = one_by_one(value)
    if not isinstance(report, InvalidReport):
        report["timestamp"] = epoch_s(report["timestamp"])
    return report


def check(values: Sequence[bytes | None], reader: JsonReader) -> None:
    """What the reader makes of a run is what comes of one value after the other."""
    table, problems = reader.parse(values)
    one = [wanted(value) for value in values]
    assert rows(table) == [report for report in one if not isinstance(report, InvalidReport)]
    assert sorted(at for at, _ in problems) == [
        at for at, report in enumerate(one) if isinstance(report, InvalidReport)
    ]
    assert all(len(str(error)) < 500 for _, error in problems)


@pytest.mark.parametrize("name", GOOD_JSON)
def test_a_good_message_gives_its_report(name: str) -> None:
    assert not isinstance(wanted(GOOD_JSON[name]), InvalidReport)
    check([GOOD_JSON[name]], JsonReader())


@pytest.mark.parametrize("name", BAD_JSON)
def test_a_bad_message_gives_one_problem_and_no_report(name: str) -> None:
    table, problems = JsonReader().parse([BAD_JSON[name]])
    assert (len(table), len(problems)) == ((1, 0) if name in CHECKED_BY_WIRE else (0, 1))
    assert isinstance(wanted(BAD_JSON[name]), InvalidReport)


@pytest.mark.parametrize("name", BAD_JSON)
def test_one_bad_message_costs_its_neighbours_nothing(name: str) -> None:
    table, problems = JsonReader().parse([GOOD_JSON["plain"], BAD_JSON[name], GOOD_JSON["every kind"]])
    if name not in CHECKED_BY_WIRE:
        assert [at for at, _ in problems] == [1]
        assert rows(table) == [wanted(GOOD_JSON["plain"]), wanted(GOOD_JSON["every kind"])]


@pytest.mark.parametrize("seed", range(30))
def test_any_mixture_gives_what_one_by_one_gives(seed: int) -> None:
    rng, reader = random.Random(seed), JsonReader()
    bad = [value for name, value in BAD_JSON.items() if name not in CHECKED_BY_WIRE and len(value or b"") < 10_000]
    for _ in range(5):
        pool = [*GOOD_JSON.values()] if rng.random() < 0.4 else [*GOOD_JSON.values(), *bad]
        check([rng.choice(pool) for _ in range(rng.randrange(1, 12))], reader)


LOOKS_GOOD: Final = [
    b'{"provider_id":"a","provider_id":"b","outcome":"success","timestamp":1700000000}',
    b'{"provider_id":"a","outcome":"success","timestamp":NaN}',
    b'{"provider_id":"a","outcome":"success","timestamp":-Infinity}',
    b'{"provider_id":"a","outcome":"success","timestamp":1e400}',
    b'{"provider_id":"a","outcome":"success","timestamp":null}',
    b'{"provider_id":"a","outcome":"success","timestamp":"2023-11-14T22:13:20Z"}',
    b'{"provider_id":"a","outcome":"success","timestamp":1700000000,"latency_ms":NaN}',
    b'{"provider_id":"a","outcome":"success","timestamp":1700000000,"latency_ms":-0.0}',
    b'{"provider_id":"a","outcome":"success","timestamp":1700000000,"latency_ms":5e-324}',
    b'{"provider_id":"a","outcome":"success","timestamp":1700000000,"latency_ms":true}',
    b'{"provider_id":"a","outcome":"success","timestamp":1700000000,"latency_ms":"5"}',
    b'{"provider_id":"a","outcome":"success","timestamp":1700000000,"attempt":1.0}',
    b'{"provider_id":"a","outcome":"success","timestamp":1700000000,"attempt":1.5}',
    b'{"provider_id":"a","outcome":"success","timestamp":1700000000,"attempt":-0}',
    b'{"provider_id":"a","outcome":"success","timestamp":1700000000,"attempt":9223372036854775808}',
    b'{"provider_id":"a","outcome":"success","timestamp":1700000000,"schema_valid":1}',
    b'{"provider_id":"a","outcome":"success","timestamp":1700000000,"security":null}',
    b'{"provider_id":"a","outcome":"success","timestamp":1700000000,"security":[]}',
    b'{"provider_id":"a","outcome":"success","timestamp":1700000000,"security":["leak",null]}',
    b'{"provider_id":"a","outcome":"success","timestamp":1700000000,"security":["leek"]}',
    b'{"provider_id":"a","outcome":"success","timestamp":1700000000,"security":["leak","injection"]}',
    b'{"provider_id":"a","outcome":"success","timestamp":1700000000,"consistency":"OK"}',
    b'{"provider_id":"a","outcome":"success","timestamp":1700000000,"region":""}',
    '{"provider_id":"a","outcome":"success","timestamp":1700000000,"region":"' + "é" * 100 + '"}',
    '{"provider_id":"a","outcome":"success","timestamp":1700000000,"region":"' + "é" * 101 + '"}',
    b'{"provider_id":"a","outcome":"success","timestamp":1700000000,"region":"\\ud83d\\ude00"}',
    b'{"provider_id":"a","outcome":"success","timestamp":1700000000,"region":"\\ud83d"}',
    b'{"provider_id":"a","outcome":"success","timestamp":1700000000,"region":"\\u0000"}',
    b'{"provider_id":"a","outcome":"success","timestamp":1700000000,"region":"\x00"}',
    b'{"provider_id":"a","outcome":"success","timestamp":1700000000,"region":"\xff"}',
    b'{"provider_id":"a","outcome":"success","timestamp":1700000000,"details":{"a":[1, 2]}}',
    b'{"provider_id":"a","outcome":"success","timestamp":1700000000,"unknown":1}',
    b'{"provider_id":null,"outcome":"success","timestamp":1700000000}',
    b'{"outcome":"success","timestamp":1700000000}',
    b"{}",
]
"""Messages at the edge between good and bad ones, where one reader may be laxer than another."""


@pytest.mark.parametrize("value", LOOKS_GOOD)
def test_a_long_run_gives_what_one_by_one_gives(value: bytes | str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever Arrow makes of a message, alone and among others of all fields."""
    monkeypatch.setattr("streams.json_wire.MANY", 1)
    given = value.encode() if isinstance(value, str) else value
    full = json.dumps(
        GOOD
        | {"latency_ms": 1, "attempt": 2, "schema_valid": True, "security": [], "consistency": "ok", "region": "eu"}
    ).encode()
    for known in (GOOD_JSON["plain"], full):
        for values in ([given], [full, given, GOOD_JSON["plain"]]):
            reader = JsonReader()
            reader.parse([known])
            check(values, reader)


@pytest.mark.parametrize("seed", range(30))
def test_any_long_mixture_gives_what_one_by_one_gives(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streams.json_wire.MANY", 1)
    monkeypatch.setattr("streams.json_wire.UNUSUAL_RUNS", 0)
    test_any_mixture_gives_what_one_by_one_gives(seed)


def test_a_long_run_is_read_by_arrow_and_one_that_it_does_not_take_by_msgspec(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    def ask(*given: Any) -> Any:
        found = columns_of_lines(*given)
        asked.append(found is not None)
        return found

    monkeypatch.setattr("streams.json_wire.columns_of_lines", ask)
    reader, plain = JsonReader(), [GOOD_JSON["plain"]] * MANY
    reader.parse(plain[:-1])
    assert asked == []
    check(plain, reader)
    assert asked == [True]
    reader.parse([GOOD_JSON["every kind"].replace(b'"details":{"a":[1,null,"x"]},', b"")])
    twice = [*plain[:-1], GOOD_JSON["plain"].replace(b"{", b'{"provider_id":"other",', 1)]
    check(twice, reader)
    check(plain, reader)
    assert asked == [True, False], "what it did not take it is not asked about again for some runs"
    for _ in range(UNUSUAL_RUNS):
        reader.parse(plain[:10])
    check(plain, reader)
    assert asked == [True, False, True]


@pytest.mark.parametrize(
    "values",
    [
        [GOOD_JSON["plain"] * 2, b""],
        [b"", GOOD_JSON["plain"] * 2],
        [GOOD_JSON["plain"] * 2, b" "],
        [GOOD_JSON["plain"][:-1] + b',"details":', b"{}}" + GOOD_JSON["plain"]],
        [GOOD_JSON["plain"][:-1], b"}" + GOOD_JSON["plain"]],
        [GOOD_JSON["plain"][:-1] + b',"region":"x}', b'{"}' + GOOD_JSON["plain"]],
        [GOOD_JSON["plain"] + b"\n" + GOOD_JSON["plain"], GOOD_JSON["plain"][:10], GOOD_JSON["plain"][10:]],
    ],
)
def test_reports_that_cross_messages_are_none(values: list[bytes]) -> None:
    table, problems = JsonReader().parse(values)
    assert len(table) + len(problems) == len(values)
    assert [wanted(value) for value in values if not isinstance(wanted(value), InvalidReport)] == rows(table)


def test_what_was_seen_before_does_not_matter() -> None:
    values = [*GOOD_JSON.values(), *(value for value in BAD_JSON.values() if len(value or b"") < 10_000)]
    fresh = {at: JsonReader().parse([value]) for at, value in enumerate(values)}
    used = JsonReader()
    for at, value in [*enumerate(values), *enumerate(values)]:
        table, problems = used.parse([value])
        assert table.equals(fresh[at][0])
        assert [(place, str(error)) for place, error in problems] == [(p, str(e)) for p, e in fresh[at][1]]


def test_a_run_of_nothing_gives_an_empty_table() -> None:
    table, problems = JsonReader().parse([])
    assert (len(table), problems) == (0, [])


def test_the_columns_are_those_of_a_report_with_the_time_as_seconds() -> None:
    table, _ = JsonReader().parse([GOOD_JSON["plain"]])
    assert set(table.column_names) == {field.name for field in FIELDS} - {"timestamp"} | {"event_s"}
    assert table["event_s"].to_pylist() == [float(NOW_S)]


def test_a_problem_names_the_field_and_shows_the_value() -> None:
    _, problems = JsonReader().parse([BAD_JSON["negative latency"], BAD_JSON["two objects"], None])
    assert [str(error) for _, error in problems[:1]] == [
        "latency_ms of report 7f3 must be a number from 0 to 3,600,000 ms; got -12.0; "
        "send it within bounds or leave it out"
    ]
    assert [error.field for _, error in problems] == ["latency_ms", "message", "message"]


def test_bad_times_are_found_beside_good_ones_in_their_places() -> None:
    texts = ["2023-11-14T22:13:20Z", "yesterday", 5, "2023-11-14T22:13:20", "2023-11-14T22:13:21Z"]
    table, problems = JsonReader().parse([json.dumps(GOOD | {"timestamp": text}).encode() for text in texts])
    assert table["event_s"].to_pylist() == [float(NOW_S), 5.0, NOW_S + 1.0]
    assert [at for at, _ in problems] == [1, 3]


def test_a_report_with_two_faults_is_one_problem() -> None:
    bad = json.dumps(GOOD | {"timestamp": "yesterday", "details": {"a": "x" * 5_000}}).encode()
    table, problems = JsonReader().parse([bad, GOOD_JSON["plain"]])
    assert (len(table), [at for at, _ in problems]) == (1, [0])
