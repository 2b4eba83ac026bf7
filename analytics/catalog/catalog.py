"""The catalog: built-in entries with a user's imported ones laid over them."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from analytics.catalog.entries import CATEGORIES, CatalogEntry
from analytics.catalog.errors import BadImport, Fault
from analytics.catalog.formats import parse, read
from analytics.catalog.search import matching

if TYPE_CHECKING:
    from analytics.catalog.store import Store

__all__ = ["BUILTIN_FILES", "Catalog", "ImportResult", "builtin_entries"]

BUILTIN_FILES: Final = ("listed_servers.csv", "docker_servers.csv")
_DATABASE_FILE: Final = "catalog.db"


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What an import did, in entries; ``skipped`` holds the faults of those left out."""

    file: str
    added: int
    replaced: int
    unchanged: int
    superseded: int
    """Versions in a registry's list that a newer one replaces or that were deleted."""
    skipped: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class _Index:
    """One consistent state of the catalog; swapped whole, so that other threads never see half of an import."""

    by_id: dict[str, CatalogEntry]
    by_category: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, imported: Iterable[CatalogEntry]) -> "_Index":
        merged = {entry.provider_id: entry for entry in (*builtin_entries(), *imported)}
        by_id = dict(sorted(merged.items()))
        grouped: dict[str, list[str]] = {name: [] for name in CATEGORIES}
        for entry in by_id.values():
            if entry.category is not None:
                grouped.setdefault(entry.category, []).append(entry.provider_id)
        return cls(by_id, {name: tuple(ids) for name, ids in grouped.items()})


@cache
def builtin_entries() -> tuple[CatalogEntry, ...]:
    """The entries that come with the package, checked like a user's."""
    data = files("analytics.catalog") / "data"
    found: list[CatalogEntry] = []
    for name in BUILTIN_FILES:
        content = parse((data / name).read_text("utf-8"), ".csv", name, "builtin")
        if content.faults:
            raise BadImport(content.faults)
        found += content.entries
    return tuple(found)


class Catalog:
    """What is known about providers. A snapshot: imports by other processes appear after ``reload``."""

    def __init__(self, data_dir: Path, database_url: str | None) -> None:
        self._data_dir, self._database_url = data_dir, database_url
        self._index = _Index.of(self._imported())

    @classmethod
    def open(cls, data_dir: str | Path, database_url: str | None = None) -> "Catalog":
        """The catalog of an installation.

        Parameters
        ----------
        data_dir
            Directory of ``catalog.db``, which the first import creates; reading needs neither.
        database_url
            SQLAlchemy address of another database for imported entries, SQLite or PostgreSQL.

        Raises
        ------
        BadDatabaseUrl, StoreFailed
            When the address cannot be used, or the database cannot be read.
        """
        return cls(Path(data_dir), database_url)

    def __len__(self) -> int:
        return len(self._index.by_id)

    def get(self, provider_id: str) -> CatalogEntry | None:
        """The entry of a provider; ``None`` when the catalog does not know it."""
        return self._index.by_id.get(provider_id)

    def all(self) -> tuple[CatalogEntry, ...]:
        """All entries in the order of their ids."""
        return tuple(self._index.by_id.values())

    def search(
        self, text: str = "", task_type: str | None = None, category: str | None = None, limit: int | None = None
    ) -> list[CatalogEntry]:
        """The entries that fulfil every condition given, best first (see ``matching``), at most ``limit``."""
        return matching(self._index.by_id.values(), text, task_type, category)[:limit]

    def peers(self, provider_id: str) -> tuple[str, ...]:
        """Ids of the other providers of its category; none for an unknown provider or one without a category."""
        index = self._index
        entry = index.by_id.get(provider_id)
        if entry is None or entry.category is None:
            return ()
        return tuple(other for other in index.by_category[entry.category] if other != provider_id)

    def categories(self) -> dict[str, int]:
        """How many providers each category holds, all categories of the closed list in their order."""
        return {name: len(ids) for name, ids in self._index.by_category.items()}

    def reload(self) -> None:
        """Take up what other processes imported since."""
        self._index = _Index.of(self._imported())

    def import_file(self, path: str | Path, skip_bad: bool = False, category: str | None = None) -> ImportResult:
        """Add a file's entries, replacing those of the same id; they outlast the process.

        Parameters
        ----------
        path
            A ``.csv``, ``.json``, ``.jsonl`` or ``.ndjson`` file of entries or of registry ``server.json`` objects.
        skip_bad
            Leave unusable entries out and list them. Otherwise one of them keeps the whole file out.
        category
            For entries that state none (the registry's format knows no categories).

        Raises
        ------
        BadImport
            With every fault of the file, when nothing was imported.
        StoreFailed
            When the database could not be written; then nothing was.
        """
        if category is not None and category not in CATEGORIES:
            wanted = f"one of {', '.join(CATEGORIES)}"
            raise BadImport([Fault("import", "", "category", wanted, repr(category), "choose one or leave it out")])
        content = read(Path(path))
        if content.faults and not (skip_bad and content.entries):
            raise BadImport(content.faults)
        entries = [replace(entry, category=entry.category or category) for entry in content.entries]
        known = [self.get(entry.provider_id) for entry in entries]
        self._store().upsert(entries)
        self.reload()
        added = known.count(None)
        unchanged = sum(old == new for old, new in zip(known, entries, strict=True))
        return ImportResult(
            file=str(path),
            added=added,
            replaced=len(entries) - added - unchanged,
            unchanged=unchanged,
            superseded=content.superseded,
            skipped=tuple(content.faults),
        )

    def _imported(self) -> list[CatalogEntry]:
        # Asked here too, so that a catalog without imports never loads the database library.
        if self._database_url is None and not (self._data_dir / _DATABASE_FILE).exists():
            return []
        return self._store().read()

    def _store(self) -> "Store":
        # SQLAlchemy costs 0.7 s and 42 MB to import; a catalog without imports needs none of it.
        from analytics.catalog.store import Store

        if self._database_url is not None:
            return Store(self._database_url)
        return Store.of_file(self._data_dir / _DATABASE_FILE)
