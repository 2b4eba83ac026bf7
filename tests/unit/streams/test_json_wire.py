import json
import random
from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa
import pytest

from compiled.library import library
from scoring.errors import InvalidReport
from scoring.reports import FIELDS, epoch_s
from streams.json_wire import JsonReader
from tests.support.plain_panes import NOW_S
from tests.support.wire_cases import BAD_JSON, CHECKED_BY_WIRE, GOOD, GOOD_JSON, one_by_one


@pytest.fixture(autouse=True, params=["compiled", "python"])
def _reads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the compiled part and without it."""
    if request.param == "python":
        monkeypatch.setattr("streams.json_wire.columns_of_reports", lambda places: None)
    else:
        assert library(), "no compiled part beside compiled/library.py: make venv-dev says why"


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
def test_a_message_at_the_edge_gives_what_one_by_one_gives(value: bytes | str) -> None:
    """Alone and among others of all fields."""
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


@pytest.mark.parametrize("seed", range(40))
def test_damaged_messages_give_what_one_by_one_gives(seed: int) -> None:
    """A byte or two changed, left out or doubled: what is still a report is read as one."""
    rng, reader = random.Random(seed), JsonReader()
    full = GOOD | {"latency_ms": 1.25e2, "attempt": 2, "schema_valid": True, "region": "eu", "report_id": "a1"}
    alphabet = b'{}[]",:\\0123456789.eE+-truefalsnu \n\t\x00\x7f\x80\xc3\xa9_'
    values: list[bytes | None] = []
    while len(values) < 60:
        text = bytearray(json.dumps(full, separators=rng.choice([(",", ":"), (", ", ": ")])).encode())
        for _ in range(rng.randrange(1, 3)):
            at = rng.randrange(len(text))
            text[at : at + rng.randrange(2)] = bytes(rng.choices(alphabet, k=rng.randrange(3)))
        given = wanted(bytes(text))
        if not isinstance(given, InvalidReport) or given.field not in ("provider_id", "timestamp"):  # left to the wire
            values.append(bytes(text))
    check(values, reader)


@pytest.mark.parametrize("seed", range(10))
def test_any_number_is_read_as_python_reads_it(seed: int) -> None:
    rng = random.Random(seed)

    def digits(most: int) -> str:
        return "".join(rng.choices("0123456789", k=rng.randrange(1, most)))

    texts = [repr(rng.lognormvariate(5, 3)) for _ in range(100)]
    texts += [f"{rng.randrange(10)}.{digits(25)}e{rng.choice(['', '-', '+'])}{rng.randrange(6)}" for _ in range(100)]
    texts += [
        "9007199254740993",
        "0.1e1",
        "1E2",
        "2.2250738585072011e-308",
        "4.9e-324",
        "0." + "0" * 40 + "1",
        "1e-400",
    ]
    values = [
        b'{"provider_id":"a","outcome":"success","timestamp":5,"latency_ms":%s}' % text.encode() for text in texts
    ]
    table, _ = JsonReader().parse(values)
    assert table["latency_ms"].to_pylist() == [float(text) for text in texts if float(text) <= 3_600_000]


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
