"""Views over real Delta tables: what they show, when they see more, and what is said of what is no lake."""

from collections import Counter, defaultdict
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from analytics import lake
from analytics.compaction import compact
from analytics.lake import TABLES, Lake, NoLake, UnreadableTable, schema_of
from scoring.stats import BUCKET_BOUNDS_US
from tests.support.lake_maker import LakeMaker, make_lake
from tests.support.sample_reports import NOW_S, latency_us, minute_counts, sample_reports

REPORTS = sample_reports(1_200, seed=1)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of three runs, one message that is no report, a space in its path."""
    maker = LakeMaker(tmp_path_factory.mktemp("lake") / "with a space")
    maker.add([*REPORTS[:500], b"no report"], NOW_S)
    maker.add(REPORTS[500:900], NOW_S + 2)
    maker.add(REPORTS[900:], NOW_S + 4)
    return maker.root


@pytest.fixture
def con(root: Path) -> duckdb.DuckDBPyConnection:
    return lake.connect(root)


def _one(con: duckdb.DuckDBPyConnection, sql: str) -> Any:
    return con.execute(sql).fetchall()[0][0]


def test_every_report_and_reject_is_a_row(con: duckdb.DuckDBPyConnection) -> None:
    assert _one(con, "select count(*) from reports") == len(REPORTS)
    assert con.sql("select field, value from rejects").fetchall() == [("message", b"no report")]
    times = con.sql("select epoch_us(timestamp) from reports order by 1").fetchall()
    assert [at for (at,) in times] == sorted(round(report["timestamp"] * 1e6) for report in REPORTS)


def test_panes_add_up_the_increments_of_all_partitions(con: duckdb.DuckDBPyConnection) -> None:
    counted = con.sql(
        "select provider_id, task_type, region, epoch_us(pane_start) // 1000000, success + failure + timeout + error"
        " from panes"
    ).fetchall()
    assert {row[:4]: row[4] for row in counted} == minute_counts(REPORTS)
    assert len(counted) < _one(con, "select count(*) from pane_increments")


def test_latency_histograms_of_panes_are_merged(con: duckdb.DuckDBPyConnection) -> None:
    wanted: dict[tuple[str, str, str, int], Counter[int]] = defaultdict(Counter)
    for report in REPORTS:
        key = (
            report["provider_id"],
            report.get("task_type", ""),
            report.get("region", ""),
            int(report["timestamp"] // 60),
        )
        us = latency_us(report)
        if us is not None:
            bucket = next((i for i, bound in enumerate(BUCKET_BOUNDS_US.tolist()) if us <= bound), 870)
            wanted[key][bucket] += 1
        else:
            wanted[key] += Counter()
    rows = con.sql(
        "select provider_id, task_type, region, epoch_us(pane_start) // 60000000, latency_buckets, latency_counts"
        " from panes"
    ).fetchall()
    assert {row[:4]: dict(zip(row[4], row[5], strict=True)) for row in rows} == wanted
    assert all(row[4] == sorted(row[4]) for row in rows)


def test_latest_scores_hold_the_newest_of_each_provider_and_facet(con: duckdb.DuckDBPyConnection) -> None:
    newest: dict[tuple[str, str], tuple[Any, int]] = {}
    for provider_id, facet, as_of, offset in con.sql(
        'select provider_id, facet, as_of, "offset" from scores'
    ).fetchall():
        newest[provider_id, facet] = max(newest.get((provider_id, facet), (as_of, offset)), (as_of, offset))
    rows = con.sql('select provider_id, facet, as_of, "offset" from latest_scores').fetchall()
    assert {row[:2]: row[2:] for row in rows} == newest
    assert len(rows) == len(newest)
    assert len(newest) < _one(con, "select count(*) from scores")


def test_of_two_scores_of_one_moment_the_later_offset_is_the_latest(tmp_path: Path) -> None:
    maker = LakeMaker(tmp_path)
    maker.add(REPORTS[:50], NOW_S)
    scores = str(tmp_path / "scores")
    again = DeltaTable(scores).to_pyarrow_table()
    later = again.set_column(again.schema.get_field_index("offset"), "offset", pa.array([1_000] * len(again)))
    write_deltalake(scores, later.sort_by([("provider_id", "descending")]), mode="append")
    con = lake.connect(tmp_path)
    assert con.sql('select distinct "offset" from latest_scores').fetchall() == [(1_000,)]
    assert _one(con, "select count(*) from latest_scores") == len(again)


def test_views_have_the_columns_and_types_of_the_tables(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    for source in (con, lake.connect(tmp_path)):  # with rows, and with nothing written yet
        for view, table in {
            "reports": "reports",
            "pane_increments": "panes",
            "scores": "scores",
            "rejects": "rejects",
        }.items():
            got = source.sql(f"select * from {view}").to_arrow_table().schema
            wanted = schema_of(TABLES[table])
            assert got.names == wanted.names
            kinds = [str(kind).replace("list<l:", "list<item:") for kind in got.types]  # DuckDB names items its way
            assert kinds == [str(kind) for kind in wanted.types]
        assert source.sql("select * from latest_scores").columns == source.sql("select * from scores").columns


def test_a_lake_without_tables_is_empty_views(tmp_path: Path) -> None:
    con = lake.connect(tmp_path)
    for view in ("reports", "panes", "pane_increments", "scores", "latest_scores", "rejects"):
        assert _one(con, f"select count(*) from {view}") == 0
    assert con.sql("select distinct version from lake_tables").fetchall() == [(None,)]


def test_refresh_shows_what_was_committed_since(tmp_path: Path) -> None:
    maker = LakeMaker(tmp_path)
    con, opened = lake.connect(tmp_path), Lake(tmp_path)
    assert not lake.refresh(con)
    for run, seen in ((REPORTS[:30], 30), (REPORTS[30:80], 80)):
        maker.add(run, NOW_S)
        assert lake.refresh(con)
        assert opened.refresh()
        assert _one(con, "select count(*) from reports") == seen
        assert opened.rows("select count(*) from reports") == [(seen,)]
        assert not lake.refresh(con)
        assert not opened.refresh()
        assert con.sql("select rows from lake_tables where name = 'reports'").fetchall() == [(seen,)]
    assert opened.committed("reports", "trust.reports", [0, 1, 7]) == {0: 39, 1: 39, 7: None}


def test_a_cursor_of_another_thread_sees_the_refreshed_views(tmp_path: Path) -> None:
    maker = LakeMaker(tmp_path)
    with Lake(tmp_path) as opened:
        cursor = opened.connection.cursor()
        maker.add(REPORTS[:30], NOW_S)
        opened.refresh()
        assert _one(cursor, "select count(*) from reports") == 30
        assert _one(cursor, "select epoch(timestamptz '2027-01-15 08:00:00')") == NOW_S  # UTC there too


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # of DuckDB 2.0's df() under pandas 3.1
def test_arrow_pandas_and_polars_get_the_same_rows(con: duckdb.DuckDBPyConnection) -> None:
    query = "select provider_id, count(*) as n, max(timestamp) as last from reports group by all order by provider_id"
    arrow = con.sql(query).to_arrow_table().to_pylist()
    assert con.sql(query).df().to_dict("records") == arrow
    assert con.sql(query).pl().to_dicts() == arrow
    assert sum(row["n"] for row in arrow) == len(REPORTS)


def test_a_question_about_one_day_reads_the_files_of_that_day_only(root: Path, con: duckdb.DuckDBPyConnection) -> None:
    files = len(DeltaTable(str(root / "reports")).file_uris())
    days = _one(con, "select count(distinct date) from reports")
    plan = con.sql("explain select count(latency_ms) from reports where date = '2027-01-14'").fetchall()[0][1]
    assert files > days > 2
    assert f"Scanning Files: 3/{files}" in plan.replace("\n", " ")


def test_no_query_looks_for_extensions_on_the_network(con: duckdb.DuckDBPyConnection) -> None:
    for setting in ("autoinstall_known_extensions", "autoload_known_extensions"):
        assert _one(con, f"select current_setting('{setting}')") is False


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ([], "there is no such directory"),
        (["place"], "there is a file of that name"),
        (["place/notes.txt", "place/photo.png"], "it holds notes.txt, photo.png"),
        (["place/_delta_log/0.json"], "it is one table of a lake"),
    ],
)
def test_what_is_no_lake_is_said_with_the_next_step(tmp_path: Path, made: list[str], said: str) -> None:
    for name in made:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    with pytest.raises(NoLake) as caught:
        lake.connect(tmp_path / "place")
    assert str(caught.value).startswith(
        f"{tmp_path / 'place'} is no lake: {said}; give the directory that holds reports/"
    )


def test_a_path_that_duckdb_takes_for_a_pattern_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a[b]").mkdir()
    with pytest.raises(NoLake, match="for a pattern"):
        lake.connect(tmp_path / "a[b]")


def test_a_connection_of_another_making_cannot_be_refreshed() -> None:
    with duckdb.connect() as con, pytest.raises(NoLake, match=r"it was not made by lake\.connect"):
        lake.refresh(con)


def test_a_table_with_other_columns_is_refused_by_name(tmp_path: Path) -> None:
    write_deltalake(str(tmp_path / "scores"), pa.table({"provider_id": [1, 2]}))
    with pytest.raises(UnreadableTable) as caught:
        lake.connect(tmp_path)
    assert caught.value.table == "scores"
    assert "column date is missing, wanted date32" in str(caught.value)


def test_a_table_with_a_column_of_another_type_is_refused_by_name(tmp_path: Path) -> None:
    columns = {name: pa.array([], kind) for name, kind in zip(*_names_and_types("scores"), strict=True)}
    columns["n"] = pa.array([], pa.string())
    write_deltalake(str(tmp_path / "scores"), pa.table(columns))
    with pytest.raises(UnreadableTable, match="column n is string, wanted int64; another program wrote it"):
        lake.connect(tmp_path)


def _names_and_types(table: str) -> tuple[list[str], list[pa.DataType]]:
    schema = schema_of(TABLES[table])
    return schema.names, schema.types


def test_a_truncated_file_is_named_with_the_next_step(tmp_path: Path) -> None:
    make_lake(tmp_path, REPORTS[:40], NOW_S)
    file = next((tmp_path / "reports").rglob("date=*/*.parquet"))
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(UnreadableTable) as caught, Lake(tmp_path) as opened:
        opened.rows("select sum(latency_ms) from reports")
    assert caught.value.table == "reports"
    assert file.name in str(caught.value)
    assert "put the file back from a backup, or write the lake anew by replaying trust.reports" in str(caught.value)


def test_a_damaged_log_is_said_with_the_next_step(tmp_path: Path) -> None:
    make_lake(tmp_path, REPORTS[:40], NOW_S)
    (tmp_path / "panes" / "_delta_log" / f"{0:020}.json").write_text("{oops")
    with pytest.raises(UnreadableTable, match=r"table panes of the lake .* cannot be read: .*put its _delta_log back"):
        lake.connect(tmp_path)


def test_an_error_in_the_question_stays_duckdbs(root: Path) -> None:
    with Lake(root) as opened, pytest.raises(duckdb.BinderException, match="latency_s"):
        opened.rows("select latency_s from reports")


def test_a_reader_goes_on_when_its_files_were_compacted_away(tmp_path: Path) -> None:
    maker = LakeMaker(tmp_path)
    maker.add(REPORTS[:60], NOW_S)
    maker.add(REPORTS[60:99], NOW_S)
    with Lake(tmp_path) as opened:
        compact(str(tmp_path), date(2028, 1, 1), vacuum_hours=0)
        assert opened.rows("select count(latency_ms) from reports") == [
            (sum("latency_ms" in report for report in REPORTS[:99]),)
        ]
