"""``trustscore up`` as a newcomer runs it: it scores, it ends, it leaves nothing behind."""

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import pytest

from analytics import lake
from tests.support.running_service import CLI

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="finds the children of a run by their environment in /proc"
)
MARK = "A_FIRST_RUN_OF_THE_TESTS"
PATIENCE_S = 60.0


@pytest.fixture
def mark(tmp_path: Path) -> Iterator[str]:
    """What every process of one run has in its environment."""
    mark = f"{MARK}={tmp_path}"
    yield mark
    for pid in marked(mark):
        os.kill(pid, signal.SIGKILL)


def started(tmp_path: Path, *words: str) -> "subprocess.Popen[str]":
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TRUSTSCORE_")}
    return subprocess.Popen(
        [*CLI, "up", "--data-dir", str(tmp_path / "data"), "--port", "0", *words],
        env={**inherited, MARK: str(tmp_path)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def marked(mark: str, words: str = "") -> list[int]:
    """Processes of a run whose command line holds ``words``."""
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdecimal():
            continue
        try:
            is_marked = mark.encode() in (process / "environ").read_bytes().split(b"\0")
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if is_marked and command and words in command:
            found.append(int(process.name))
    return found


def wait_for_end(pids: list[int]) -> None:
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            assert select.select([handle], [], [], PATIENCE_S)[0], f"process {pid} lives on"
        finally:
            os.close(handle)


def read_until(stream: IO[str] | None, words: str) -> str:
    assert stream is not None
    seen = ""
    for line in stream:
        seen += line
        if re.search(words, line):
            return seen
    raise AssertionError(f"{words!r} was never said, only: {seen}")


def test_up_scores_at_least_twenty_providers_and_ends_by_itself(tmp_path: Path, mark: str) -> None:
    with started(tmp_path, "--for", "12", "--json") as child:
        out, err = child.communicate(timeout=110)
    assert child.returncode == 0, err
    assert marked(mark) == []

    view: dict[str, Any] = json.loads(out)
    scored = {row["provider_id"]: row for row in view["rows"] if row["score"] is not None}
    assert len(scored) >= 20
    healthy = [row["score"] for row in scored.values() if row["acts"] == "healthy"]
    bad = [row["score"] for row in scored.values() if row["acts"] in ("flapping", "outage")]
    assert len(healthy) >= 15
    assert len(bad) == 3
    assert max(bad) < min(healthy)
    assert all(row["lower"] <= row["score"] <= row["upper"] for row in scored.values())
    assert view["rejected"] == 0
    assert view["broker_bytes"] > 1_000_000
    assert re.search(r"\d+ providers scored from [\d,]+ reports in \d+ s\.\nLowest:  demo-", err)

    stored = lake.connect(view["addresses"]["lake"])
    ((reports, ids),) = stored.sql("select count(*), count(distinct report_id) from reports").fetchall()
    assert reports == ids >= view["folded"]


@pytest.mark.parametrize("after", ["0 providers scored", "[1-9][0-9]* providers scored"], ids=["starting", "live"])
def test_ctrl_c_ends_everything_in_order(tmp_path: Path, mark: str, after: str) -> None:
    with started(tmp_path) as child:
        read_until(child.stdout, after)
        child.send_signal(signal.SIGINT)
        child.send_signal(signal.SIGINT)  # impatience must not leave anything behind
        out, err = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 0, err
    assert "What this run kept is in" in out
    assert marked(mark) == []


def test_a_part_that_dies_is_named_and_the_rest_stopped(tmp_path: Path, mark: str) -> None:
    with started(tmp_path) as child:
        read_until(child.stdout, "providers scored")
        (worker,) = marked(mark, "streams.worker")
        os.kill(worker, signal.SIGKILL)
        out, _ = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 1
    assert re.search(r"the worker ended by itself with signal SIGKILL; the last lines of .*worker\.log:", out)
    assert marked(mark) == []


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux kills the children with their parent")
def test_no_part_outlives_a_killed_up(tmp_path: Path, mark: str) -> None:
    with started(tmp_path) as child:
        read_until(child.stdout, "providers scored")
        parts = marked(mark)
        child.kill()
        child.communicate(timeout=PATIENCE_S)
    assert len(parts) == 5
    wait_for_end(parts)


def test_a_port_that_is_taken_is_said_plainly(tmp_path: Path, mark: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with started(tmp_path, "--port", str(port)) as child:
            _, err = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 1
    assert err == f"--port must be one nobody listens on; got {port}; choose another or leave it out\n"
    assert marked(mark) == []


def test_the_sample_traffic_stops_when_the_broker_holds_too_much(tmp_path: Path, mark: str) -> None:
    with started(tmp_path, "--for", "3", "--broker-mb", "30", "--rate", "400") as child:
        out, err = child.communicate(timeout=110)
    assert child.returncode == 0, err
    assert re.search(r"The sample traffic stopped: the broker in memory holds \d+ MB and frees none\.", out)
    assert marked(mark) == []
