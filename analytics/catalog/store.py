"""Imported entries in a database: SQLite by default, PostgreSQL where an address says so."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from sqlalchemy import JSON, Column, Connection, Engine, MetaData, String, Table, create_engine, inspect, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, IntegrityError, NoSuchModuleError, ProgrammingError, SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlalchemy.schema import CreateTable

from analytics.catalog.entries import COLUMNS, CatalogEntry
from analytics.catalog.errors import BadDatabaseUrl, StoreFailed, shown

__all__ = ["Store"]

_LOCK_WAIT_S: Final = 30
"""How long a process waits for another one that writes the same SQLite file."""

_ENTRIES: Final = Table(
    "catalog_entries",
    MetaData(),
    Column("provider_id", String(200), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("task_types", JSON, nullable=False),
    Column("category", String(100)),
    Column("source", String(500)),
    Column("endpoint", String(500)),
)


class Store:
    """The imported entries of one installation; every method opens and closes its own connection."""

    def __init__(self, database_url: str | URL) -> None:
        try:
            self._url = make_url(database_url)
            backend = self._url.get_backend_name()
            if backend not in ("sqlite", "postgresql") or not self._url.database:
                raise BadDatabaseUrl(self._url.render_as_string())
            self._file = Path(self._url.database) if backend == "sqlite" else None
            options = {"timeout": _LOCK_WAIT_S} if self._file else {}
            # A pool would keep files open between calls that may lie hours apart.
            self._engine: Engine = create_engine(self._url, poolclass=NullPool, connect_args=options)
        except (ArgumentError, NoSuchModuleError):
            raise BadDatabaseUrl(shown(str(database_url).rpartition("@")[2])) from None
        except ModuleNotFoundError as error:
            raise BadDatabaseUrl(f"{self._url.render_as_string()}, whose driver {error.name} is absent") from None

    @classmethod
    def of_file(cls, path: Path) -> "Store":
        """The store in a SQLite file, which need not exist yet."""
        return cls(URL.create("sqlite", database=str(path)))

    def read(self) -> list[CatalogEntry]:
        """All imported entries in the order of their ids; none when nothing was ever imported."""
        if self._file is not None and not self._file.exists():
            return []
        with self._failing_as("read"), self._engine.connect() as connection:
            if not inspect(connection).has_table(_ENTRIES.name):
                return []
            rows = connection.execute(select(_ENTRIES).order_by(_ENTRIES.c.provider_id)).mappings()
            return [_entry(dict(row)) for row in rows]

    def upsert(self, entries: Iterable[CatalogEntry]) -> None:
        """Insert or replace the entries by id, all or none; processes may do so at once."""
        # One order for everybody: two writers of the same ids cannot wait for each other.
        rows = [_row(entry) for entry in sorted(entries, key=lambda entry: entry.provider_id)]
        with self._failing_as("written"):
            self._create_table()
            with self._engine.begin() as connection:
                _upsert_rows(connection, rows)

    def _create_table(self) -> None:
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
        try:
            with self._engine.begin() as connection:
                connection.execute(CreateTable(_ENTRIES, if_not_exists=True))
        except (IntegrityError, ProgrammingError):
            # PostgreSQL's IF NOT EXISTS loses a race against another process that creates the table just now.
            if not inspect(self._engine).has_table(_ENTRIES.name):
                raise

    @contextmanager
    def _failing_as(self, action: str) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            reason = " ".join(str(getattr(error, "orig", None) or error).split())
            raise StoreFailed(action, self._url.render_as_string(), reason) from error
        except OSError as error:
            raise StoreFailed(action, self._url.render_as_string(), error.strerror or str(error)) from error


def _upsert_rows(connection: Connection, rows: list[dict[str, Any]]) -> None:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    statement = insert(_ENTRIES)
    replaced = {name: statement.excluded[name] for name in COLUMNS if name != "provider_id"}
    connection.execute(statement.on_conflict_do_update(index_elements=["provider_id"], set_=replaced), rows)


def _row(entry: CatalogEntry) -> dict[str, Any]:
    return {**{name: getattr(entry, name) for name in COLUMNS}, "task_types": list(entry.task_types)}


def _entry(row: dict[str, Any]) -> CatalogEntry:
    return CatalogEntry(**{**row, "task_types": tuple(row["task_types"])}, origin="import")
