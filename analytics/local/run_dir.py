"""A directory of its own for each first run.

The broker of a first run begins at offset 0 each time, and the lake knows what it holds by offsets: a lake that served
an earlier run would take the new reports for old ones. So each run gets a new one, and the last few are kept.
"""

import os
import re
import shutil
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final

__all__ = ["KEPT", "new_run_dir"]

KEPT: Final = 3
"""Runs whose directories stay, the new one among them."""
_NAME: Final = re.compile(r"run-\d{8}T\d{6}Z(-\d+)?")
_PID: Final = "up.pid"


def new_run_dir(data_dir: Path, now: datetime) -> Path:
    """A fresh directory ``run-<time>`` under ``data_dir``; ``latest`` points to it, older ones than ``KEPT`` go.

    Parameters
    ----------
    data_dir
        Made if absent.
    now
        In UTC; names the run.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    name, number = f"run-{now:%Y%m%dT%H%M%SZ}", 1
    while True:
        run = data_dir / (name if number == 1 else f"{name}-{number}")
        with suppress(FileExistsError):
            run.mkdir()
            break
        number += 1
    (run / _PID).write_text(str(os.getpid()), encoding="ascii")
    _point_latest(data_dir, run.name)
    _forget_old(data_dir)
    return run


def _point_latest(data_dir: Path, name: str) -> None:
    link, new = data_dir / "latest", data_dir / f".latest-{os.getpid()}"
    with suppress(OSError):  # a convenience: file systems without links do without it
        new.symlink_to(name)
        new.replace(link)


def _forget_old(data_dir: Path) -> None:
    runs = sorted(path for path in data_dir.iterdir() if _NAME.fullmatch(path.name) and (path / _PID).is_file())
    for run in runs[:-KEPT]:
        if not _is_running(run):
            shutil.rmtree(run, ignore_errors=True)


def _is_running(run: Path) -> bool:
    try:
        os.kill(int((run / _PID).read_text(encoding="ascii")), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True
