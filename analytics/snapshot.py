"""One DuckDB file with the whole lake in it, for tools that open a database and know nothing of Delta."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import duckdb

from analytics.lake import Lake, LakeError
from analytics.progress import Progress, silent

__all__ = ["STORAGE_VERSION", "SnapshotRefused", "snapshot"]

STORAGE_VERSION: Final = "v1.0.0"
"""Format of the file: every DuckDB from 1.0 on opens it (a default file of DuckDB 2 is refused by 1.5)."""
_ORDER: Final = {
    "reports": "provider_id, timestamp",
    "panes": "provider_id, pane_start",
    "scores": "provider_id, facet, as_of",
    "latest_scores": "provider_id, facet",
    "rejects": "received_at",
    "lake_tables": "name",
}
"""Tables of the file, and what their rows are sorted by: DuckDB then skips what a question is not about."""
_MAGIC: Final = b"DUCK"
_MAGIC_AT: Final = 8


class SnapshotRefused(LakeError):
    """A file that is not overwritten or cannot be written: which, why, and the next step."""

    def __init__(self, file: Path, got: str, step: str) -> None:
        self.file, self.got, self.step = file, got, step
        super().__init__(f"the snapshot cannot be written to {file}: {got}; {step}")


def snapshot(lake: Lake, file: Path, force: bool = False, progress: Progress = silent) -> dict[str, int]:
    """Write all views of the lake as tables of one DuckDB file; rows by table.

    The file is written beside its place and moved there when it is whole: a reader sees the old one or the new one.

    Parameters
    ----------
    lake
        The lake, at the versions it was refreshed to.
    file
        Its directory must exist.
    force
        Overwrite even what is no DuckDB file.
    progress
        Told the table, and how many of how many are done.

    Raises
    ------
    SnapshotRefused
        When there is something else at ``file``, or no directory to write to.
    """
    _check_place(file, force)
    rows = {}
    with _whole(file) as unfinished, lake.cursor() as cursor:
        cursor.execute(f"attach '{_escaped(unfinished)}' as snapshot_file (storage_version '{STORAGE_VERSION}')")
        try:
            for number, (table, order) in enumerate(_ORDER.items()):
                progress(table, number, len(_ORDER))
                cursor.execute(f"create table snapshot_file.{table} as select * from {table} order by {order}")
                counted = cursor.execute(f"select count(*) from snapshot_file.{table} order by all limit 1").fetchall()
                rows[table] = counted[0][0]
        finally:
            cursor.execute("detach snapshot_file")
    progress("", len(_ORDER), len(_ORDER))
    return rows


def _check_place(file: Path, force: bool) -> None:
    if not file.parent.is_dir():
        raise SnapshotRefused(file, f"there is no directory {file.parent}", "make it first")
    if file.is_dir():
        raise SnapshotRefused(file, "it is a directory", f"name a file in it: {file / 'lake.duckdb'}")
    if not file.exists() or force:
        return
    with file.open("rb") as known:
        known.seek(_MAGIC_AT)
        if known.read(len(_MAGIC)) != _MAGIC:
            raise SnapshotRefused(file, "what is there is no DuckDB file", "name another file, or say --force")


@contextmanager
def _whole(file: Path) -> Iterator[Path]:
    """A place beside ``file``; what is written there takes the place of ``file`` at the end, unless something fails."""
    unfinished = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    remains = (unfinished, unfinished.with_name(f"{unfinished.name}.wal"))
    try:
        yield unfinished
        with unfinished.open("rb+") as written:
            os.fsync(written.fileno())
        os.replace(unfinished, file)
    except (OSError, duckdb.IOException) as error:  # the lake's own come as UnreadableTable
        raise SnapshotRefused(file, str(error).splitlines()[0], "look at space and rights there") from error
    finally:
        for rest in remains:
            rest.unlink(missing_ok=True)


def _escaped(path: Path) -> str:
    return str(path).replace("'", "''")
