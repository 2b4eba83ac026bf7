"""Reports to JSON bytes, with orjson where it is installed."""

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["encode"]

try:
    import orjson
except ImportError:  # the standard library does the same at an eighth of the speed
    orjson = None  # type: ignore[assignment]


def encode(report: Mapping[str, Any]) -> bytes:
    """UTF-8 JSON of a checked report."""
    if orjson is not None:
        try:
            return orjson.dumps(report)
        except TypeError:  # whole numbers over 64 bits and deep nesting in details
            pass
    return json.dumps(report, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
