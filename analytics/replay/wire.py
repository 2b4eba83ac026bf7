"""Reports → messages: one JSON object each, or an Arrow IPC stream of many."""

import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

import orjson

from scoring.reports import FIELDS

__all__ = ["ARROW_HEADERS", "Wire", "as_arrow", "as_json"]

ARROW_HEADERS: Final = (("content-type", b"application/vnd.apache.arrow.stream"),)


class Wire(StrEnum):
    """How reports travel on ``trust.reports``."""

    JSON = "json"
    """One message a report, keyed by its provider."""
    ARROW = "arrow"
    """One message for up to some thousand reports, a third of the bytes."""


def as_json(report: dict[str, Any]) -> bytes:
    """Value of the message of one report."""
    return orjson.dumps(report)


def as_arrow(reports: Sequence[dict[str, Any]]) -> bytes:
    """Arrow IPC stream with one row per report and the columns that any of them fills.

    Parameters
    ----------
    reports
        As ``scoring.reports.validate`` returns them, ``timestamp`` in epoch seconds.
    """
    import pyarrow as pa

    types = {
        "string": pa.string(), "number": pa.float64(), "integer": pa.int64(), "bool": pa.bool_(),
        "strings": pa.list_(pa.string()), "object": pa.string(), "time": pa.float64(),
    }  # fmt: skip
    columns = {}
    for field in FIELDS:
        values = [report.get(field.name) for report in reports]
        if any(value is not None for value in values):
            if field.kind == "object":
                values = [None if value is None else json.dumps(value) for value in values]
            columns[field.name] = pa.array(values, types[field.kind])
    table = pa.table(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())
