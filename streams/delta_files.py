"""Data files of a Delta table, written by Arrow: deltalake's own writer takes three times as long for the same rows."""

import json
import time
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.fs
import pyarrow.parquet as pq
from deltalake import DeltaTable
from deltalake.fs import DeltaStorageHandler
from deltalake.transaction import AddAction

__all__ = ["storage_of", "write_files"]

COMPRESSION: Final = "snappy"
LONGEST: Final = 64
"""Characters of a text up to which it is named as a bound: entries of the log are read by everybody."""


def storage_of(table: DeltaTable, root: Path | None, options: dict[str, str] | None) -> pa.fs.FileSystem:
    """Where paths are those in a table's log: of the directory ``root``, or of an object store with its options."""
    if root is None:
        return pa.fs.PyFileSystem(DeltaStorageHandler.from_table(table._table, options))
    return pa.fs.SubTreeFileSystem(str(root), pa.fs.LocalFileSystem())


def write_files(
    storage: pa.fs.FileSystem, rows: pa.Table, partition_by: str, plain: Collection[str] = ()
) -> list[AddAction]:
    """Write rows as Parquet files, one for each value of ``partition_by``; entries of the log that would add them.

    Parameters
    ----------
    storage
        As ``storage_of`` gives it. What is written there and not added is no part of the table.
    rows
        With all columns of the table.
    partition_by
        Its partition column, of dates; not in the files but in their path.
    plain
        Columns whose values hardly repeat: no dictionary is made of them.

    Raises
    ------
    OSError
        When the storage does not take them.
    """
    return [_written(storage, {partition_by: value}, part, plain) for value, part in _parts(rows, partition_by)]


def _parts(rows: pa.Table, name: str) -> Iterator[tuple[str, pa.Table]]:
    """Rows by the value of a column, without it."""
    values, others = rows[name], rows.drop_columns(name)
    distinct = pc.unique(values)
    for value in distinct:
        yield str(value), others if len(distinct) == 1 else others.filter(pc.equal(values, value))


def _written(
    storage: pa.fs.FileSystem, where: Mapping[str, str | None], rows: pa.Table, plain: Collection[str]
) -> AddAction:
    place = "/".join(f"{name}={value}" for name, value in where.items())
    path = f"{place}/part-{uuid.uuid4()}.{COMPRESSION}.parquet"
    is_local = isinstance(storage, pa.fs.SubTreeFileSystem)
    if is_local:
        storage.create_dir(place, recursive=False)  # not its parents: a lake that is gone is not made again
    try:
        with storage.open_output_stream(path) as out:
            footer = _write(rows, out, [name for name in rows.column_names if name not in plain])
    except BaseException:
        if is_local:  # a piece stays on a disk that may be full; an object store keeps none, and may be out of reach
            with suppress(OSError):
                storage.delete_file(path)
        raise
    size = storage.get_file_info(path).size
    return AddAction(path, size, where, time.time_ns() // 1_000_000, True, _stats(footer))


def _write(rows: pa.Table, out: pa.NativeFile, dictionary: Sequence[str]) -> pq.FileMetaData:
    """Write one file; its footer.

    ``pq.write_table`` would collect that, but it asks for it also where writing failed, and its RuntimeError hides why.
    """
    with pq.ParquetWriter(out, rows.schema, compression=COMPRESSION, use_dictionary=dictionary) as writer:
        writer.write_table(rows)
    return writer.writer.metadata


def _stats(footer: pq.FileMetaData) -> str:
    """Rows, bounds and numbers of nulls by column, as the Delta protocol has them (Per-file Statistics)."""
    least: dict[str, Any] = {}
    most: dict[str, Any] = {}
    nulls: dict[str, int] = {}
    for number in range(footer.num_columns):
        groups = [footer.row_group(group).column(number) for group in range(footer.num_row_groups)]
        name = groups[0].path_in_schema
        known = [group.statistics for group in groups]
        if "." in name or not all(known):
            continue
        if all(one.has_null_count for one in known):
            nulls[name] = sum(one.null_count for one in known)
        bounds = [one for one in known if one.has_min_max]
        if bounds and len(bounds) == sum(one.num_values > 0 for one in known):
            lower, upper = _plain(min(one.min for one in bounds)), _plain(max(one.max for one in bounds))
            if lower is not None and upper is not None:
                least[name], most[name] = lower, upper
    return json.dumps({"numRecords": footer.num_rows, "minValues": least, "maxValues": most, "nullCount": nulls})


def _plain(bound: Any) -> Any:
    """A bound for the log; ``None`` for one that has none there. Times end with the millisecond, as readers expect."""
    if isinstance(bound, bytes) or (isinstance(bound, str) and len(bound) > LONGEST):
        return None
    if isinstance(bound, datetime):
        return f"{bound:%Y-%m-%dT%H:%M:%S}.{bound.microsecond // 1_000:03}Z"
    return bound
