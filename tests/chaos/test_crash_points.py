"""``kill -9`` at places that random moments miss: in a worker, and in what takes care of the lake beside it."""

import shutil
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path
from typing import Final

import pytest

from analytics import queries
from analytics.compaction import compact
from analytics.lake import Lake
from analytics.local.children import dying_with_parent
from analytics.rollup import HOURS_TABLE, roll_up
from analytics.verify import verify
from streams.crash import POINTS
from tests.support.fault_line import FaultLine, let_run
from tests.support.running_service import CLI, eventually
from tests.support.worker import Worker

pytestmark = [pytest.mark.usefixtures("kafka_runnable"), pytest.mark.timeout(900)]

START: Final = ("recovery", "rebalance")
SURE_AT_START: Final = 2
"""Times that a place of ``START`` is passed for sure: once for each table; its own rebalance and the next worker's."""
FLUSH: Final = ("state-between-entries", "state-before-marker", "send-state")
COMMIT: Final = ("before-lake-commit", "after-lake-commit", "before-commit")
LATER: Final = date(2100, 1, 1)
"""All days of the reports are closed."""


def long(places: tuple[str, ...], name: str) -> object:
    """Each of the places six times, at whichever time they are passed."""
    return pytest.param(places, 6, id=name, marks=pytest.mark.chaos_long)


@pytest.mark.parametrize(
    ("places", "rounds"),
    [
        pytest.param(START, 1, id="start"),
        pytest.param(FLUSH, 1, id="flush"),
        pytest.param(COMMIT, 1, id="commit"),
        long(START, "long-start"),
        long(FLUSH, "long-flush"),
        long(COMMIT, "long-commit"),
    ],
)
def test_a_worker_killed_at_each_place_changes_no_number(
    places: tuple[str, ...], rounds: int, tmp_path: Path, seed: int
) -> None:
    with FaultLine(tmp_path, seed) as line:
        with line.sending(500):
            for place in places * rounds:
                time = line.rng.randint(1, SURE_AT_START if place in START else 4)
                worker = line.start_worker(crash_at=f"{place}:{time}")
                if (place, time) == ("rebalance", 2):
                    eventually(lambda w=worker: _is_settled(w), "it is ready or dead", 90)  # type: ignore[misc]
                    line.start_worker()
                died = eventually(worker.process.poll, f"it died at {place}", 60)
                assert died == -signal.SIGKILL, (place, died, worker.said()[-5:])
                line.kill(*line.workers)
            line.ready_worker()
        line.equal_to_recomputation()


def _is_settled(worker: Worker) -> bool | None:
    return True if worker.process.poll() is not None or worker.get("/health/ready")[0] == 200 else None


def test_every_place_has_its_turn() -> None:
    assert sorted(START + FLUSH + COMMIT) == sorted(POINTS)


_CARE: Final = """
import sys
from datetime import date
from analytics.compaction import CommitFailedError, compact
from analytics.rollup import roll_up
while True:
    for name, act in (("compact", compact), ("roll_up", roll_up)):
        print(name, flush=True)
        try:
            act(sys.argv[1], date(2100, 1, 1))
        except CommitFailedError:
            print("another came first", flush=True)
"""
"""Maintenance without a rest, of days that are said to be closed: at any moment it is in the middle of something."""


@pytest.mark.parametrize(
    "deaths", [pytest.param(2, id="short"), pytest.param(15, id="long", marks=pytest.mark.chaos_long)]
)
def test_compaction_and_roll_up_killed_beside_ingest_cost_nothing(deaths: int, tmp_path: Path, seed: int) -> None:
    commands = {
        "compact": [sys.executable, "-c", _CARE],
        "lake compact": [*CLI, "lake", "compact", "--lake"],
        "lake maintain": [*CLI, "lake", "maintain", "--every", "0.5", "--lake"],
    }
    with FaultLine(tmp_path, seed) as line:
        worker = line.ready_worker()
        with line.sending(500):
            worker.wait_until("trustscore_lake_reports_total", 1_000)
            for number in range(deaths):
                name = ("compact", "compact", "lake compact", "lake maintain")[number % 4]
                _killed_while(line, [*commands[name], str(line.lake)], is_telling=name == "compact")
        truth = line.equal_to_recomputation()
        _is_whole_after_care(line.lake, len(truth.places))


def _killed_while(line: FaultLine, command: list[str], is_telling: bool) -> None:
    """Start maintenance, and kill it in the middle: it may have been at anything, also at nothing yet."""
    log = line.root / "care.log"
    with log.open("wb") as out:
        caring = subprocess.Popen(dying_with_parent(command, by=signal.SIGKILL), stdout=out, stderr=out)
        try:
            if is_telling:
                wanted = line.rng.choice((b"compact\n", b"roll_up\n"))
                eventually(lambda: True if wanted in log.read_bytes() else None, "maintenance began", 60)
            let_run(line.rng.uniform(0.0, 0.5 if is_telling else 4.0))
        finally:
            caring.kill()
            caring.wait()
    assert b"Traceback" not in log.read_bytes(), log.read_text()


def _is_whole_after_care(path: Path, reports: int) -> None:
    """After a round that nobody disturbs: every report once, and the hours say what the panes say."""
    compact(str(path), LATER, vacuum_hours=0)
    roll_up(str(path), LATER)
    with Lake(path) as lake:
        assert queries.totals(lake).reports == reports
        assert verify(lake).equal
        from_hours = [queries.history(lake, f"p{number}", bucket="hour") for number in range(20)]
    shutil.rmtree(path / HOURS_TABLE)
    with Lake(path) as lake:
        assert [queries.history(lake, f"p{number}", bucket="hour") for number in range(20)] == from_hours
    assert sum(row.n for rows in from_hours for row in rows) == reports
