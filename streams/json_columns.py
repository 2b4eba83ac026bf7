"""JSON reports to columns by the compiled part: no object is made of a report, and Python's lock is not held.

It takes what is written as agents write it, and nothing that ``streams.json_wire`` would refuse; whatever else comes,
that module reads.
"""

import ctypes
from functools import lru_cache
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from compiled.library import library, pointer
from scoring.arrays import Bools
from scoring.reports import FIELDS, Field
from streams.places import Places
from streams.schemas import REPORTS_SCHEMA

__all__ = ["columns_of_reports"]

_KINDS: Final = {"string": 0, "number": 1, "time": 1, "integer": 2, "bool": 3, "strings": 4, "object": 4}
"""As ``compiled/reports.c`` numbers them; 4: not taken."""
MOST_FIELDS: Final = 32


class _Field(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("name_length", ctypes.c_int32),
        ("kind", ctypes.c_int32),
        ("longest", ctypes.c_int32),
        ("is_required", ctypes.c_int32),
        ("least", ctypes.c_double),
        ("most", ctypes.c_double),
        ("choices", ctypes.c_char_p),
    )


class _Columns(ctypes.Structure):
    _fields_ = (
        ("start", ctypes.c_void_p),
        ("length", ctypes.c_void_p),
        ("number", ctypes.c_void_p),
        ("is_used", ctypes.c_void_p),
        ("room", ctypes.c_int64),
    )


@lru_cache(maxsize=1)
def _fields() -> Any:
    def described(field: Field) -> _Field:
        choices = "".join(f"{choice}\n" for choice in field.choices).encode() if field.choices else None
        return _Field(
            field.name.encode(), len(field.name), _KINDS[field.kind], field.max_length, field.required,
            field.minimum, field.maximum, choices,
        )  # fmt: skip

    assert len(FIELDS) <= MOST_FIELDS, "compiled/reports.c marks the fields of a report in 32 bits"
    return (_Field * len(FIELDS))(*map(described, FIELDS))


def columns_of_reports(places: Places) -> tuple[dict[str, pa.Array], Bools] | None:
    """Columns of the reports that are taken, in order and by field, and which they are; ``None`` without the library.

    Those are taken that are written in ASCII without escapes, with the time as a number, without ``security`` and
    ``details``, each field once, and that ``scoring.reports.validate`` takes as they are but for the characters of
    ``provider_id``. A field that none of them states may be left out.
    """
    compiled, count = library(), len(places.start)
    if compiled is None:
        return None
    room = max(count, 1)
    start, length = np.empty((len(FIELDS), room), np.int64), np.empty((len(FIELDS), room), np.int32)
    number, is_used = np.empty((len(FIELDS), room), np.float64), np.zeros(len(FIELDS), np.uint8)
    taken = np.zeros(count, np.uint8)
    columns = _Columns(pointer(start), pointer(length), pointer(number), pointer(is_used), room)
    at, size = np.ascontiguousarray(places.start, np.int64), np.ascontiguousarray(places.length, np.int32)
    rows = compiled.trustscore_reports(
        pointer(at), pointer(size), ctypes.c_int64(count), _fields(), len(FIELDS), ctypes.byref(columns),
        pointer(taken),
    )  # fmt: skip
    found = {}
    for line in np.flatnonzero(is_used).tolist():
        field = FIELDS[line]
        if field.kind == "string":
            found[field.name] = _texts(compiled, start[line, :rows], length[line, :rows])
        else:
            found[field.name] = _numbers(field, number[line, :rows])
    return found, taken.view(np.bool_)


def _texts(compiled: ctypes.CDLL, start: NDArray[np.int64], length: NDArray[np.int32]) -> pa.Array:
    rows = len(start)
    offsets = np.empty(rows + 1, np.int32)
    texts = np.empty(max(1, int(np.maximum(length, 0).sum(dtype=np.int64))), np.uint8)
    is_stated = np.empty(max(1, (rows + 7) // 8), np.uint8)
    missing = compiled.trustscore_texts(
        pointer(start), pointer(length), ctypes.c_int64(rows), pointer(offsets), pointer(texts), pointer(is_stated)
    )
    buffers = [pa.py_buffer(is_stated) if missing else None, pa.py_buffer(offsets), pa.py_buffer(texts)]
    return pa.Array.from_buffers(pa.string(), rows, buffers, null_count=missing)


def _numbers(field: Field, values: NDArray[np.float64]) -> pa.Array:
    if field.kind == "time":
        return pa.array(values.copy())
    kind = REPORTS_SCHEMA.field(field.name).type
    is_missing = np.isnan(values)
    if is_missing.any():
        return pa.array(np.where(is_missing, 0, values).astype(kind.to_pandas_dtype()), kind, mask=is_missing)
    return pa.array(values.astype(kind.to_pandas_dtype()), kind)
