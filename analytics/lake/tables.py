"""The Delta side: which files make up each table of a lake, and whether they are what a worker writes."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from analytics.lake.errors import NoLake, UnreadableTable
from analytics.lake.views import TABLES

__all__ = ["TableState", "check_path", "data_files", "newest", "open_table", "schema_of", "state_of"]

_ARROW: Final = {
    "string": pa.string(), "int32": pa.int32(), "int64": pa.int64(), "float64": pa.float64(), "bool": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"), "date": pa.date32(), "binary": pa.binary(),
    "list<string>": pa.list_(pa.string()), "list<int32>": pa.list_(pa.int32()), "list<int64>": pa.list_(pa.int64()),
}  # fmt: skip
_GLOB: Final = frozenset("*?[")


class TableState(NamedTuple):
    """What of a table is being read."""

    name: str
    version: int | None
    """Of the Delta table; absent while nothing has been written."""
    files: int
    size_bytes: int
    rows: int


def schema_of(columns: Mapping[str, str]) -> pa.Schema:
    """Arrow schema of a table of ``scoring.tables``."""
    return pa.schema([(name, _ARROW[kind]) for name, kind in columns.items()])


def check_path(path: str) -> str:
    if "://" in path:
        return path
    directory = Path(path)
    if not directory.is_dir():
        raise NoLake(path, "there is a file of that name" if directory.exists() else "there is no such directory")
    if _GLOB & set(path):
        raise NoLake(path, "DuckDB takes * ? [ in a path for a pattern")
    found = sorted(entry.name for entry in directory.iterdir() if not entry.name.startswith("."))
    if found and not any((directory / name / "_delta_log").is_dir() for name in TABLES):
        inside = f"{', '.join(found[:3])}{', …' if len(found) > 3 else ''}"
        raise NoLake(path, "it is one table of a lake" if "_delta_log" in found else f"it holds {inside}")
    return path


def open_table(path: str, name: str) -> DeltaTable | None:
    """The Delta table ``name`` of the lake, ``None`` while nobody has written to it.

    Raises
    ------
    UnreadableTable
        When its log cannot be read.
    """
    uri = f"{path.rstrip('/')}/{name}"
    try:
        return DeltaTable(uri) if DeltaTable.is_deltatable(uri) else None
    except (DeltaError, OSError, ValueError) as error:
        raise _bad_log(name, path, error) from None


def newest(path: str, name: str, known: DeltaTable | None) -> DeltaTable | None:
    """The table at its newest version; one opened before is only brought up to date."""
    if known is not None:
        try:
            known.update_incremental()
        except (DeltaError, OSError):  # made anew since: read it from the start
            return open_table(path, name)
        return known
    delta = open_table(path, name)
    if delta is not None:
        _check_columns(path, name, delta)
    return delta


def _check_columns(path: str, name: str, delta: DeltaTable) -> None:
    got = pa.schema(delta.schema().to_arrow())
    for field in schema_of(TABLES[name]):
        at = got.get_field_index(field.name)
        if at < 0 or _plain(got.field(at).type) != _plain(field.type):
            what = f"column {field.name} is {got.field(at).type if at >= 0 else 'missing'}, wanted {field.type}"
            raise UnreadableTable(name, path, what, "another program wrote it: give a lake that a worker writes")


def _plain(kind: pa.DataType) -> str:
    """Name of a type without the spelling differences of Arrow writers."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"list<{_plain(kind.value_type)}>"
    return str(kind).replace("large_", "").replace("_view", "")


def data_files(delta: DeltaTable, day: date | None = None) -> list[str]:
    """Parquet files of the table (of one day), as DuckDB opens them."""
    uris = (
        delta.file_uris() if day is None else delta.file_uris(file_pruning_predicate=[("date", "=", day.isoformat())])
    )
    # deltalake percent-encodes local paths too.
    is_local = "://" not in delta.table_uri or delta.table_uri.startswith("file:")
    return [unquote(uri) for uri in uris] if is_local else uris


def state_of(name: str, delta: DeltaTable | None) -> tuple[TableState, list[str]]:
    if delta is None:
        return TableState(name, None, 0, 0, 0), []
    actions = pa.table(delta.get_add_actions(flatten=True))
    sizes, rows = actions["size_bytes"].to_pylist(), actions["num_records"].to_pylist()
    files = data_files(delta)
    return TableState(name, delta.version(), len(files), sum(sizes), sum(count or 0 for count in rows)), files


def _bad_log(name: str, path: str, error: Exception) -> UnreadableTable:
    step = "put its _delta_log back from a backup, or write the lake anew by replaying trust.reports"
    return UnreadableTable(name, path, str(error).splitlines()[0], step)
