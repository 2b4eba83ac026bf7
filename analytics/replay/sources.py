"""Files of reports: JSON lines, CSV, Parquet, and the WS-DREAM matrix of response times. ``.gz`` is understood."""

import csv
import gzip
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, TextIO, TypeAlias

import orjson

from analytics.replay.errors import BadLine
from analytics.replay.wsdream import read_wsdream
from scoring.errors import InvalidReport
from scoring.reports import FIELDS, epoch_s, validate

__all__ = ["Format", "OnBad", "Report", "count_bad", "guess", "open_text", "raise_bad", "read"]

Report: TypeAlias = dict[str, Any]
OnBad: TypeAlias = Callable[[BadLine], None]
"""What to do with a bad line: raise it, or count it."""

_CHUNK: Final = 5_000
_KINDS: Final = {field.name: field.kind for field in FIELDS}
_LAKE_ONLY: Final = ("date", "received_at", "partition", "offset", "row")
"""Columns the lake's ``reports`` table adds to a report."""
_WORDS: Final = {"true": True, "false": False, "1": True, "0": False}


class Format(StrEnum):
    """How a file of reports is written."""

    WSDREAM = "wsdream"
    """``user,service,t00,t01,…``: seconds per call in slots of 15 minutes."""
    NDJSON = "ndjson"
    """One JSON report a line."""
    CSV = "csv"
    """A header with field names; empty cells are absent; ``security`` separated by ``;``."""
    PARQUET = "parquet"
    """Columns with field names, as in the lake's ``reports`` table."""


def guess(path: Path) -> Format | None:
    """Format that the name ends in; None when it tells nothing.

    >>> guess(Path("calls.ndjson.gz")), guess(Path("calls.xml"))
    (<Format.NDJSON: 'ndjson'>, None)
    """
    ending = path.name.removesuffix(".gz").rsplit(".", 1)[-1]
    return {"ndjson": Format.NDJSON, "jsonl": Format.NDJSON, "csv": Format.CSV, "parquet": Format.PARQUET}.get(ending)


def raise_bad(bad: BadLine) -> None:
    """Stop at a bad line."""
    raise bad


def count_bad(into: list[BadLine]) -> OnBad:
    """Go on after a bad line, which ``into`` keeps."""
    return into.append


def read(path: Path, form: Format, on_bad: OnBad = raise_bad) -> Iterator[list[Report]]:
    """Chunks of checked reports in file order; ``timestamp`` is epoch seconds (for wsdream from the first slot).

    Parameters
    ----------
    path
        To read, ``.gz`` or not.
    form
        How it is written.
    on_bad
        Called with each line that is no report; what it does not raise is left out.

    Raises
    ------
    OSError
        When the file cannot be read.
    """
    match form:
        case Format.WSDREAM:
            with open_text(path) as file:
                yield from read_wsdream(path, file, on_bad)
        case Format.NDJSON:
            with open_text(path) as file:
                yield from _checked(path, enumerate(_json_lines(path, file, on_bad), 1), on_bad)
        case Format.CSV:
            with open_text(path) as file:
                rows = csv.DictReader(file)
                yield from _checked(path, ((rows.line_num, _from_cells(row)) for row in rows), on_bad)
        case Format.PARQUET:
            yield from _checked(path, enumerate(_parquet_rows(path), 1), on_bad)


def _checked(path: Path, rows: Iterable[tuple[int, Report | None]], on_bad: OnBad) -> Iterator[list[Report]]:
    chunk: list[Report] = []
    for line, row in rows:
        if row is None:
            continue
        try:
            report = validate(row)
        except InvalidReport as fault:
            on_bad(BadLine(path, line, fault.field, fault.wanted, fault.got, fault.step))
            continue
        report["timestamp"] = epoch_s(report["timestamp"])
        chunk.append(report)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _json_lines(path: Path, file: TextIO, on_bad: OnBad) -> Iterator[Report | None]:
    for number, line in enumerate(file, 1):
        row: Any = None
        if line.strip():
            try:
                row = orjson.loads(line)
            except ValueError as fault:
                on_bad(BadLine(path, number, "line", "one JSON object", f"{_short(line)} ({fault})", "correct it"))
            else:
                if not isinstance(row, dict):
                    on_bad(BadLine(path, number, "line", "one JSON object", _short(line), "correct it"))
                    row = None
        yield row


def _from_cells(cells: dict[str | Any, Any]) -> Report:
    spare = cells.pop(None, None)
    report = {name: _from_text(_KINDS.get(name, "string"), cell) for name, cell in cells.items() if cell}
    return report if spare is None else {**report, "cells beyond the header": spare}


def _from_text(kind: str, cell: str) -> Any:
    """Value of a cell; the cell itself where it is none of that kind, so that the check can name it."""
    try:
        match kind:
            case "number":
                return float(cell)
            case "integer":
                return int(cell)
            case "bool":
                return _WORDS.get(cell.lower(), cell)
            case "strings":
                return [] if cell == "[]" else cell.split(";")
            case "object":
                return orjson.loads(cell)
            case "time":
                return _number_or_text(cell)
            case _:
                return cell
    except ValueError:
        return cell


def _number_or_text(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell


def _parquet_rows(path: Path) -> Iterator[Report]:
    import pyarrow.parquet  # 55 MB that the other formats do without

    with pyarrow.parquet.ParquetFile(path) as file:
        names = [name for name in file.schema_arrow.names if name not in _LAKE_ONLY]
        for batch in file.iter_batches(_CHUNK, columns=names):
            for row in batch.to_pylist():
                yield _from_row(row)


def _from_row(row: Report) -> Report:
    moment = row.get("timestamp")
    if isinstance(moment, datetime):
        row["timestamp"] = moment.timestamp()
    if isinstance(row.get("details"), str):
        row["details"] = _from_text("object", row["details"])
    return row


@contextmanager
def open_text(path: Path) -> Iterator[TextIO]:
    """The file as text, unpacked; bytes that are no UTF-8 become U+FFFD, for the check to meet."""
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8", errors="replace", newline="") as file:
            yield file
    else:
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            yield file


def _short(line: str) -> str:
    text = ascii(line.rstrip("\r\n"))
    return text if len(text) <= 60 else f"{text[:57]}..."
