import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from analytics.local.run_dir import KEPT, new_run_dir

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def names(data_dir: Path) -> set[str]:
    return {path.name for path in data_dir.iterdir()}


def ended(run: Path) -> Path:
    """As if the process of that run had ended: no process has this id."""
    (run / "up.pid").write_text(str(2**22 + 1), encoding="ascii")
    return run


def test_each_run_gets_a_directory_of_its_own_and_latest_points_to_it(tmp_path: Path) -> None:
    first, second = (new_run_dir(tmp_path / "data", NOON) for _ in range(2))
    assert (first.name, second.name) == ("run-20261122T120000Z", "run-20261122T120000Z-2")
    assert (tmp_path / "data" / "latest").resolve() == second.resolve()


def test_only_the_last_few_runs_are_kept(tmp_path: Path) -> None:
    runs = [ended(new_run_dir(tmp_path, NOON + timedelta(seconds=number))) for number in range(KEPT + 2)]
    assert names(tmp_path) == {run.name for run in runs[-KEPT:]} | {"latest"}


def test_a_run_that_still_goes_on_is_kept(tmp_path: Path) -> None:
    first = new_run_dir(tmp_path, NOON)
    assert (first / "up.pid").read_text(encoding="ascii") == str(os.getpid())
    for number in range(1, KEPT + 2):
        ended(new_run_dir(tmp_path, NOON + timedelta(seconds=number)))
    assert first.is_dir()


def test_nothing_else_is_ever_removed(tmp_path: Path) -> None:
    for name in ("lake", "run-notes", "run-20200101T000000Z"):
        (tmp_path / name).mkdir()
    for number in range(KEPT + 1):
        ended(new_run_dir(tmp_path, NOON + timedelta(seconds=number)))
    assert names(tmp_path) >= {"lake", "run-notes", "run-20200101T000000Z"}
