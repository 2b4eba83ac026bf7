import importlib
import json
import sys
from typing import Any

import pytest
from trustscore_client import encoding

REPORT: dict[str, Any] = {
    "provider_id": "weather", "latency_ms": 41.5, "timestamp": 1_700_000_000.125, "security": [], "schema_valid": True,
    "task_type": "Wetter für Ö\u2028\x00", "details": {"big": 2**70, "nested": [None, {"x": 1e-300}]},
}  # fmt: skip


def test_orjson_and_the_standard_library_write_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    fast = encoding.encode(REPORT)
    monkeypatch.setitem(sys.modules, "orjson", None)
    try:
        slow = importlib.reload(encoding).encode(REPORT)
    finally:
        monkeypatch.undo()
        importlib.reload(encoding)
    assert json.loads(fast) == json.loads(slow) == REPORT


def test_whole_numbers_beyond_64_bits_are_kept() -> None:
    assert json.loads(encoding.encode({"details": {"big": 2**100}})) == {"details": {"big": 2**100}}
