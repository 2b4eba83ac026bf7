import gc
import json
import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from scoring.errors import InvalidReport
from scoring.reports import FIELDS, FUTURE_S, PAST_S, check_time, epoch_s
from streams.json_wire import JsonReader
from streams.schemas import REPORTS_SCHEMA
from streams.wire import ARROW_TYPE, Batch, decode
from tests.support.lake_maker import Message
from tests.support.plain_panes import NOW_S, event_us, some_reports
from tests.support.wire_cases import (
    BAD_JSON,
    CHECKED_BY_WIRE,
    GOOD,
    GOOD_JSON,
    arrow_bytes,
    arrow_message,
    arrow_table,
    json_message,
    one_by_one,
)  # fmt: skip


def read(*run: Message, partition: int = 3) -> Batch:
    return decode(run, partition, JsonReader())


def accepted(value: bytes | None, received_s: float) -> bool:
    """Whether one message is usable, by the checks of ``scoring.reports`` alone."""
    report = one_by_one(value)
    if isinstance(report, InvalidReport):
        return False
    try:
        check_time(epoch_s(report["timestamp"]), received_s)
    except InvalidReport:
        return False
    return True


def comparable(table: pa.Table) -> list[dict[str, Any]]:
    """Rows without their place, with details as the object they are."""
    rows = table.drop_columns(["partition", "offset", "row"]).to_pylist()
    return [row | {"details": row["details"] and json.loads(row["details"])} for row in rows]


# ------------------------------------------------------------------------------------------------------------- JSON
def test_a_report_becomes_a_row_of_the_lake() -> None:
    message = json_message(17, GOOD | {"timestamp": NOW_S + 0.25, "latency_ms": 12, "reporter_id": "me"}, NOW_S + 1.5)
    batch = read(message)
    assert batch.table.schema.equals(REPORTS_SCHEMA)
    assert (batch.records, batch.rejects) == (1, [])
    row = {name: value for name, value in batch.table.to_pylist()[0].items() if value is not None}
    assert {name: str(row.pop(name)) for name in ("date", "timestamp", "received_at")} == {
        "date": "2023-11-14",
        "timestamp": "2023-11-14 22:13:20.250000+00:00",
        "received_at": "2023-11-14 22:13:21.500000+00:00",
    }
    assert row == {
        "provider_id": "github", "outcome": "success", "latency_ms": 12.0, "reporter_id": "me",
        "partition": 3, "offset": 17, "row": 0,
    }  # fmt: skip


def test_who_does_not_say_who_reports_is_anonymous() -> None:
    assert read(json_message(0, GOOD)).table["reporter_id"].to_pylist() == ["anonymous"]


@pytest.mark.parametrize("seed", range(20))
def test_a_mixture_gives_the_good_ones_in_order_and_a_reject_for_each_bad_one(seed: int) -> None:
    rng, reader = random.Random(seed), JsonReader()
    small_bad = [value for value in BAD_JSON.values() if len(value or b"") < 10_000]
    for _ in range(4):
        values = [rng.choice((*GOOD_JSON.values(), *small_bad)) for _ in range(rng.randrange(1, 15))]
        batch = decode([json_message(10 + at, value) for at, value in enumerate(values)], 0, reader)
        good = [10 + at for at, value in enumerate(values) if accepted(value, NOW_S)]
        assert batch.table["offset"].to_pylist() == good
        assert [reject.record.offset for reject in batch.rejects] == sorted({*range(10, 10 + len(values))} - {*good})
        assert [reject.value for reject in batch.rejects] == [
            values[reject.record.offset - 10] or b"" for reject in batch.rejects
        ]


@pytest.mark.parametrize("name", BAD_JSON)
def test_every_bad_message_is_a_whole_reject_with_a_sentence(name: str) -> None:
    batch = read(json_message(5, BAD_JSON[name]))
    assert len(batch.table) == 0
    (reject,) = batch.rejects
    assert (reject.record.offset, reject.row, reject.value) == (5, -1, BAD_JSON[name] or b"")
    assert reject.field in {"message", *(field.name for field in FIELDS)}
    assert reject.reason.startswith(reject.field)
    assert " must be " in reject.reason
    assert len(reject.reason.encode()) < 600


def test_ids_and_times_are_named_as_the_fault_though_they_are_checked_together() -> None:
    assert {name: read(json_message(0, BAD_JSON[name])).rejects[0].field for name in CHECKED_BY_WIRE} == {
        "provider with a blank": "provider_id",
        "time beyond all": "timestamp",
    }


def test_no_record_gives_an_empty_table_of_the_lake() -> None:
    batch = read()
    assert (batch.table.num_rows, batch.records, batch.rejects) == (0, 0, [])
    assert batch.table.schema.equals(REPORTS_SCHEMA)


# ------------------------------------------------------------------------------------------------------------- time
@pytest.mark.parametrize(
    ("ahead_s", "taken"), [(0, True), (FUTURE_S, True), (FUTURE_S + 0.01, False), (-PAST_S, True), (-PAST_S - 1, False)]
)
@pytest.mark.parametrize("wire", ["json", "arrow"])
def test_a_report_is_measured_by_the_time_its_record_reached_the_broker(wire: str, ahead_s: float, taken: bool) -> None:
    report = GOOD | {"timestamp": NOW_S + ahead_s, "report_id": "r-1"}
    message = json_message(0, report) if wire == "json" else arrow_message(0, arrow_table([report]))
    batch = read(message)
    assert len(batch.table) == int(taken)
    if not taken:
        (reject,) = batch.rejects
        assert reject.field == "timestamp"
        limit = "at most 300 s ahead of the broker's clock" if ahead_s > 0 else "at most 90 days old"
        assert reject.reason.startswith(f"timestamp of report r-1 must be {limit}; got ")


def test_each_report_is_measured_by_its_own_record() -> None:
    run = [json_message(at, GOOD, NOW_S + at * 86_400 * 40) for at in range(4)]
    batch = read(*run)
    assert batch.table["offset"].to_pylist() == [0, 1, 2]
    assert [reject.record.offset for reject in batch.rejects] == [3]


def test_event_times_are_rounded_to_the_microsecond_and_keep_their_day() -> None:
    before_midnight = 1_700_006_399.9999996
    batch = read(json_message(0, GOOD | {"timestamp": before_midnight}, before_midnight))
    row = batch.table.to_pylist()[0]
    assert (str(row["date"]), str(row["timestamp"])) == ("2023-11-15", "2023-11-15 00:00:00+00:00")


# ------------------------------------------------------------------------------------------------------------ Arrow
def test_arrow_and_json_of_the_same_reports_give_equal_tables() -> None:
    for seed in range(10):
        reports = [
            report | ({"details": {"a": [seed]}, "attempt": 1, "mood": "good"} if at % 3 == 0 else {})
            for at, report in enumerate(some_reports(seed, 60))
        ]
        as_json = read(*[json_message(at, report) for at, report in enumerate(reports)])
        as_arrow = read(arrow_message(0, arrow_table(reports)))
        assert as_json.rejects == as_arrow.rejects == []
        assert comparable(as_json.table) == comparable(as_arrow.table)
        assert as_arrow.table["row"].to_pylist() == list(range(60))
        assert as_arrow.table["offset"].to_pylist() == [0] * 60
        assert as_arrow.table["timestamp"].cast(pa.int64()).to_pylist() == [event_us(report) for report in reports]


def test_a_bad_row_of_an_arrow_message_is_a_reject_of_its_own() -> None:
    reports = [GOOD, GOOD | {"quality": 2}, GOOD | {"timestamp": NOW_S + 301}, GOOD | {"provider_id": "a b"}, GOOD]
    batch = read(arrow_message(8, arrow_table(reports)))
    assert batch.table["row"].to_pylist() == [0, 4]
    assert [(reject.row, reject.field) for reject in batch.rejects] == [
        (1, "quality"), (2, "timestamp"), (3, "provider_id"),
    ]  # fmt: skip
    assert [json.loads(reject.value)["provider_id"] for reject in batch.rejects] == ["github", "github", "a b"]
    assert batch.records == 1


def test_an_unreadable_arrow_message_is_a_whole_reject() -> None:
    batch = read(arrow_message(8, b"no arrow"))
    (reject,) = batch.rejects
    assert (reject.row, reject.field, reject.value) == (-1, "message", b"no arrow")


def test_an_arrow_tombstone_is_a_reject() -> None:
    batch = read(Message(8, NOW_S * 1_000, None, headers=(("content-type", ARROW_TYPE),)))
    assert [reject.value for reject in batch.rejects] == [b""]


def test_formats_may_alternate_and_rejects_come_by_offset_and_row() -> None:
    bad = GOOD | {"quality": 2}
    batch = read(
        json_message(0, bad), arrow_message(1, arrow_table([bad, GOOD, bad])), json_message(2, GOOD),
        json_message(3, b"x"), arrow_message(4, b"x"),
    )  # fmt: skip
    assert sorted(batch.table["offset"].to_pylist()) == [1, 2]
    places = [(reject.record.offset, reject.row) for reject in batch.rejects]
    assert places == [(0, -1), (1, 0), (1, 2), (3, -1), (4, -1)]


@pytest.mark.parametrize(
    ("headers", "is_arrow"),
    [
        ((("content-type", ARROW_TYPE),), True),
        ((("trace", b"x"), ("Content-Type", ARROW_TYPE)), True),
        ((("content-type", b"application/json"),), False),
        ((("content-type", b""),), False),
        ((("type", ARROW_TYPE),), False),
        ((), False),
    ],
)
def test_only_the_header_says_that_a_record_is_arrow(headers: tuple[tuple[str, bytes], ...], is_arrow: bool) -> None:
    stream = Message(0, NOW_S * 1_000, arrow_bytes(arrow_table([GOOD])), headers=headers)
    assert len(read(stream).table) == int(is_arrow)


def test_reports_of_all_rows_that_are_refused_leave_an_empty_table() -> None:
    batch = read(arrow_message(0, arrow_table([GOOD | {"timestamp": 1}] * 3)))
    assert (len(batch.table), len(batch.rejects)) == (0, 3)
    assert batch.table.schema.equals(REPORTS_SCHEMA)


def test_a_row_of_arrow_that_is_refused_for_its_time_is_shown_with_its_fields() -> None:
    report = GOOD | {"timestamp": 12.5, "latency_ms": 3.0, "security": [], "details": {"a": 1}}
    (reject,) = read(arrow_message(0, arrow_table([report]))).rejects
    assert json.loads(reject.value) == report | {"details": '{"a": 1}'}


def test_the_order_of_records_is_kept_over_a_large_run() -> None:
    values = [GOOD | {"latency_ms": float(at)} for at in range(5_000)]
    batch = read(*[json_message(at, value) for at, value in enumerate(values)])
    assert np.array_equal(batch.table["latency_ms"].to_numpy(), np.arange(5_000.0))
    assert np.array_equal(batch.table["offset"].to_numpy(), np.arange(5_000))


@pytest.mark.parametrize("name", [*BAD_JSON, "no Arrow", "Arrow row", "missing column"])
def test_a_message_that_cannot_be_used_leaves_nothing_for_the_collector(name: str) -> None:
    arrow = {
        "no Arrow": arrow_message(1, b"x"),
        "Arrow row": arrow_message(1, arrow_table([GOOD, GOOD | {"outcome": "maybe"}])),
        "missing column": arrow_message(1, arrow_table([GOOD]).drop_columns("outcome")),
    }
    run = [json_message(0, GOOD), arrow[name] if name in arrow else json_message(1, BAD_JSON[name])]
    assert read(*run).rejects  # what is made once is made
    gc.collect()
    gc.disable()
    try:
        read(*run)
        assert gc.collect() == 0
    finally:
        gc.enable()
