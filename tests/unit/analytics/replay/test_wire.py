import itertools
import json

import orjson
import pyarrow as pa

from analytics.replay.wire import as_arrow, as_json
from analytics.simulator import fleet, traffic


def test_an_arrow_message_holds_the_same_reports() -> None:
    reports = list(itertools.chain.from_iterable(traffic(7, fleet(), 1_000_000.0, 1_000_060.0, 20.0)))
    reports[0]["details"] = {"note": "ä"}
    table = pa.ipc.open_stream(as_arrow(reports)).read_all()
    back = [{name: value for name, value in row.items() if value is not None} for row in table.to_pylist()]
    back[0]["details"] = json.loads(back[0]["details"])
    assert back == reports


def test_columns_that_no_report_fills_are_left_out() -> None:
    table = pa.ipc.open_stream(as_arrow([{"provider_id": "a", "outcome": "error", "timestamp": 1.0}])).read_all()
    assert table.column_names == ["provider_id", "outcome", "timestamp"]


def test_a_json_message_is_the_report() -> None:
    report = {"provider_id": "a", "outcome": "error", "timestamp": 1.5, "security": []}
    assert orjson.loads(as_json(report)) == report
