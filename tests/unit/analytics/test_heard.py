import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest

from analytics.heard import ReportReader, last_reports
from analytics.intake import ARROW
from analytics.lake import Lake
from tests.support.small_answers import FAILING, reports, small_lake

NOW_S = 1_800_000_000.0
GOOD = {"provider_id": "a", "outcome": "success", "timestamp": NOW_S}


@dataclass(frozen=True)
class Message:
    value: bytes | None
    timestamp: int = round(NOW_S * 1e3)
    headers: tuple[tuple[str, bytes], ...] = ()


def sent(**fields: Any) -> Message:
    return Message(msgspec.json.encode({**GOOD, **fields}))


def arrow(rows: list[dict[str, Any]]) -> Message:
    sink = io.BytesIO()
    table = pa.Table.from_pylist(rows)
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return Message(sink.getvalue(), headers=(("Content-Type", ARROW.encode()),))


def test_a_report_is_heard_with_who_where_and_how_long() -> None:
    text = sent(timestamp="2027-01-15T08:00:00Z", outcome="timeout")
    heard = ReportReader().read(
        [sent(reporter_id="me", task_type="search", region="eu", latency_ms=12.5, mood="good"), text]
    )
    assert (heard.provider_id, heard.reporter_id) == (["a", "a"], ["me", None])
    assert (heard.task_type, heard.region) == (["search", None], ["eu", None])
    assert heard.success.tolist() == [True, False]
    assert heard.latency_ms[0] == 12.5
    assert math.isnan(heard.latency_ms[1])


@pytest.mark.parametrize(
    "bad",
    [
        Message(None),
        Message(b"{"),
        Message(b"\xff\xfe"),
        sent(provider_id="no spaces"),
        sent(outcome="fine"),
        sent(latency_ms=-1.0),
        sent(latency_ms="slow"),
        sent(timestamp="yesterday"),
        sent(timestamp=NOW_S + 301),
        sent(timestamp=NOW_S - 91 * 86_400),
        Message(b"no stream", headers=(("content-type", ARROW.encode()),)),
        arrow([{"provider_id": "b", "outcome": None, "timestamp": NOW_S}]),
    ],
)
def test_what_a_worker_would_reject_is_left_out(bad: Message) -> None:
    reader = ReportReader()
    heard = reader.read([sent(), bad, sent(provider_id="z")])
    assert heard.provider_id == ["a", "z"]
    assert reader.left_out == 1


def test_rows_of_an_arrow_message_are_heard_one_by_one() -> None:
    rows = [{**GOOD, "provider_id": name, "latency_ms": 5.0, "reporter_id": "me"} for name in ("b", "c")]
    heard = ReportReader().read([sent(), arrow(rows)])
    assert heard.provider_id == ["a", "b", "c"]
    assert heard.reporter_id == [None, "me", "me"]
    assert heard.success.all()


def test_a_report_id_counts_once_for_its_provider_and_reporter() -> None:
    reader = ReportReader()
    heard = reader.read([sent(report_id="1"), sent(report_id="1"), sent(report_id="1", reporter_id="other"), sent()])
    assert len(heard) == 3
    assert not len(reader.read([sent(report_id="1")]))


def test_the_lakes_last_reports_are_heard_oldest_first(tmp_path: Path) -> None:
    small_lake(tmp_path)
    with Lake(tmp_path) as lake:
        heard, few = last_reports(lake, 1_000), last_reports(lake, 10)
    assert len(heard) == len(reports())
    assert len(few) == 10
    assert set(heard.reporter_id) == {"tests"}
    assert heard.provider_id.count(FAILING) == 120
    assert list(few.provider_id) == list(heard.provider_id)[-10:]
