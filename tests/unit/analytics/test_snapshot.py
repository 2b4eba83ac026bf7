"""One DuckDB file of a real lake: whole, readable by other tools, never half written."""

import json
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from analytics import lake
from analytics.cli.main import app
from analytics.lake import Lake, UnreadableTable
from analytics.snapshot import SnapshotRefused, snapshot
from tests.support.lake_maker import LakeMaker
from tests.support.sample_reports import NOW_S, sample_reports

REPORTS = sample_reports(300, seed=8)
TABLES = ("reports", "panes", "scores", "latest_scores", "rejects")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    maker = LakeMaker(tmp_path / "lake")
    maker.add([*REPORTS[:200], b"no report"], NOW_S)
    maker.add(REPORTS[200:], NOW_S + 5)
    return maker.root


def _snapshot(root: Path, file: Path, force: bool = False) -> dict[str, int]:
    with Lake(root) as opened:
        return snapshot(opened, file, force)


def test_every_table_holds_the_rows_of_its_view(root: Path, tmp_path: Path) -> None:
    rows = _snapshot(root, tmp_path / "it's.duckdb")
    con = lake.connect(root)
    with duckdb.connect(str(tmp_path / "it's.duckdb"), read_only=True) as file:
        for table in TABLES:
            query = f"select * from {table} order by all"
            wanted = con.sql(query).fetchall()
            file.execute("set timezone = 'UTC'")
            assert file.sql(query).fetchall() == wanted
            assert file.sql(query).columns == con.sql(query).columns
            assert rows[table] == len(wanted) > 0
        assert file.sql("select rows from lake_tables where name = 'reports'").fetchall() == [(300,)]


def test_the_file_has_the_format_that_every_duckdb_from_1_0_reads(root: Path, tmp_path: Path) -> None:
    _snapshot(root, tmp_path / "s.duckdb")
    header = (tmp_path / "s.duckdb").read_bytes()[:20]
    assert header[8:12] == b"DUCK"
    assert int.from_bytes(header[12:20], "little") == 64  # storage version of DuckDB 0.9 to 1.1; 2.0's own is higher


def test_a_second_snapshot_takes_the_place_of_the_first(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "s.duckdb"
    _snapshot(root, file)
    with duckdb.connect(str(file), read_only=True) as reader:
        maker = LakeMaker(root, offsets={0: 150, 1: 149})
        maker.add(REPORTS[:50], NOW_S + 9)
        assert _snapshot(root, file)["reports"] == 350
        assert reader.sql("select count(*) from reports").fetchall() == [(300,)]  # it has the old file open
    with duckdb.connect(str(file), read_only=True) as reader:
        assert reader.sql("select count(*) from reports").fetchall() == [(350,)]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lake", "s.duckdb"]


def test_a_failure_leaves_the_old_file_and_nothing_else(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "s.duckdb"
    _snapshot(root, file)
    before = file.read_bytes()
    damaged = next((root / "scores").rglob("date=*/*.parquet"))
    damaged.write_bytes(damaged.read_bytes()[:100])
    with pytest.raises(UnreadableTable, match="table scores"):
        _snapshot(root, file)
    assert file.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lake", "s.duckdb"]


def test_a_file_that_is_no_database_is_only_overwritten_by_force(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "thesis.txt"
    file.write_text("three years of work")
    with pytest.raises(SnapshotRefused, match="what is there is no DuckDB file; name another file, or say --force"):
        _snapshot(root, file)
    assert file.read_text() == "three years of work"
    assert _snapshot(root, file, force=True)["reports"] == 300


def test_a_place_that_cannot_hold_a_file_is_said_with_the_next_step(root: Path, tmp_path: Path) -> None:
    with pytest.raises(SnapshotRefused, match=r"there is no directory .*nowhere; make it first"):
        _snapshot(root, tmp_path / "nowhere" / "s.duckdb")
    with pytest.raises(SnapshotRefused, match=r"it is a directory; name a file in it: .*lake\.duckdb"):
        _snapshot(root, tmp_path)


def test_an_empty_lake_gives_empty_tables(tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    rows = _snapshot(tmp_path / "lake", tmp_path / "s.duckdb")
    assert {table: rows[table] for table in TABLES} == dict.fromkeys(TABLES, 0)


def test_the_command_writes_the_file_and_says_what_is_in_it(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "s.duckdb"
    run = CliRunner().invoke(app, ["lake", "snapshot", str(file), "--lake", str(root), "--json"])
    answer = json.loads(run.stdout)
    assert (run.exit_code, answer["rows"]["reports"], answer["size_bytes"]) == (0, 300, file.stat().st_size)
    shown = CliRunner().invoke(app, ["lake", "snapshot", str(file), "--lake", str(root)])
    assert "300 reports" in " ".join(shown.stdout.split())
    file.write_text("something else")
    refused = CliRunner().invoke(app, ["lake", "snapshot", str(file), "--lake", str(root)])
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "is no DuckDB file" in refused.stderr
