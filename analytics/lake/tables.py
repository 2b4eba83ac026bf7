"""The Delta side: which files make up each table of a lake, and whether they are what a worker writes."""

import json
import re
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from analytics.lake.address import is_remote, storage_options, table_address
from analytics.lake.errors import UnreadableTable
from analytics.lake.views import TABLES

__all__ = [
    "KEPT_SINCE",
    "TableState",
    "data_files",
    "kept_since",
    "newest",
    "open_table",
    "place_of",
    "schema_of",
    "sizes_of",
    "state_of",
]

KEPT_SINCE: Final = "trustscore-kept-since"
"""Name of the transaction whose version is the first day kept, in days since 1970: it outlives every checkpoint."""
_PICTURE: Final = re.compile("\x1b\\[[0-9]*m|↳|   \\d+: [^\n]*")
"""What deltalake draws around its sentences."""
_ARROW: Final = {
    "string": pa.string(), "int32": pa.int32(), "int64": pa.int64(), "float64": pa.float64(), "bool": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"), "date": pa.date32(), "binary": pa.binary(),
    "list<string>": pa.list_(pa.string()), "list<int32>": pa.list_(pa.int32()), "list<int64>": pa.list_(pa.int64()),
}  # fmt: skip


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


def open_table(path: str, name: str) -> DeltaTable | None:
    """The Delta table ``name`` of the lake, ``None`` while nobody has written to it.

    Raises
    ------
    UnreadableTable
        When its log cannot be read.
    """
    uri, options = table_address(path, name), storage_options(path)
    try:
        return DeltaTable(uri, storage_options=options)
    except TableNotFoundError:
        return None
    except (DeltaError, OSError, ValueError) as error:
        before = None if is_remote(path) else _before_cut_head(Path(uri))
        if before is None:
            raise _bad_log(name, path, error) from None
        return DeltaTable(uri, version=before)


def _before_cut_head(table: Path) -> int | None:
    """Version before the last log entry, where that is only half there: its writer died, and no commit follows it.

    The next worker to write sets that entry aside; until then nothing newer than this version was ever acknowledged.
    """
    versions = {int(entry.stem): entry for entry in (table / "_delta_log").glob(f"{'[0-9]' * 20}.json")}
    last = max(versions, default=0)
    if last == 0:
        return None
    try:
        json.loads(versions[last].read_bytes().rstrip(b"\n").rpartition(b"\n")[2])
    except ValueError:
        return last - 1
    except OSError:  # set aside just now
        return None
    return None


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


def place_of(path: str) -> str:
    """Partition and name of a data file: the same from Delta's log and from ``data_files``. Two days may share a name.

    >>> place_of("file:///lake/panes/date=2026-11-16/a.parquet"), place_of("date=2026-11-16/a.parquet")
    ('date=2026-11-16/a.parquet', 'date=2026-11-16/a.parquet')
    """
    return "/".join(unquote(path).rsplit("/", 2)[-2:])


def state_of(name: str, delta: DeltaTable | None) -> tuple[TableState, list[str]]:
    if delta is None:
        return TableState(name, None, 0, 0, 0), []
    actions = pa.table(delta.get_add_actions(flatten=True))
    sizes, rows = actions["size_bytes"].to_pylist(), actions["num_records"].to_pylist()
    files = data_files(delta)
    return TableState(name, delta.version(), len(files), sum(sizes), sum(count or 0 for count in rows)), files


def sizes_of(delta: DeltaTable) -> dict[str, int]:
    """Bytes of each Parquet file of the table, by its address."""
    actions = pa.table(delta.get_add_actions(flatten=True))
    paths, sizes = actions["path"].to_pylist(), actions["size_bytes"].to_pylist()
    return {f"{delta.table_uri.rstrip('/')}/{path}": size for path, size in zip(paths, sizes, strict=True)}


def kept_since(delta: DeltaTable) -> date | None:
    """First day that retention has kept; None when it has taken nothing out yet."""
    days = delta.transaction_version(KEPT_SINCE)
    return None if days is None else date(1970, 1, 1) + timedelta(days=days)


def _bad_log(name: str, path: str, error: Exception) -> UnreadableTable:
    if is_remote(path):
        step = "look at the object store, its address and its credentials (AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, …)"
    else:
        step = "put its _delta_log back from a backup, or write the lake anew by replaying trust.reports"
    said = " ".join(_PICTURE.sub("", str(error)).split("Debug source")[0].split()[:40])
    return UnreadableTable(name, path, said, step)
