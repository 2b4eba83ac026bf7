"""Rows of one provider in rolled-up hours: of a file sorted by provider, only the row groups that can hold it are read.

DuckDB takes 40 µs a row group to find the one or two that matter, of hundreds a file; here two bisections find them.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from analytics.lake.errors import UnreadableTable

__all__ = ["HourGroups", "groups_of", "rows_of"]


@dataclass(frozen=True, slots=True)
class HourGroups:
    """Where in a file the hours of each provider are. A file never changes, so this is read once."""

    path: str
    metadata: pq.FileMetaData
    firsts: list[str]
    """Provider that each row group begins with, ascending."""
    lasts: list[str]


def groups_of(path: str) -> HourGroups:
    """The row groups of a file of ``analytics.rollup``.

    Raises
    ------
    UnreadableTable
        When there is no such file, or it is damaged.
    """
    try:
        metadata = pq.read_metadata(path)
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from None
    place = metadata.schema.names.index("provider_id")
    bounds = [metadata.row_group(at).column(place).statistics for at in range(metadata.num_row_groups)]
    return HourGroups(path, metadata, [bound.min for bound in bounds], [bound.max for bound in bounds])


def rows_of(files: Sequence[HourGroups], provider_id: str, columns: Sequence[str]) -> pa.Table:
    """Columns of a provider's rows in some files, in their order; at least one file.

    Raises
    ------
    UnreadableTable
        When a file is gone or damaged.
    """
    return pa.concat_tables([_rows_in(file, provider_id, columns) for file in files])


def _rows_in(file: HourGroups, provider_id: str, columns: Sequence[str]) -> pa.Table:
    groups = range(bisect_left(file.lasts, provider_id), bisect_right(file.firsts, provider_id))
    try:
        with pq.ParquetFile(
            file.path, metadata=file.metadata, pre_buffer=False, read_dictionary=["provider_id"]
        ) as opened:
            found = opened.read_row_groups(list(groups), columns=list(columns), use_threads=False)
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(file.path, error) from None
    rows = np.flatnonzero(pc.equal(found["provider_id"], provider_id).to_numpy())
    # Sorted by provider: its rows stand together, and a slice copies none of their lists.
    return found.slice(rows[0], len(rows)) if len(rows) else found.slice(0, 0)


def _unreadable(path: str, error: Exception) -> UnreadableTable:
    step = "delete the directory hours of the lake; maintenance makes it anew from the panes"
    return UnreadableTable("hours", path, str(error).splitlines()[0], step)
