"""Compaction of a real lake: fewer files, the same answers, and nothing lost beside a process that goes on writing."""

import json
import subprocess
import sys
import threading
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from typer.testing import CliRunner

from analytics import lake, queries
from analytics.cli.main import app
from analytics.compaction import CommitFailedError, TableCompaction, compact, merge_panes
from analytics.errors import InvalidRequest
from analytics.lake import Lake, NoLake
from analytics.verify import verify
from tests.support.lake_maker import LakeMaker
from tests.support.sample_reports import NOW_S, minute_counts, sample_reports

REPORTS = sample_reports(900, seed=5, spread_s=2 * 86_400.0, providers=3)
TODAY = date(2027, 1, 15)
LATER = date(2028, 1, 1)
"""All days of the reports are closed."""
RUN = 150

_WRITER = """
import sys
from pathlib import Path
from tests.support.lake_maker import LakeMaker
from tests.support.sample_reports import NOW_S, sample_reports
maker = LakeMaker(Path(sys.argv[1]))
reports = sample_reports(1_200, seed=6, spread_s=2 * 86_400.0)
for start in range(0, len(reports), 60):
    maker.add(reports[start:start + 60], NOW_S + start)
    print("committed", flush=True)
"""
_COMMITS = 20


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A lake of six runs."""
    maker = LakeMaker(tmp_path / "lake")
    for start in range(0, len(REPORTS), RUN):
        maker.add([*REPORTS[start : start + RUN], b"no report"], NOW_S + start)
    return maker.root


def _by_table(done: list[TableCompaction]) -> dict[str, TableCompaction]:
    return {table.table: table for table in done}


def _files(root: Path, table: str) -> list[str]:
    return DeltaTable(str(root / table)).file_uris()


def _panes(root: Path) -> list[Any]:
    return lake.connect(root).sql("select * exclude increments from panes order by all").fetchall()


def test_each_day_becomes_one_file_and_no_row_is_lost(root: Path) -> None:
    before = {table: len(_files(root, table)) for table in lake.TABLES}
    done = _by_table(compact(str(root), LATER))
    days = len({report["timestamp"] // 86_400 for report in REPORTS})
    for table in ("reports", "panes"):
        assert (done[table].files_before, done[table].files_after) == (before[table], days)
        assert before[table] > days == len(_files(root, table))
    assert (done["scores"].files_after, done["rejects"].files_after) == (1, 1)
    assert done["reports"].rows_before == done["reports"].rows_after == len(REPORTS)
    assert done["rejects"].rows_after == len(REPORTS) / RUN
    with Lake(root) as opened:
        assert verify(opened, since_s=0.0).equal


def test_increments_of_closed_days_become_one_row_per_pane_and_partition(root: Path) -> None:
    before = _panes(root)
    rows = _by_table(compact(str(root), LATER))["panes"]
    con = lake.connect(root)
    distinct = con.sql(
        "select count(distinct (provider_id, task_type, region, pane_start, partition)) from pane_increments"
    )
    assert distinct.fetchall() == [(rows.rows_after,)]
    assert rows.rows_after < rows.rows_before
    assert _panes(root) == before
    assert len(before) == len(minute_counts(REPORTS))


def test_the_running_days_increments_are_merged_once_it_is_closed(root: Path) -> None:
    today = "select count(*) from pane_increments where date = '2027-01-15'"
    increments = lake.connect(root).sql(today).fetchall()
    compact(str(root), TODAY)
    assert lake.connect(root).sql(today).fetchall() == increments  # files merged, rows kept
    compact(str(root), LATER)
    assert lake.connect(root).sql(today).fetchall() < increments


def test_what_is_compact_is_left_alone(root: Path) -> None:
    compact(str(root), LATER)
    files = {table: _files(root, table) for table in lake.TABLES}
    compact(str(root), LATER)
    assert {table: _files(root, table) for table in lake.TABLES} == files


def test_late_reports_to_a_closed_day_are_merged_by_the_next_compaction(tmp_path: Path) -> None:
    maker = LakeMaker(tmp_path)
    for run in (REPORTS[:300], REPORTS[:300], REPORTS[300:600]):
        maker.add(run, NOW_S)
        compact(str(tmp_path), LATER)
    with Lake(tmp_path) as opened:
        assert verify(opened).equal
        assert queries.totals(opened).reports == 900


def test_transactions_of_writers_survive_and_a_replay_stays_out(root: Path) -> None:
    tables = ("reports", "panes")
    before = {table: DeltaTable(str(root / table)).transaction_version("trust.reports-1") for table in tables}
    compact(str(root), LATER, vacuum_hours=0)
    for table in tables:
        (checkpoint,) = (root / table / "_delta_log").glob("*.checkpoint.parquet")
        for commit in (root / table / "_delta_log").glob("*.json"):
            if commit.name < checkpoint.name:
                commit.unlink()  # as log retention does: only the checkpoint knows
        after = DeltaTable(str(root / table)).transaction_version("trust.reports-1")
        assert after == before[table] == (len(REPORTS) + len(REPORTS) // RUN) // 2 - 1
    LakeMaker(root).add(REPORTS[:200], NOW_S, with_scores=False)  # a worker from the first offset on
    with Lake(root) as opened:
        assert queries.totals(opened).reports == len(REPORTS)
        assert verify(opened).equal


def test_vacuum_deletes_what_no_version_needs_and_says_how_many(root: Path) -> None:
    paths = [str(path) for path in root.rglob("date=*/*.parquet")]
    first = _by_table(compact(str(root), LATER, vacuum_hours=0))
    left = [str(path) for path in root.rglob("date=*/*.parquet")]
    assert sum(table.deleted_files for table in first.values()) == len(set(paths) - set(left)) > 0
    assert sorted(left) == sorted(file for table in lake.TABLES for file in _files(root, table))
    assert sum(table.deleted_files for table in compact(str(root), LATER, vacuum_hours=0)) == 0


def test_without_vacuum_a_reader_of_the_old_version_goes_on(root: Path) -> None:
    con = lake.connect(root)
    assert all(table.deleted_files == 0 for table in compact(str(root), LATER))
    assert con.sql("select count(latency_ms) from reports").fetchall() == [
        (sum("latency_ms" in report for report in REPORTS),)
    ]


def test_nothing_is_lost_or_doubled_beside_a_process_that_writes(tmp_path: Path) -> None:
    here = Path(__file__).parents[3]
    (tmp_path / "lake").mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(tmp_path / "lake")], cwd=here, stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        compactions = 0
        for number, _ in enumerate(writer.stdout, 1):
            if number % 4 == 0 and number < _COMMITS:
                compact(str(tmp_path / "lake"), LATER)
                compactions += 1
        assert writer.wait() == 0
    assert (number, compactions) == (_COMMITS, 4)
    with Lake(tmp_path / "lake") as opened:
        done = verify(opened, since_s=0.0)
        assert done.equal
        assert done.totals.reports == 1_200
        assert done.scores.compared == done.scores.bit_for_bit > 0


def test_of_two_compactions_at_once_both_end_and_each_row_is_there_once(root: Path) -> None:
    failures: list[BaseException] = []
    barrier = threading.Barrier(2)

    def run() -> None:
        barrier.wait()
        try:
            compact(str(root), LATER)
        except BaseException as error:  # noqa: BLE001  # shown by the assertion below
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with Lake(root) as opened:
        assert queries.totals(opened).reports == len(REPORTS)
        assert verify(opened).equal


def test_a_merge_of_files_that_another_one_replaced_is_refused_and_leaves_nothing(root: Path) -> None:
    stale = DeltaTable(str(root / "panes"))
    compact(str(root), LATER)
    there = sorted((root / "panes").rglob("date=*/*.parquet"))
    with pytest.raises(CommitFailedError, match="concurrent transaction deleted data"):
        merge_panes(stale, TODAY)
    assert sorted((root / "panes").rglob("date=*/*.parquet")) == there


def test_nothing_to_compact_is_no_error_and_no_lake_is_one(tmp_path: Path) -> None:
    assert compact(str(tmp_path), LATER) == []
    with pytest.raises(NoLake, match="there is no such directory"):
        compact(str(tmp_path / "nowhere"), LATER)
    with pytest.raises(InvalidRequest, match="vacuum-hours must be 0 or more; got -1"):
        compact(str(tmp_path), LATER, vacuum_hours=-1)


def test_the_command_compacts_and_says_what_became_of_each_table(root: Path) -> None:
    run = CliRunner().invoke(app, ["lake", "compact", "--lake", str(root), "--json"])
    assert run.exit_code == 0
    tables = {table["table"]: table for table in json.loads(run.stdout)["tables"]}
    assert tables["reports"]["files_after"] == len(_files(root, "reports")) < tables["reports"]["files_before"]
    shown = CliRunner().invoke(app, ["lake", "compact", "--lake", str(root), "--vacuum-hours", "0"])
    assert (shown.exit_code, shown.stdout.split()[:5]) == (0, ["table", "files", "size", "rows", "deleted"])
    refused = CliRunner().invoke(app, ["lake", "compact", "--lake", str(root / "nowhere")])
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "is no lake: there is no such directory" in refused.stderr


def test_the_command_says_what_is_in_the_lake(root: Path) -> None:
    run = CliRunner().invoke(app, ["lake", "info", "--lake", str(root), "--json"])
    answer = json.loads(run.stdout)
    assert answer["totals"]["reports"] == len(REPORTS)
    assert {table["name"]: table["files"] for table in answer["tables"]} == {
        table: len(_files(root, table)) for table in lake.TABLES
    }
    shown = CliRunner().invoke(app, ["lake", "info", "--lake", str(root)])
    assert shown.exit_code == 0
    assert f"{len(REPORTS)} reports on 3 providers by 6 reporters" in shown.stdout
