"""The database of imported entries, as a real SQLite file."""

import sqlite3
from pathlib import Path

import pytest

from analytics.catalog import BadDatabaseUrl, CatalogEntry, StoreFailed
from analytics.catalog.store import Store


def known(provider_id: str, name: str = "N") -> CatalogEntry:
    return CatalogEntry(provider_id, name, ("a", "b"), None, None, "https://x.example/mcp", "import")


def test_what_is_written_is_read_by_another_process_s_store(tmp_path: Path) -> None:
    entries = [known("a", "日本 [red]"), known("b")]
    Store.of_file(tmp_path / "deep" / "catalog.db").upsert(reversed(entries))
    assert Store.of_file(tmp_path / "deep" / "catalog.db").read() == entries


def test_an_entry_of_the_same_id_is_replaced_and_the_others_stay(tmp_path: Path) -> None:
    store = Store.of_file(tmp_path / "catalog.db")
    store.upsert([known("a"), known("b")])
    store.upsert([known("b", "new")])
    assert store.read() == [known("a"), known("b", "new")]


def test_a_file_that_does_not_exist_holds_nothing_and_is_not_made(tmp_path: Path) -> None:
    assert Store(f"sqlite:///{tmp_path}/absent.db").read() == []
    assert list(tmp_path.iterdir()) == []


def test_any_directory_name_will_do(tmp_path: Path) -> None:
    path = tmp_path / "a?b#c%20d" / "catalog.db"
    Store.of_file(path).upsert([known("a")])
    assert path.exists()


def test_a_database_without_the_table_holds_nothing(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "other.db").close()
    assert Store.of_file(tmp_path / "other.db").read() == []


def test_a_failing_row_leaves_none_of_its_file_behind(tmp_path: Path) -> None:
    store = Store.of_file(tmp_path / "catalog.db")
    store.upsert([known("a", "old")])
    with pytest.raises(StoreFailed, match="could not be written"):
        store.upsert([known("a", "new"), CatalogEntry("b", None, (), None, None, None, "import")])  # type: ignore[arg-type]
    assert store.read() == [known("a", "old")]


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    path.write_text("not a database, but long enough to have a header of its own" * 10)
    with pytest.raises(StoreFailed, match=r"could not be read at sqlite:///.*: file is not a database; check that"):
        Store.of_file(path).read()


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreFailed, match=r"could not be written at .*: Not a directory; check"):
        Store.of_file(tmp_path / "file" / "deep" / "catalog.db").upsert([known("a")])


@pytest.mark.parametrize(
    ("address", "got"),
    [
        ("nonsense", "got 'nonsense'"),
        ("mysql://me:secret@host/db", r"got mysql://me:\*\*\*@host/db"),
        ("postgresql+nodriver://me:secret@host/db", "got 'host/db'"),
        ("", "got ''"),
        ("sqlite://", "got sqlite://; correct"),
    ],
)
def test_an_unusable_address_is_told_without_its_password(address: str, got: str) -> None:
    with pytest.raises(BadDatabaseUrl, match=got) as raised:
        Store(address)
    assert "secret" not in str(raised.value)


def test_reading_leaves_no_trace_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    Store.of_file(path).upsert([known("a")])
    before = path.read_bytes()
    assert Store.of_file(path).read() == [known("a")]
    assert (path.read_bytes(), list(tmp_path.iterdir())) == (before, [path])
