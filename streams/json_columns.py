"""JSON reports to columns by Arrow's own reader: no object is made of a report, and Python's lock is not held.

It takes what is written as agents write it, and nothing that ``streams.json_wire`` would refuse; whatever else comes,
that module reads.
"""

from collections.abc import Collection
from functools import lru_cache
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.json

from scoring.reports import FIELDS, Field
from streams.bounds import fits
from streams.schemas import REPORTS_SCHEMA

__all__ = ["MANY", "columns_of_lines"]

MANY: Final = 5_000
"""Reports from which on this takes less processor time than msgspec: of 20,000 a fifth less, of 500 twice as much."""
_AS_TEXT: Final = {"details"}
"""Kept as it was written, which Arrow's reader does not do."""


@lru_cache(maxsize=64)
def _options(names: frozenset[str]) -> pyarrow.json.ParseOptions:
    kinds = [
        (field.name, pa.float64() if field.kind == "time" else REPORTS_SCHEMA.field(field.name).type)
        for field in FIELDS
        if field.name in names
    ]
    return pyarrow.json.ParseOptions(explicit_schema=pa.schema(kinds), unexpected_field_behavior="error")


def columns_of_lines(lines: bytes, count: int, names: Collection[str]) -> dict[str, pa.Array] | None:
    """Columns of reports, one a line, by field; ``None`` where they are not ``count`` good ones of these fields.

    Parameters
    ----------
    lines
        Reports, each between braces, with a line feed between two of them.
    count
        How many there are to be.
    names
        Fields that may be stated. A report that states another is not taken, nor is a time given as text.
    """
    names = frozenset(names)
    if names & _AS_TEXT:
        return None
    try:
        whole = pyarrow.json.ReadOptions(use_threads=False, block_size=len(lines) + 1)
        table = pyarrow.json.read_json(pa.BufferReader(lines), whole, _options(names))
        table.validate(full=True)
    except (pa.ArrowException, OverflowError):
        return None
    if len(table) != count:
        return None
    columns = {name: table[name].chunk(0) for name in table.column_names}
    return columns if all(_is_good(columns[field.name], field) for field in FIELDS if field.name in names) else None


def _is_good(column: pa.Array, field: Field) -> bool:
    if field.kind == "time":  # NaN and Infinity, which are no JSON, are read as numbers
        return not column.null_count and bool(np.isfinite(column.to_numpy()).all())
    return bool(fits(field, column).all())
