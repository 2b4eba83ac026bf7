import json
from typing import Any

import pyarrow as pa
from trustscore_client.transports.arrow import arrow_stream

from scoring.reports import FIELDS

FULL: dict[str, Any] = {
    "provider_id": "weather", "outcome": "success", "timestamp": 1_700_000_000, "report_id": "r", "latency_ms": 41,
    "task_type": "search", "tool": "t", "region": "eu", "provider_version": "1", "reporter_id": "me", "source": "agent",
    "quality": 0.5, "cost_usd": 0.001, "data_age_s": 60, "schema_valid": True, "rate_limited": False,
    "rate_limit_limit": 10, "rate_limit_remaining": 3, "rate_limit_reset_s": 1.5, "retry_after_s": 2,
    "consistency": "ok", "replication_lag_ms": 3.5, "security": [], "tenant": "t", "trace_id": "x", "attempt": 1,
    "details": {"ü": [1, None]},
}  # fmt: skip


def test_every_field_has_a_column_and_comes_back() -> None:
    sparse = {"provider_id": "b", "outcome": "error", "timestamp": 1.5, "security": ["leak", "injection"]}
    table = pa.ipc.open_stream(arrow_stream([FULL, sparse])).read_all()
    assert table.column_names == [field.name for field in FIELDS]
    first, second = table.to_pylist()
    assert json.loads(first.pop("details")) == FULL["details"]
    assert first == {name: value for name, value in FULL.items() if name != "details"}
    assert {name: value for name, value in second.items() if value is not None} == sparse


def test_fields_nobody_gave_take_no_column() -> None:
    table = pa.ipc.open_stream(arrow_stream([{"provider_id": "a", "outcome": "success", "timestamp": 1.0}])).read_all()
    assert table.column_names == ["provider_id", "outcome", "timestamp"]
