"""Which values of a column a field of a report may have."""

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scoring.reports import DETAILS_BYTES, Field

__all__ = ["fits", "is_object"]


def fits(field: Field, column: pa.Array) -> NDArray[np.bool_]:
    """Which rows are within bounds, [len(column)]; null fits where the field is optional."""
    if column.null_count == len(column):
        return np.full(len(column), not field.required)
    good = np.ones(len(column), bool)
    if field.kind in ("number", "integer"):
        values = np.asarray(column.cast(pa.float64(), safe=False).to_numpy(zero_copy_only=False))
        good = (values >= field.minimum) & (values <= field.maximum)
    elif field.kind == "strings":
        known = pc.is_in(column.flatten(), pa.array(field.choices)).to_numpy(zero_copy_only=False)
        good[pc.list_parent_indices(column).to_numpy()[~known]] = False
    elif field.kind == "object":
        good = np.array([text is None or is_object(text) for text in column.to_pylist()])
    elif field.choices:
        good = pc.is_in(column, pa.array(field.choices)).to_numpy(zero_copy_only=False)
    elif field.kind == "string":
        length = pc.utf8_length(column).fill_null(1).to_numpy(zero_copy_only=False)
        good = (length >= 1) & (length <= field.max_length)
    if not column.null_count:
        return np.asarray(good, bool)
    present = column.is_valid().to_numpy(zero_copy_only=False)
    return np.asarray(good & present if field.required else good | ~present, bool)


def is_object(text: str) -> bool:
    """Whether a text is a JSON object that is not too large for ``details``."""
    try:
        return len(text.encode()) <= DETAILS_BYTES and isinstance(msgspec.json.decode(text), dict)
    except (msgspec.MsgspecError, RecursionError):
        return False
