"""Reports as Arrow bytes; needs pyarrow, an extra."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from trustscore_client.fields import FIELDS

__all__ = ["arrow_stream"]

_TYPES: Final = {
    "string": pa.string(), "number": pa.float64(), "integer": pa.int64(), "bool": pa.bool_(),
    "strings": pa.list_(pa.string()), "object": pa.string(), "time": pa.float64(),
}  # fmt: skip


def arrow_stream(reports: Sequence[Mapping[str, Any]]) -> bytes:
    """Reports as one Arrow IPC stream, with a column for every field that occurs; ``details`` is JSON text."""
    columns = {}
    for field in FIELDS:
        values = [report.get(field.name) for report in reports]
        if all(value is None for value in values):
            continue
        if field.kind == "object":
            values = [None if value is None else json.dumps(value, ensure_ascii=False) for value in values]
        elif field.kind in ("number", "time"):
            values = [None if value is None else float(value) for value in values]
        columns[field.name] = pa.array(values, _TYPES[field.kind])
    table = pa.table(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())
