import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from analytics.lake import TABLES, Lake
from analytics.maintenance import AUTOGROUP, NICENESS, Care, round_of
from tests.support.lake_maker import LakeMaker
from tests.support.sample_reports import NOW_S, sample_reports

TODAY = datetime.fromtimestamp(NOW_S, UTC).date() + timedelta(days=1)
KEEP_ALL: Mapping[str, int | None] = dict.fromkeys(TABLES)


def care(**keep: int) -> Care:
    return Care(every_s=1.0, vacuum_hours=24, keep_days={**KEEP_ALL, **keep})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A lake of twenty runs over three days: enough files a day to be joined."""
    maker = LakeMaker(tmp_path / "lake")
    reports = sample_reports(200, seed=11, spread_s=2 * 86_400.0, providers=3)
    for start in range(0, len(reports), 10):
        maker.add(reports[start : start + 10], NOW_S + start)
    return maker.root


def counted(root: Path, condition: str = "true") -> int:
    with Lake(root) as lake:
        return int(lake.rows(f"select count(*) from reports where {condition}")[0][0])


def test_a_round_joins_files_and_keeps_every_report(root: Path) -> None:
    done = round_of(str(root), care(), TODAY, None)
    assert done.problems == []
    assert any(table.files_after < table.files_before for table in done.compacted)
    assert counted(root) == 200


def test_days_that_are_too_old_leave_and_the_others_stay(root: Path) -> None:
    first_kept = TODAY - timedelta(days=2)
    young = counted(root, f"date >= '{first_kept}'")
    done = round_of(str(root), care(reports=2), TODAY, None)
    (left,) = done.retained
    assert (left.table, left.kept_since, left.rows) == ("reports", first_kept, 200 - young)
    assert 0 < young == counted(root) < 200


def test_a_lake_that_is_not_there_yet_is_no_problem(tmp_path: Path) -> None:
    done = round_of(str(tmp_path / "lake"), care(reports=1), date(2026, 1, 1), 24)
    assert (done.compacted, done.retained, done.problems) == ([], [], [])


def test_a_table_that_cannot_be_read_is_told_and_the_others_are_done(root: Path) -> None:
    for entry in (root / "reports" / "_delta_log").glob("*.json"):
        entry.write_text("no log")
    done = round_of(str(root), care(), TODAY, None)
    (problem,) = done.problems
    assert problem.startswith("reports: ")
    assert {table.table for table in done.compacted} == set(TABLES) - {"reports"}


GIVES_WAY: Final = """
import os
from analytics.maintenance import AUTOGROUP, give_way
give_way()
print(os.nice(0), AUTOGROUP.read_text().rsplit()[-1] if AUTOGROUP.exists() else "none")
"""


@pytest.mark.parametrize(("alone", "group"), [(True, str(NICENESS)), (False, "0")])
def test_a_service_gives_way_with_its_session_and_leaves_one_that_it_shares_alone(alone: bool, group: str) -> None:
    command = [sys.executable, "-c", GIVES_WAY]
    if not alone:  # a child in the session of a shell
        command = ["sh", "-c", '"$@" & wait', "sh", *command]
    said = subprocess.run(command, start_new_session=True, capture_output=True, text=True, check=True).stdout.split()
    assert said == [str(NICENESS), group if AUTOGROUP.exists() else "none"]
