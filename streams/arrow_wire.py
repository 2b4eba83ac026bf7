"""Arrow messages to columns: one cast and one bounds check per column, row by row only where something is wrong."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scoring.errors import InvalidReport
from scoring.reports import DETAILS_BYTES, FIELDS, Field, epoch_s, validate
from streams.bounds import fits, is_object
from streams.schemas import REPORTS_SCHEMA, nulls

__all__ = ["Problem", "parse"]

_NAMES: Final = {field.name for field in FIELDS}
_STEP: Final = "send one Arrow IPC stream per message"
_PER_S: Final = {"s": 1, "ms": 1e3, "us": 1e6, "ns": 1e9}


class Problem(NamedTuple):
    """What is wrong with a row of a message, or with the whole of it."""

    message: int
    """Place in the run."""
    row: int | None
    """``None``: no row of the message can be used."""
    error: InvalidReport
    shown: bytes
    """The row as JSON, or the message."""


def parse(values: Sequence[bytes]) -> tuple[list[pa.Table], list[Problem]]:
    """Columns of the usable rows of Arrow IPC streams, and what is wrong with the others.

    Messages of one schema that follow one another are read as one table: what a message costs is then little.

    Returns
    -------
    tuple
        Tables with the columns of ``FIELDS`` but ``timestamp``, ``event_s`` (float64), ``message`` (int64, place in
        ``values``) and ``row`` (int32, place in the message); problems.
    """
    tables: list[pa.Table] = []
    problems: list[Problem] = []
    read: list[tuple[int, pa.Table]] = []
    for at, value in enumerate(values):
        try:
            read.append((at, _read(value)))
        except InvalidReport as error:
            problems.append(Problem(at, None, error.kept(), value))
    for schema, alike in groupby(read, key=lambda one: one[1].schema):
        _add_alike(schema, list(alike), values, tables, problems)
    return tables, problems


def _add_alike(
    schema: pa.Schema,
    given: list[tuple[int, pa.Table]],
    values: Sequence[bytes],
    tables: list[pa.Table],
    problems: list[Problem],
) -> None:
    """Read messages of one schema together; one by one where that fails, to find the one that is wrong."""
    try:
        table, bad = _checked(pa.concat_tables([one for _, one in given]))
    except InvalidReport as error:
        if len(given) == 1:
            problems.append(Problem(given[0][0], None, error.kept(), values[given[0][0]]))
            return
        for one in given:
            _add_alike(schema, [one], values, tables, problems)
        return
    lengths = [len(one) for _, one in given]
    message = np.repeat([at for at, _ in given], lengths)
    row = np.arange(len(message)) - np.repeat(np.cumsum([0, *lengths[:-1]]), lengths)
    problems += [Problem(int(message[at]), int(row[at]), error, shown) for at, error, shown in bad.told]
    whole = table.append_column("message", pa.array(message)).append_column("row", pa.array(row.astype(np.int32)))
    tables.append(whole.filter(pa.array(~bad.rows)) if bad.told else whole)


class _Bad(NamedTuple):
    """Rows that cannot be used, as a mask and by place with their error and the row as JSON."""

    rows: NDArray[np.bool_]
    told: list[tuple[int, InvalidReport, bytes]]


def _checked(given: pa.Table) -> tuple[pa.Table, _Bad]:
    """All rows with the columns of ``FIELDS`` but ``timestamp``, and ``event_s``; which of them are bad."""
    given = given.combine_chunks()
    for field in FIELDS:
        if field.required and field.name not in given.column_names:
            raise InvalidReport(field.name, "a column of the Arrow message", "no such column", "add the column")
    columns = {field.name: _column(given, field) for field in FIELDS if field.kind != "time"}
    event_s = _event_s(given["timestamp"])
    bad = ~np.isfinite(event_s)
    for field in FIELDS:
        if field.name in given.column_names and field.kind != "time":
            bad |= ~fits(field, columns[field.name])
    columns["event_s"] = pa.array(event_s)
    unknown = [name for name in given.column_names if name not in _NAMES]
    shown = _without_times(given, event_s) if unknown or bad.any() else given
    if unknown:
        columns["details"] = _with_unknown(shown.select(unknown), columns["details"], bad)
    told = [(row, *_problem(_rows(shown.slice(row, 1))[0])) for row in np.flatnonzero(bad).tolist()]
    return pa.table(columns), _Bad(bad, told)


def _read(value: bytes) -> pa.Table:
    """What a message holds; nothing in it is looked at before it is found to be what it says."""
    try:
        table = pa.ipc.open_stream(value).read_all()
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        got = f"{len(value)} bytes that are none ({str(error)[:120]})"
        raise InvalidReport("message", "an Arrow IPC stream", got, _STEP) from None
    if len(set(table.column_names)) < len(table.column_names):
        raise InvalidReport(
            "message", "an Arrow stream with distinct column names", str(table.column_names)[:200], _STEP
        )
    return table.replace_schema_metadata(None)


def _column(given: pa.Table, field: Field) -> pa.Array:
    kind = REPORTS_SCHEMA.field(field.name).type
    if field.name not in given.column_names:
        return nulls(kind, given.num_rows)
    column = given[field.name]
    try:
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        return _array(column.cast(kind))
    except pa.ArrowException:
        got = f"a column of type {column.type}"
        raise InvalidReport(field.name, f"a column that casts to {kind}", got, "change its type") from None


def _array(column: pa.ChunkedArray) -> pa.Array:
    return (
        column.chunk(0)
        if column.num_chunks == 1
        else pa.concat_arrays(column.chunks)
        if column.num_chunks
        else pa.array([], column.type)
    )


def _event_s(column: pa.ChunkedArray) -> NDArray[np.float64]:
    """Epoch seconds; nan where there is none."""
    if pa.types.is_timestamp(column.type):
        return np.asarray(column.cast(pa.int64()).to_numpy(), np.float64) / _PER_S[column.type.unit]
    if pa.types.is_integer(column.type) or pa.types.is_floating(column.type):
        return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), np.float64)
    return np.array([_seconds(value) for value in column.to_pylist()], np.float64)


def _seconds(value: Any) -> float:
    try:
        return epoch_s(value) if isinstance(value, str) else float("nan")
    except (ValueError, OverflowError):
        return float("nan")


def _without_times(given: pa.Table, event_s: NDArray[np.float64]) -> pa.Table:
    """With the event time as seconds and other times as text: Python has no value for nanoseconds and far years."""
    for at, field in enumerate(given.schema):
        if pa.types.is_temporal(field.type):
            is_event = field.name == "timestamp" and pa.types.is_timestamp(field.type)
            values = pa.array(event_s, from_pandas=True) if is_event else given[field.name].cast(pa.string())
            given = given.set_column(at, field.name, values)
    return given


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = table.to_pylist()
    except (pa.ArrowException, ValueError, OverflowError) as error:
        got = f"columns {', '.join(f'{f.name} of type {f.type}' for f in table.schema)} ({error})"
        raise InvalidReport("message", "values that JSON can hold", got[:300], "change their types") from None
    return rows


def _with_unknown(unknown: pa.Table, details: pa.Array, bad: NDArray[np.bool_]) -> pa.Array:
    """``details`` with the columns we do not know merged in; marks rows where that makes them too large."""
    texts: list[str | None] = []
    for row, (extra, text) in enumerate(zip(_rows(unknown), details.to_pylist(), strict=True)):
        kept = {name: value for name, value in extra.items() if value is not None}
        if kept and not bad[row]:
            text = msgspec.json.encode({**kept, **msgspec.json.decode(text or "{}")}, enc_hook=str).decode()
            bad[row] = len(text.encode()) > DETAILS_BYTES
        texts.append(text)
    return pa.array(texts, pa.string())


def _problem(row: dict[str, Any]) -> tuple[InvalidReport, bytes]:
    """What is wrong with a row, and the row as JSON."""
    details = row.get("details")
    report = {name: value for name, value in row.items() if value is not None}
    if isinstance(details, str) and is_object(details):
        report["details"] = msgspec.json.decode(details)
    shown = msgspec.json.encode(report, enc_hook=str)
    try:
        validate(report)
    except InvalidReport as error:
        return error.kept(), shown
    return InvalidReport(
        "message", "a row within its bounds", shown[:120].decode("utf-8", "replace"), "correct the row"
    ), shown
