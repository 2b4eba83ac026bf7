"""A report as a caller sent it → a message for ``trust.reports``: checked here by the same rules as in the worker.

Every report leaves with a ``report_id``: what is sent to Kafka twice, by whichever retry on the way, counts once.
"""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import orjson

from analytics.producer import Message
from scoring.errors import InvalidReport
from scoring.reports import FIELDS, check_time, epoch_s, validate

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "ARROW",
    "MOST_ARROW_BYTES",
    "MOST_REPORTS",
    "Accepted",
    "InvalidReports",
    "accept",
    "accept_arrow",
    "accept_many",
]

ARROW: Final = "application/vnd.apache.arrow.stream"
MOST_REPORTS: Final = 10_000
"""In one request."""
MOST_ARROW_BYTES: Final = 1_000_000
"""Of a stream: it becomes one Kafka message, and brokers take 1 MiB."""
_LARGEST_VALUE: Final = 1_040_000
"""Of a Kafka message: brokers take 1,048,588 bytes of key, value, headers and frame."""
_TIMES: Final = tuple(field.name for field in FIELDS if field.kind == "time")


class InvalidReports(InvalidReport):
    """A report among many that cannot be used; none of them was taken."""

    def __init__(self, index: int, fault: InvalidReport) -> None:
        super().__init__(f"[{index}].{fault.field}", fault.wanted, fault.got, fault.step, fault.report)
        self.index = index


@dataclass(frozen=True, slots=True)
class Accepted:
    """A report fit to be sent."""

    provider_id: str
    report_id: str
    reporter_id: str
    event_s: float
    message: Message


def accept(report: object, now_s: float) -> Accepted:
    """The message of a report; ``timestamp`` defaults to ``now_s`` and ``report_id`` to a random one.

    Raises
    ------
    InvalidReport
        At the first field that is missing or out of bounds.
    """
    if not isinstance(report, Mapping):
        raise InvalidReport("report", "a JSON object", ascii(report)[:60], 'send {"provider_id": …, "outcome": …}')
    given = dict(report)
    if given.get("timestamp") is None:
        given["timestamp"] = now_s
    kept = validate(given)
    kept.setdefault("report_id", uuid.uuid4().hex)
    event_s = epoch_s(kept["timestamp"])
    check_time(event_s, now_s, report.get("report_id") or "")
    provider_id: str = kept["provider_id"]
    return Accepted(
        provider_id, kept["report_id"], kept.get("reporter_id", "anonymous"), event_s,
        Message(provider_id.encode(), _json(kept)),
    )  # fmt: skip


def _json(kept: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(kept)
    except orjson.JSONEncodeError as fault:
        raise InvalidReport(
            "details", "JSON with whole numbers of at most 64 bits", str(fault), "send such numbers as text",
            kept["report_id"],
        ) from fault  # fmt: skip


def accept_many(reports: Sequence[object], now_s: float) -> list[Accepted]:
    """The messages of all reports, or the fault of the first that has one.

    Raises
    ------
    InvalidReport, InvalidReports
        When there are none or too many; with the place of the first bad one.
    """
    if not 1 <= len(reports) <= MOST_REPORTS:
        raise InvalidReport("reports", f"1 to {MOST_REPORTS:,} reports", f"{len(reports):,}", "send fewer at a time")
    return [_placed(index, report, now_s) for index, report in enumerate(reports)]


def accept_arrow(stream: bytes, now_s: float) -> tuple[int, Message]:
    """How many reports an Arrow IPC stream holds, and the one message they travel in.

    Rows without ``timestamp`` get ``now_s``, those without ``report_id`` a random one; otherwise the bytes stay as they
    came. The key is made of the bytes: sent again, they go to the same partition, where they are recognised.

    Raises
    ------
    InvalidReport, InvalidReports
        When it is no such stream, is empty or too large; with the row of the first bad report.
    """
    import pyarrow as pa  # 0.3 s and 55 MB that only this path needs

    if len(stream) > MOST_ARROW_BYTES:
        got = f"{len(stream):,} bytes"
        raise InvalidReport("body", f"a stream of at most {MOST_ARROW_BYTES:,} bytes", got, "send it in pieces")
    try:
        with pa.ipc.open_stream(stream) as reader:
            table = reader.read_all()
        table.validate(full=True)
        if len(set(table.column_names)) < len(table.column_names):
            raise ValueError(f"column names must differ; got {table.column_names}")
        rows = table.to_pylist()
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError) as error:
        got = f"{type(error).__name__}: {ascii(str(error))[:80]}"
        raise InvalidReport("body", "an Arrow IPC stream", got, "write it with pyarrow.ipc.new_stream") from None
    if not rows:
        raise InvalidReport("body", "a stream with at least one row", "0 rows", "add rows")
    for index, row in enumerate(rows):
        _placed(index, _as_json(index, row), now_s)
    made = _missing(rows, now_s)
    key = hashlib.blake2b(stream, digest_size=8).hexdigest().encode()
    value = _with_columns(table, made) if made else stream
    if len(value) > _LARGEST_VALUE:
        got = f"{len(value):,} bytes with the {' and the '.join(made)} that its rows lack"
        raise InvalidReport("body", f"a stream of at most {MOST_ARROW_BYTES:,} bytes", got, "send it in pieces")
    return len(rows), Message(key, value, (("content-type", ARROW.encode()),))


def _missing(rows: Sequence[Mapping[str, Any]], now_s: float) -> dict[str, list[Any]]:
    """Whole columns of what some rows lack and every report must have."""
    made: dict[str, list[Any]] = {}
    if any(row.get("timestamp") is None for row in rows):
        made["timestamp"] = [
            now_s if row.get("timestamp") is None else epoch_s(_time(row["timestamp"])) for row in rows
        ]
    if any(row.get("report_id") is None for row in rows):
        run = uuid.uuid4().hex[:16]  # one random number for all of them, which packs well
        made["report_id"] = [row.get("report_id") or f"{run}-{place:x}" for place, row in enumerate(rows)]
    return made


def _with_columns(table: "pa.Table", made: Mapping[str, list[Any]]) -> bytes:
    """The stream with these columns, packed: what was added must not make it too large for a message."""
    import pyarrow as pa

    types = {"timestamp": pa.float64(), "report_id": pa.string()}
    table = table.select([name for name in table.column_names if name not in made])
    for name, values in made.items():
        table = table.append_column(name, pa.array(values, types[name]))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _placed(index: int, report: object, now_s: float) -> Accepted:
    try:
        return accept(report, now_s)
    except InvalidReport as fault:
        raise InvalidReports(index, fault) from None


def _as_json(index: int, row: dict[str, Any]) -> dict[str, Any]:
    """A row with its values as JSON would have them."""
    row = {name: _time(value) if name in _TIMES else value for name, value in row.items()}
    details = row.get("details")
    if isinstance(details, str):
        try:
            row["details"] = orjson.loads(details)
        except ValueError:
            fault = InvalidReport("details", "a JSON object as text", ascii(details)[:60], "write it as JSON")
            raise InvalidReports(index, fault) from None
    return row


def _time(value: object) -> Any:
    """Epoch seconds of an Arrow timestamp (without zone: UTC); anything else as it is."""
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return value
