"""The DuckDB side: an in-memory database whose views read the files of a lake."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any, Self, TypeVar

import duckdb
import pyarrow as pa
from deltalake import DeltaTable

from analytics.lake.address import check_path
from analytics.lake.duck import duck, remote_files
from analytics.lake.errors import NoLake, UnreadableTable
from analytics.lake.tables import TableState, kept_since, newest, sizes_of, state_of
from analytics.lake.views import DERIVED, TABLES, base_view

__all__ = ["Lake", "connect", "refresh"]

_T = TypeVar("_T")


class Lake:
    """A lake being read: the views of one in-memory DuckDB database, at the table versions of the last refresh.

    Threads may share it: each question runs on a cursor of its own.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = check_path(str(path))
        self._files = remote_files(self.path)
        self.connection = duck(self._files)
        self._delta: dict[str, DeltaTable] = {}
        self._states: dict[str, TableState] = {}
        self._lock = threading.Lock()
        self.refresh()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the DuckDB database."""
        self.connection.close()

    def refresh(self) -> bool:
        """Let the views see what was committed since; whether anything was. A few milliseconds when nothing was.

        Raises
        ------
        UnreadableTable
            When a table's log or columns are not what a worker writes.
        """
        with self._lock:
            changed = [name for name in TABLES if self._update(name)]
            if changed:
                _publish(self.connection, self.path, self._states)
            return bool(changed)

    def rows(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Rows of one query. Asked again, refreshed, when a file was compacted away.

        Raises
        ------
        UnreadableTable
            When a file is missing or damaged.
        """
        return self._retried(lambda cursor: cursor.execute(sql, parameters).fetchall())

    def table(self, sql: str, parameters: Mapping[str, Any]) -> pa.Table:
        """The same as an Arrow table."""
        return self._retried(lambda cursor: cursor.sql(sql, params=parameters).to_arrow_table())

    def states(self) -> list[TableState]:
        """What of each table is being read."""
        return [self._states[name] for name in TABLES]

    def committed(self, table: str, topic: str, partitions: Sequence[int]) -> dict[int, int | None]:
        """Last offset of ``topic`` that the table holds, by partition, as its writers committed it with the rows."""
        delta = self._delta.get(table)
        if delta is None:
            return dict.fromkeys(partitions)
        return {partition: delta.transaction_version(f"{topic}-{partition}") for partition in partitions}

    def kept_since(self, table: str) -> date | None:
        """First day that retention has kept of a table; None when it has taken nothing out."""
        delta = self._delta.get(table)
        return None if delta is None else kept_since(delta)

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A cursor on the views, with temporary tables of its own, for work of several statements.

        Raises
        ------
        UnreadableTable
            When a file is missing or damaged.
        """
        try:
            with self.connection.cursor() as cursor:
                yield cursor
        except duckdb.Error as error:
            if not _is_about_a_file(error):
                raise
            raise _unreadable(self.path, error) from None

    def _retried(self, ask: Callable[[duckdb.DuckDBPyConnection], _T]) -> _T:
        try:
            return self._ask(ask)
        except duckdb.Error as first:
            if not _is_about_a_file(first):
                raise
            self.refresh()
        try:
            return self._ask(ask)
        except duckdb.Error as again:
            if not _is_about_a_file(again):
                raise
            raise _unreadable(self.path, again) from None

    def _ask(self, ask: Callable[[duckdb.DuckDBPyConnection], _T]) -> _T:
        with self.connection.cursor() as cursor:
            return ask(cursor)

    def _update(self, name: str) -> bool:
        known = self._states.get(name)
        delta = newest(self.path, name, self._delta.get(name))
        if delta is None:
            self._delta.pop(name, None)
        else:
            self._delta[name] = delta
        if known and known.version == (delta.version() if delta else None):
            return False
        state, files = state_of(name, delta)
        if self._files is not None and delta is not None:
            self._files.know(sizes_of(delta))
        self._states[name] = state
        _create_views(self.connection, self.path, name, files)
        return True


def connect(path: str | Path) -> duckdb.DuckDBPyConnection:
    """In-memory DuckDB connection with views of a lake's tables.

    Views: ``reports``, ``panes`` (a row per minute, provider, task type and region), ``pane_increments`` (its parts as
    written), ``scores`` (all emitted), ``latest_scores`` (the newest of each provider and facet), ``rejects``, and
    ``lake_tables`` (versions, files, bytes). A table nobody has written to yet is an empty view. Times are UTC.

    Parameters
    ----------
    path
        Directory of the lake.

    Raises
    ------
    NoLake
        When there is no such directory, or something else is in it.
    UnreadableTable
        When a table's log or columns are not what a worker writes.
    """
    return Lake(path).connection


def refresh(con: duckdb.DuckDBPyConnection) -> bool:
    """Let the views of a connection from ``connect`` see what was committed since; whether anything was."""
    known = {name: (path, version) for name, path, version in _published(con)}
    path = next(iter(known.values()))[0]
    states, changed = {}, False
    for name in TABLES:
        state, files = state_of(name, newest(path, name, None))
        states[name] = state
        if state.version != known[name][1]:
            _create_views(con, path, name, files)
            changed = True
    if changed:
        _publish(con, path, states)
    return changed


def _create_views(con: duckdb.DuckDBPyConnection, path: str, name: str, files: Sequence[str]) -> None:
    try:
        con.execute(base_view(name, files))
        if name in DERIVED:
            con.execute(DERIVED[name])
    except duckdb.Error as error:
        raise _unreadable(path, error, name) from None


def _publish(con: duckdb.DuckDBPyConnection, path: str, states: Mapping[str, TableState]) -> None:
    con.execute(
        "create or replace table lake_tables"
        "(name VARCHAR, path VARCHAR, version BIGINT, files BIGINT, size_bytes BIGINT, rows BIGINT)"
    )
    con.executemany(
        "insert into lake_tables values (?, ?, ?, ?, ?, ?)",
        [[state.name, path, *state[1:]] for state in states.values()],
    )


def _published(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, int | None]]:
    try:
        return con.execute("select name, path, version from lake_tables order by name limit 100").fetchall()
    except duckdb.CatalogException:
        raise NoLake("this connection", "it was not made by lake.connect") from None


def _is_about_a_file(error: duckdb.Error) -> bool:
    return ".parquet" in str(error)


def _unreadable(path: str, error: duckdb.Error, name: str = "") -> UnreadableTable:
    sentence = str(error).splitlines()[0]
    table = name or next((known for known in TABLES if f"/{known}/" in sentence), "?")
    step = "put the file back from a backup, or write the lake anew by replaying trust.reports"
    return UnreadableTable(table, path, sentence, step)
