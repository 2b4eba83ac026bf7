"""Files of a table changed as one: some replaced by one, or taken out. A writer's appends go on beside it."""

import json
import time
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.fs
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import CommitFailedError
from deltalake.fs import DeltaStorageHandler
from deltalake.transaction import AddAction, RemoveAction

from analytics.lake.address import storage_options
from analytics.lake.duck import duck, remote_files
from analytics.lake.errors import UnreadableTable
from analytics.lake.tables import data_files, place_of, schema_of, sizes_of
from analytics.lake.views import TABLES, literals

__all__ = ["SOURCE", "DataFile", "files_by_day", "remove", "replace", "storage_of"]

SOURCE: Final = "{files}"
"""Stands for the rows of the files to be replaced, in the query that says what takes their place."""
_ROWS_A_BATCH: Final = 100_000


class DataFile(NamedTuple):
    """A Parquet file of a table."""

    path: str
    """Relative, as Delta's log names it."""
    size_bytes: int
    rows: int


def files_by_day(table: DeltaTable) -> dict[date, list[DataFile]]:
    """Files of the table, at the version it is open at, by the day they hold."""
    actions = pa.table(table.get_add_actions(flatten=True))
    columns = ("path", "size_bytes", "num_records", "partition.date")
    found: dict[date, list[DataFile]] = defaultdict(list)
    for path, size_bytes, rows, day in zip(*(actions[name].to_pylist() for name in columns), strict=True):
        found[day].append(DataFile(path, size_bytes, rows or 0))
    return found


def replace(
    table: DeltaTable,
    name: str,
    day: date,
    files: Sequence[DataFile],
    sql: str,
    prefix: str = "part-",
    threads: int | None = None,
) -> None:
    """Write the rows of a query to one file and put it in the place of ``files``, all or nothing.

    Whoever dies in between has left a file that no version names; a vacuum takes it away.

    The commit says that data changed even where only files did. deltalake 1.6.6 looks for files that another commit
    removed only then: two of its own ``optimize`` calls that started from one version both commit, and every row is
    there twice.

    Parameters
    ----------
    table, name, day
        Whose files they are.
    files
        To be replaced.
    sql
        A query; ``SOURCE`` in it stands for the rows of ``files``.
    prefix
        How the name of the new file begins.
    threads
        DuckDB may use; absent: one a core.

    Raises
    ------
    CommitFailedError
        When files of ``table``, at the version it is open at, were replaced by others since.
    UnreadableTable
        When one of the files is missing or damaged.
    """
    storage = storage_of(table)
    target = f"date={day.isoformat()}/{prefix}{uuid.uuid4()}.parquet"
    try:
        count = _write(table, storage, target, sql.replace(SOURCE, _parquet(table, files)), TABLES[name], threads)
    except duckdb.Error as error:
        if ".parquet" not in str(error):
            raise
        step = "put the file back from a backup; the other days are compacted all the same"
        raise UnreadableTable(name, table.table_uri, str(error).splitlines()[0], step) from None
    where: dict[str, str | None] = {"date": day.isoformat()}
    stats = json.dumps({"numRecords": count})
    size_bytes, now_ms = storage.get_file_info(target).size, time.time_ns() // 1_000_000
    actions: list[AddAction | RemoveAction] = [AddAction(target, size_bytes, where, now_ms, True, stats)]
    actions += _removals(day, files, now_ms)
    try:
        table.create_write_transaction(actions, "append", table.schema(), ["date"])
    except CommitFailedError:
        storage.delete_file(target)
        raise


def remove(table: DeltaTable, files: Mapping[date, Sequence[DataFile]], mark: tuple[str, int]) -> None:
    """Take files out of the table, together with a transaction that says so: its name and version.

    Raises
    ------
    CommitFailedError
        When some of them were replaced by others since, or somebody else did the same.
    """
    now_ms = time.time_ns() // 1_000_000
    actions: list[AddAction | RemoveAction] = [
        action for day, gone in files.items() for action in _removals(day, gone, now_ms)
    ]
    said = CommitProperties(app_transactions=[Transaction(*mark)])
    table.create_write_transaction(actions, "append", table.schema(), ["date"], commit_properties=said)


def storage_of(table: DeltaTable) -> pa.fs.FileSystem:
    """The files of the table, by their relative paths."""
    return pa.fs.PyFileSystem(DeltaStorageHandler(table.table_uri, storage_options(table.table_uri)))


def _removals(day: date, files: Iterable[DataFile], now_ms: int) -> list[RemoveAction]:
    where: dict[str, str | None] = {"date": day.isoformat()}
    return [RemoveAction(file.path, True, now_ms, file.size_bytes, where) for file in files]


def _parquet(table: DeltaTable, files: Sequence[DataFile]) -> str:
    wanted = {place_of(file.path) for file in files}
    paths = [path for path in data_files(table) if place_of(path) in wanted]
    return f"read_parquet({literals(paths)}, hive_partitioning = false, union_by_name = true)"


def _write(
    table: DeltaTable,
    storage: pa.fs.FileSystem,
    target: str,
    sql: str,
    columns: Mapping[str, str],
    threads: int | None,
) -> int:
    """Write what a query gives to one Parquet file; how many rows that were."""
    types = schema_of(columns)
    count = 0
    remote = remote_files(table.table_uri)
    if remote is not None:
        remote.know(sizes_of(table))
    with duck(remote, threads) as con:
        reader = con.sql(sql).to_arrow_reader(_ROWS_A_BATCH)
        # A column this version does not know was written by a newer one: it stays as it is.
        schema = pa.schema(
            [types.field(field.name) if field.name in types.names else field for field in pa.schema(reader.schema)]
        )
        with storage.open_output_stream(target) as out, pq.ParquetWriter(out, schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_table(pa.Table.from_batches([batch]).cast(schema))
                count += len(batch)
    return count
