"""Messages as agents send them, good and bad, and what one report at a time makes of them."""

import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from scoring.errors import InvalidReport
from scoring.reports import validate
from streams.schemas import REPORTS_SCHEMA
from streams.wire import ARROW_TYPE
from tests.support.lake_maker import Message
from tests.support.plain_panes import NOW_S

__all__ = [
    "ARROW_HEADER", "BAD_JSON", "CHECKED_BY_WIRE", "GOOD", "GOOD_JSON", "arrow_bytes", "arrow_message", "arrow_table",
    "json_message", "one_by_one",
]  # fmt: skip

ARROW_HEADER: Final = ("content-type", ARROW_TYPE)
GOOD: Final[dict[str, Any]] = {"provider_id": "github", "outcome": "success", "timestamp": NOW_S}


def _with(text: str) -> bytes:
    return b'{"provider_id":"github","outcome":"success","timestamp":%d,%s}' % (NOW_S, text.encode())


_PLAIN: Final = json.dumps(GOOD).encode()

GOOD_JSON: Final[dict[str, bytes]] = {
    "plain": _PLAIN,
    "compact": json.dumps(GOOD, separators=(",", ":")).encode(),
    "pretty": json.dumps(GOOD, indent=2).encode(),
    "blanks around": b" \r\n\t" + _PLAIN + b" \n",
    "carriage return behind": _PLAIN + b"\r",
    "every kind": _with(
        '"latency_ms":12.5,"attempt":2,"schema_valid":true,"security":["leak"],"details":{"a":[1,null,"x"]},"region":"eu"'
    ),
    "nulls": _with('"latency_ms":null,"security":null,"details":null,"task_type":null'),
    "unknown fields": _with('"mood":"good","details":{"a":1}'),
    "unknown null": _with('"mood":null'),
    "unknown nested": _with('"mood":{"a":[{"b":null}]}'),
    "unknown great integer": _with('"mood":123456789012345678901234567890'),
    "duplicate key": _with('"region":"first","region":"second"'),
    "duplicate provider": _with('"provider_id":"second"'),
    "escapes": _with('"task_type":"a\\u0000\\u00e4\\n\\ud83d\\ude00"'),
    "null byte in details": _with('"details":{"a\\u0000":"\\u0000"}'),
    "text time": b'{"provider_id":"a","outcome":"error","timestamp":"2023-11-14T22:13:20.25Z"}',
    "text time with offset": b'{"provider_id":"a","outcome":"error","timestamp":"2023-11-14T23:13:20+01:00"}',
    "whole number as float": _with('"latency_ms":12,"quality":1'),
    "exponents": _with('"latency_ms":1.2e1,"cost_usd":1E-3'),
    "negative zero": _with('"latency_ms":-0.0'),
    "empty security": _with('"security":[]'),
    "empty details": _with('"details":{}'),
    "longest id": b'{"provider_id":"%s","outcome":"success","timestamp":%d}' % (b"x" * 200, NOW_S),
    "details of the limit": _with('"details":{"a":"%s"}' % ("x" * (4_096 - 8))),
    "details large by blanks only": _with('"details":{"a":%s1}' % (" " * 5_000)),
}
BAD_JSON: Final[dict[str, bytes | None]] = {
    "tombstone": None,
    "empty": b"",
    "blank": b" \t",
    "line feeds": b"\n\n",
    "null byte": b"\x00",
    "no JSON": b"hello",
    "cut short": _PLAIN[:-1],
    "second half": b'"timestamp":1}',
    "begun only": _PLAIN[:-1] + b',"details":',
    "two objects": _PLAIN + _PLAIN,
    "two objects on two lines": _PLAIN + b"\n" + _PLAIN,
    "an object and a comma": _PLAIN + b",",
    "list": b"[" + _PLAIN + b"]",
    "text": b'"report"',
    "number": b"1",
    "null": b"null",
    "byte order mark": b"\xef\xbb\xbf" + _PLAIN,
    "utf-16": _PLAIN.decode().encode("utf-16"),
    "broken utf-8": _with('"region":"x"').replace(b'"x"', b'"\xff"'),
    "broken utf-8 in details": _with('"details":{"a":"x"}').replace(b'"x"', b'"\xff"'),
    "lone surrogate": _with('"region":"\\ud800"'),
    "lone surrogate in an unknown field": _with('"mood":"\\ud800"'),
    "NaN": _with('"latency_ms":NaN'),
    "infinite": _with('"latency_ms":Infinity'),
    "NaN in details": _with('"details":{"a":NaN}'),
    "beyond floats": _with('"latency_ms":1e400'),
    "beyond integers": _with('"attempt":123456789012345678901234567890'),
    "deep list": _with(f'"details":{{"a":{"[" * 100_000}{"]" * 100_000}}}'),
    "deep unknown": _with(f'"mood":{"[" * 100_000}{"]" * 100_000}'),
    "only deep": b"[" * 200_000,
    "raw line feed in text": _with('"region":"a\nb"'),
    "single quotes": b"{'provider_id':'a'}",
    "comment": _PLAIN + b"//",
    "empty object": b"{}",
    "no provider": b'{"outcome":"success","timestamp":1700000000}',
    "null provider": b'{"provider_id":null,"outcome":"success","timestamp":1700000000}',
    "provider with a blank": b'{"provider_id":"a b","outcome":"success","timestamp":1700000000}',
    "empty provider": b'{"provider_id":"","outcome":"success","timestamp":1700000000}',
    "huge provider": b'{"provider_id":"%s","outcome":"success","timestamp":1700000000}' % (b"x" * 1_000_000),
    "no such outcome": b'{"provider_id":"a","outcome":"ok","timestamp":1700000000}',
    "no such time": b'{"provider_id":"a","outcome":"success","timestamp":"yesterday"}',
    "time without zone": b'{"provider_id":"a","outcome":"success","timestamp":"2023-11-14T22:13:20"}',
    "time beyond all": b'{"provider_id":"a","outcome":"success","timestamp":1e300}',
    "time as bool": b'{"provider_id":"a","outcome":"success","timestamp":true}',
    "negative latency": _with('"report_id":"7f3","latency_ms":-12.0'),
    "latency as text": _with('"latency_ms":"12"'),
    "attempt with a fraction": _with('"attempt":1.5'),
    "attempt as float": _with('"attempt":1.0'),
    "bool as number": _with('"schema_valid":1'),
    "unknown finding": _with('"security":["leak","rumour"]'),
    "finding as text": _with('"security":"leak"'),
    "details as text": _with('"details":"{}"'),
    "details as list": _with('"details":[]'),
    "huge details": _with('"details":{"a":"%s"}' % ("x" * 5_000)),
    "huge unknown field": _with('"mood":"%s"' % ("x" * 1_000_000)),
    "huge report id": _with('"report_id":"%s","quality":2' % ("x" * 1_000_000)),
    "huge key": _with('"%s":1' % ("x" * 100_000)),
}
CHECKED_BY_WIRE: Final = ("provider with a blank", "time beyond all")
"""Bad ones that the reader of JSON lets through: ``streams.wire`` checks ids and times of both formats at once."""


def one_by_one(value: bytes | None) -> dict[str, Any] | InvalidReport:
    """The fields of one message by the standard library's decoder and ``validate``, or why there are none.

    Two rules of the wire go beyond it: a message of bytes that are no UTF-8 is none, and a lone surrogate is no text.
    """
    try:
        text = (value or b"").decode("utf-8")
        given = json.loads(text)
        json.dumps(given, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        return InvalidReport("message", "one JSON report", str(error), "")
    if not isinstance(given, dict):
        return InvalidReport("message", "one JSON report", str(given), "")
    try:
        return validate(given)
    except InvalidReport as error:
        return error


def json_message(offset: int, value: bytes | Mapping[str, Any] | None, received_s: float = NOW_S) -> Message:
    """A record of one JSON report."""
    encoded = json.dumps(value).encode() if isinstance(value, Mapping) else value
    return Message(offset, round(received_s * 1_000), encoded)


def arrow_table(reports: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Reports as an agent's table: only columns that some report states; details as JSON text."""
    names = [
        name
        for name in ("timestamp", *REPORTS_SCHEMA.names, *sorted({name for report in reports for name in report}))
        if any(name in report for report in reports)
    ]
    columns: dict[str, pa.Array] = {}
    for name in names:
        values = [report.get(name) for report in reports]
        if name == "timestamp":
            columns[name] = pa.array(values)
        elif name in REPORTS_SCHEMA.names:
            texts = [json.dumps(value) if isinstance(value, dict) else value for value in values]
            columns[name] = pa.array(texts, REPORTS_SCHEMA.field(name).type)
        else:
            columns[name] = pa.array(values)
    return pa.table(columns)


def arrow_bytes(table: pa.Table, batch_rows: int | None = None, compression: str | None = None) -> bytes:
    """An Arrow IPC stream."""
    out = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(out, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=batch_rows)
    return out.getvalue()


def arrow_message(offset: int, value: pa.Table | bytes, received_s: float = NOW_S) -> Message:
    """A record that says it is an Arrow stream."""
    encoded = arrow_bytes(value) if isinstance(value, pa.Table) else value
    return Message(offset, round(received_s * 1_000), encoded, headers=(ARROW_HEADER,))
