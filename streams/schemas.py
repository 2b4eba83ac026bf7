"""Arrow schemas of the lake's tables, built from the plain data in ``scoring.tables``."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import pyarrow as pa

from scoring.tables import PANES, REJECTS, REPORTS, SCORES

__all__ = ["PANES_SCHEMA", "REJECTS_SCHEMA", "REPORTS_SCHEMA", "SCORES_SCHEMA", "nulls", "schema_of"]

_TYPES: Final = {
    "string": pa.string(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"),
    "date": pa.date32(),
    "binary": pa.binary(),
    "list<string>": pa.list_(pa.string()),
    "list<int32>": pa.list_(pa.int32()),
    "list<int64>": pa.list_(pa.int64()),
}


def schema_of(columns: Mapping[str, str]) -> pa.Schema:
    """Arrow schema of a table of ``scoring.tables``."""
    return pa.schema([(name, _TYPES[kind]) for name, kind in columns.items()])


def nulls(kind: pa.DataType, count: int) -> pa.Array:
    """``count`` nulls, part of an array that is made once: of a report's 27 fields agents state about eight.

    >>> nulls(pa.int64(), 3).null_count
    3
    """
    return _nulls(kind, count.bit_length()).slice(0, count)


@lru_cache(maxsize=128)
def _nulls(kind: pa.DataType, bits: int) -> pa.Array:
    return pa.nulls(1 << bits, kind)


REPORTS_SCHEMA: Final = schema_of(REPORTS)
PANES_SCHEMA: Final = schema_of(PANES)
SCORES_SCHEMA: Final = schema_of(SCORES)
REJECTS_SCHEMA: Final = schema_of(REJECTS)
