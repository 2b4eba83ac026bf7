import json
from dataclasses import asdict
from typing import Any

import msgspec
import pyarrow as pa

from scoring.reporters import ReporterRecord
from streams.doubts import Doubts
from streams.json_wire import JsonReader
from streams.settings import WorkerSettings
from streams.wire import decode
from tests.support.lake_maker import Message
from tests.support.wire_cases import ARROW_HEADER

NOW_S = 1_800_000_000.0


def record(reporter_id: str, weight: float) -> ReporterRecord:
    return ReporterRecord(reporter_id, weight, 10, 2, 0.5, 0, ["why"], NOW_S, 60.0)


def said(found: ReporterRecord) -> Message:
    return Message(0, 0, msgspec.json.encode(found), found.reporter_id.encode())


def doubts(*records: ReporterRecord) -> Doubts:
    known = Doubts(WorkerSettings())
    known.take([said(each) for each in records])
    return known


def run(reporter_id: str, count: int) -> list[Message]:
    report: dict[str, Any] = {"provider_id": "p", "outcome": "success", "timestamp": NOW_S, "reporter_id": reporter_id}
    return [Message(offset, round(NOW_S * 1e3), json.dumps(report).encode()) for offset in range(count)]


def test_only_who_counts_less_than_whole_is_remembered_and_the_last_word_holds() -> None:
    known = doubts(record("a", 0.5), record("b", 1.0), record("c", 0.2), record("a", 1.0), record("d", 0.3))
    known.take([Message(5, 0, None, b"c"), Message(6, 0, b"{", b"d"), Message(7, 0, None, None)])
    assert known.weights == {"d": 0.3}


def test_what_does_not_count_is_a_reject_with_its_bytes_and_the_reason() -> None:
    messages = run("liar", 400)
    reports = decode(messages, 1, JsonReader()).table
    counted, rejects = doubts(record("liar", 0.25)).sift(reports, messages)
    assert len(counted) + len(rejects) == 400
    assert 60 < len(counted) < 140
    assert {reject.record.offset for reject in rejects}.isdisjoint(counted["offset"].to_pylist())
    assert rejects[0].value == messages[rejects[0].record.offset].value
    assert (rejects[0].field, rejects[0].row) == ("reporter_id", -1)
    assert rejects[0].reason.startswith("reporter_id liar is doubted: 0.25 of its reports count, this one does not")


def test_a_row_of_an_arrow_message_is_a_reject_of_its_own() -> None:
    rows = [
        {"provider_id": "p", "outcome": "success", "timestamp": NOW_S, "reporter_id": "liar", "latency_ms": 5.0}
    ] * 100
    sink = pa.BufferOutputStream()
    given = pa.Table.from_pylist(rows)
    with pa.ipc.new_stream(sink, given.schema) as writer:
        writer.write_table(given)
    messages = [Message(7, round(NOW_S * 1e3), sink.getvalue().to_pybytes(), None, [ARROW_HEADER])]
    reports = decode(messages, 0, JsonReader()).table
    counted, rejects = doubts(record("liar", 0.5)).sift(reports, messages)
    assert 0 < len(counted) < 100
    assert sorted([*counted["row"].to_pylist(), *(reject.row for reject in rejects)]) == list(range(100))
    shown = json.loads(rejects[0].value)
    assert (shown["provider_id"], shown["reporter_id"], shown["timestamp"]) == ("p", "liar", NOW_S)


def test_without_doubts_nothing_is_touched() -> None:
    messages = run("honest", 20)
    reports = decode(messages, 0, JsonReader()).table
    assert doubts().sift(reports, messages) == (reports, [])
    assert doubts(record("liar", 0.1)).sift(reports, messages) == (reports, [])
    empty = reports.slice(0, 0)
    assert doubts(record("liar", 0.1)).sift(empty, []) == (empty, [])


def test_a_record_survives_the_wire() -> None:
    one = record("a", 0.5)
    assert asdict(msgspec.json.decode(msgspec.json.encode(one), type=ReporterRecord)) == asdict(one)
