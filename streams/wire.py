"""Bytes of ``trust.reports`` to a checked Arrow table and the rejects. Parsed here, trusted after."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scoring.arrays import Ints
from scoring.errors import InvalidReport
from scoring.reports import FIELDS, FUTURE_S, PAST_S, PROVIDER_ID, check_time, validate
from streams import arrow_wire
from streams.json_wire import JsonReader
from streams.records import ARROW_TYPE, Record, Run, is_arrow, run_of
from streams.schemas import REPORTS_SCHEMA

__all__ = ["ARROW_TYPE", "Batch", "Record", "Reject", "decode", "left_out"]

FIELD_NAMES: Final = tuple(field.name for field in FIELDS)
_NO_REPORTS: Final = REPORTS_SCHEMA.empty_table()
WHOLE: Final = -1
"""Row of a reject that stands for its whole message."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A message, or one row of an Arrow message, that cannot be used."""

    record: Record
    row: int
    field: str
    reason: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Batch:
    """What a run of one partition holds."""

    table: pa.Table
    """Usable reports, columns of ``scoring.tables.REPORTS``."""
    rejects: list[Reject]
    records: int


def decode(run: Sequence[Record], partition: int, reader: JsonReader) -> Batch:
    """The usable reports of a run of records of one partition as one table, and the rejects.

    A record with the header ``content-type: application/vnd.apache.arrow.stream`` holds many reports, any other one
    JSON report. A report more than 5 minutes ahead of its record's time, or more than 90 days behind, is rejected.
    """
    read = run_of(run)
    tables: list[pa.Table] = []
    rejects: list[Reject] = []
    _add_arrow(read, np.flatnonzero(read.is_arrow), tables, rejects)
    _add_json(reader, read, np.flatnonzero(~read.is_arrow), tables, rejects)
    checked = [_checked(table, read, rejects) for table in tables]
    table = pa.concat_tables([_finished(table, partition) for table in checked]) if checked else _NO_REPORTS
    rejects.sort(key=lambda reject: (reject.record.offset, reject.row))
    return Batch(table, rejects, len(run))


def _add_json(reader: JsonReader, run: Run, places: Ints, tables: list[pa.Table], rejects: list[Reject]) -> None:
    if not len(places):
        return
    reports, problems = reader.parse(run.values.at(places))
    for at, problem in problems:
        record = run[int(places[at])]
        rejects.append(_reject(record, problem, record.value or b""))
    if reports.num_rows:
        good = np.delete(places, [at for at, _ in problems]) if problems else places
        where = {
            "offset": pa.array(run.offset[good]),
            "received_ms": pa.array(run.time_ms[good]),
            "row": pa.array(np.zeros(len(good), np.int32)),
        }
        tables.append(_with(reports, where))


def _add_arrow(run: Run, places: Ints, tables: list[pa.Table], rejects: list[Reject]) -> None:
    if not len(places):
        return
    parsed, problems = arrow_wire.parse([run.value(at) or b"" for at in places.tolist()])
    for at, row, error, shown in problems:
        rejects.append(_reject(run[int(places[at])], error, shown, WHOLE if row is None else row))
    for reports in parsed:
        if reports.num_rows:
            at = places[reports["message"].to_numpy()]
            where = {"offset": pa.array(run.offset[at]), "received_ms": pa.array(run.time_ms[at])}
            tables.append(_with(reports.drop_columns("message"), where))


def _with(table: pa.Table, columns: dict[str, pa.Array]) -> pa.Table:
    for name, values in columns.items():
        table = table.append_column(name, values)
    return table


def _reject(record: Record, error: InvalidReport, value: bytes, row: int = WHOLE) -> Reject:
    return Reject(record, row, error.field, str(error), value)


def _checked(table: pa.Table, run: Run, rejects: list[Reject]) -> pa.Table:
    """Without the rows whose provider id or time cannot be used."""
    event_s = table["event_s"].to_numpy()
    received_s = table["received_ms"].to_numpy() / 1e3
    bad = ~((event_s <= received_s + FUTURE_S) & (event_s >= received_s - PAST_S))
    ids = table["provider_id"].combine_chunks().dictionary_encode()
    wrong = [PROVIDER_ID.match(name) is None for name in ids.dictionary.to_pylist()]
    if any(wrong):
        bad |= np.array(wrong)[ids.indices.to_numpy()]
    if not bad.any():
        return table
    for at in np.flatnonzero(bad).tolist():
        row = table.slice(at, 1).to_pylist()[0]
        record = run.with_offset(row["offset"])
        whole = not is_arrow(record)
        shown = record.value or b"" if whole else _row_json(row)
        rejects.append(_reject(record, _row_error(row), shown, WHOLE if whole else row["row"]))
    return table.filter(pa.array(~bad))


def left_out(reports: pa.Table, run: Sequence[Record], reason: Callable[[str], str]) -> list[Reject]:
    """Usable reports of a run as rejects, since they are not to count; ``reason`` says why of a reporter."""
    read, rejects = run_of(run), []
    for row in reports.to_pylist():
        record = read.with_offset(row["offset"])
        whole = not is_arrow(record)
        row["event_s"] = row["timestamp"].timestamp()
        shown = record.value or b"" if whole else _row_json(row)
        number = WHOLE if whole else row["row"]
        rejects.append(Reject(record, number, "reporter_id", reason(row["reporter_id"]), shown))
    return rejects


def _row_error(row: dict[str, Any]) -> InvalidReport:
    label = row["report_id"] or ""
    try:
        validate(
            {
                "provider_id": row["provider_id"],
                "outcome": row["outcome"],
                "timestamp": row["event_s"],
                "report_id": label or None,
            }
        )
        check_time(row["event_s"], row["received_ms"] / 1e3, label)
    except InvalidReport as error:
        return error.kept()
    raise AssertionError("a row that passes every check was taken for a bad one")


def _row_json(row: dict[str, Any]) -> bytes:
    known = {name: row[name] for name in FIELD_NAMES if row.get(name) is not None}
    return msgspec.json.encode({**known, "timestamp": row["event_s"]})


def _finished(table: pa.Table, partition: int) -> pa.Table:
    """With the columns of the lake, in its order."""
    event_us = np.floor(table["event_s"].to_numpy() * 1e6 + 0.5).astype(np.int64)
    reporter = table["reporter_id"]
    timestamp = pa.array(event_us).view(pa.timestamp("us", tz="UTC"))
    made = {
        "timestamp": timestamp,
        "date": pa.array((event_us // 86_400_000_000).astype(np.int32)).view(pa.date32()),
        "received_at": pc.multiply(table["received_ms"], 1_000).combine_chunks().view(pa.timestamp("us", tz="UTC")),
        "partition": pa.array(np.full(table.num_rows, partition, np.int32)),
        "reporter_id": reporter.fill_null("anonymous") if reporter.null_count else reporter,
    }
    return pa.table([made[name] if name in made else table[name] for name in REPORTS_SCHEMA.names], REPORTS_SCHEMA)
