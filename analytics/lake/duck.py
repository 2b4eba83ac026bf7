"""In-memory DuckDB databases that can read the files of a lake, wherever it is."""

from collections.abc import Mapping
from typing import Any, Final, Protocol

import duckdb

from analytics.lake.address import is_remote

__all__ = ["Files", "duck", "remote_files"]

_OFFLINE: Final[dict[str, Any]] = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}


class Files(Protocol):
    """Files of a lake that are not local."""

    def know(self, sizes: Mapping[str, int]) -> None:
        """Remember sizes by address: nobody has to ask for them."""


def remote_files(path: str) -> Files | None:
    """How DuckDB reads the files of the lake; None for a directory, whose files it opens itself."""
    if not is_remote(path):
        return None
    # Imported here: a lake in a directory needs neither of the two packages that it brings in.
    from analytics.lake.object_store import ObjectFiles

    return ObjectFiles(path)


def duck(files: Files | None, threads: int | None = None) -> duckdb.DuckDBPyConnection:
    """A database that reads a lake's files; times are UTC, nothing is ever downloaded.

    Parameters
    ----------
    files
        From ``remote_files``.
    threads
        How many it may use; absent: one a core.
    """
    con = duckdb.connect(config=_OFFLINE | ({} if threads is None else {"threads": threads}))
    con.execute("set global timezone = 'UTC'")
    if files is not None:
        con.register_filesystem(files)
        con.execute("set parquet_metadata_cache = true")
    return con
