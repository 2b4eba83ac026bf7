"""A checked Arrow table of reports to the numpy columns that are folded."""

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from compiled.arrays import numbered
from scoring.panes import Columns, Floats, Ints
from scoring.reports import CONSISTENCY, OUTCOMES, SECURITY
from scoring.series import Series

__all__ = ["FOLDED", "columns_of"]

_NUMBERS: Final = ("latency_ms", "quality", "cost_usd", "data_age_s", "replication_lag_ms")
_FLAGS: Final = ("schema_valid", "rate_limited")
FOLDED: Final = (
    "provider_id", "task_type", "region", "timestamp", "outcome", "offset",
    *_NUMBERS, *_FLAGS, "consistency", "security",
)  # fmt: skip
"""Columns that ``columns_of`` looks at."""
_OUTCOMES, _CONSISTENCY, _SECURITY = (pa.array(words) for words in (OUTCOMES, CONSISTENCY, SECURITY))


def columns_of(table: pa.Table) -> Columns:
    """What of ``table`` (columns of ``scoring.tables.REPORTS``) is folded; columns stated by no report are left out."""
    series, names = _series(table)
    stated = {name for name in (*_NUMBERS, *_FLAGS, "consistency", "security") if table[name].null_count < len(table)}
    return Columns(
        series=series,
        names=names,
        event_us=table["timestamp"].combine_chunks().view(pa.int64()).to_numpy(),
        outcome=_code(table["outcome"], _OUTCOMES),
        offset=table["offset"].to_numpy(),
        numbers={name: table[name].to_numpy() for name in _NUMBERS if name in stated},
        flags={name: _flag(table[name]) for name in _FLAGS if name in stated},
        consistency=_code(table["consistency"], _CONSISTENCY) if "consistency" in stated else None,
        security=_security(table["security"]) if "security" in stated else None,
    )


def _series(table: pa.Table) -> tuple[Ints, Series]:
    """Number of each row's (provider, task type, region), and what the numbers stand for."""
    code = np.zeros(len(table), np.int64)
    words: list[list[str]] = []
    for name in ("provider_id", "task_type", "region"):
        column = table[name]
        if column.null_count == len(column):
            words.append([""])
            continue
        encoded = _filled(column, "").combine_chunks().dictionary_encode()
        words.append(encoded.dictionary.to_pylist())
        code = code * len(words[-1]) + encoded.indices.to_numpy()
    used, series = numbered(code)
    tasks, regions = len(words[1]), len(words[2])
    part = np.stack([used // (tasks * regions), used // regions % tasks, used % regions], axis=1)
    return series, Series((words[0], words[1], words[2]), part)


def _code(column: pa.ChunkedArray, words: pa.StringArray) -> Ints:
    """Index of each value in ``words``, -1 for null."""
    return np.asarray(_filled(pc.index_in(column, words), -1).to_numpy(), np.int64)


def _filled(column: pa.ChunkedArray, value: str | int) -> pa.ChunkedArray:
    """With a value in each gap; to look for gaps where there are none takes longer than all else for few rows."""
    return column.fill_null(value) if column.null_count else column


def _flag(column: pa.ChunkedArray) -> Floats:
    return np.asarray(column.cast(pa.uint8()).cast(pa.float64()).to_numpy(), np.float64)


def _security(column: pa.ChunkedArray) -> Ints:
    """One bit per finding, 0 for an empty list, -1 for null."""
    lists = column.combine_chunks()
    bits = np.where(lists.is_valid().to_numpy(zero_copy_only=False), 0, -1).astype(np.int64)
    found = pc.index_in(lists.flatten(), _SECURITY).to_numpy(zero_copy_only=False)
    np.bitwise_or.at(bits, pc.list_parent_indices(lists).to_numpy(), np.left_shift(1, found.astype(np.int64)))
    return bits
