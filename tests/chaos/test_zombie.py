"""Workers that are paused for longer than their session and come back: what they still say changes nothing."""

import os
import signal
from pathlib import Path

import pytest

from tests.support.fault_line import FaultLine, let_run
from tests.support.running_service import eventually
from tests.support.worker import Worker

pytestmark = [pytest.mark.usefixtures("kafka_runnable"), pytest.mark.timeout(900)]

SUCCEEDED = "trustscore_lake_reports_total"


def has_stopped(worker: Worker) -> bool | None:
    """Whether it stopped at the place it was told to."""
    pid, status = os.waitpid(worker.process.pid, os.WNOHANG | os.WUNTRACED)
    return True if pid and os.WIFSTOPPED(status) else None


def mended(*workers: Worker) -> int:
    """How often one of them, whoever owned the partition then, found what landed late and wrote the state anew."""
    return sum(line["event"] == "state_written_anew" for worker in workers for line in worker.said())


def let_successor_write(line: FaultLine, successor: Worker, reports: int = 2_000) -> None:
    """Return once the successor made durable what it read of all partitions, some of them the other's before."""
    line.wait_until_ready(successor)
    successor.wait_until(SUCCEEDED, successor.metric(SUCCEEDED) + reports)


@pytest.mark.parametrize(
    ("pauses", "pause_s"),
    [pytest.param(1, 6.0, id="short"), pytest.param(4, 60.0, id="long", marks=pytest.mark.chaos_long)],
)
def test_a_worker_paused_past_its_session_writes_nothing_over_its_successor(
    pauses: int, pause_s: float, tmp_path: Path, seed: int
) -> None:
    with FaultLine(tmp_path, seed) as line:
        paused, successor = line.start_worker(), line.start_worker()
        line.wait_until_ready(paused, successor)
        with line.sending(1_000):
            for number in range(1, pauses + 1):
                paused.wait_until(SUCCEEDED, 1)
                let_run(line.rng.uniform(0.0, 1.0))
                paused.process.send_signal(signal.SIGSTOP)
                let_run(pause_s)
                let_successor_write(line, successor)
                paused.process.send_signal(signal.SIGCONT)
                paused.wait_until("trustscore_fence_lapses_total", number)
                let_run(4.0)
                line.wait_until_ready(paused, successor)
        line.equal_to_recomputation()


@pytest.mark.parametrize(
    "nths",
    [pytest.param((9,), id="short"), pytest.param((3, 20, 41, 80), id="long", marks=pytest.mark.chaos_long)],
)
def test_state_that_left_a_moment_before_the_pause_and_lands_after_it_is_void(
    nths: tuple[int, ...], tmp_path: Path, seed: int
) -> None:
    """Stopped between its last check and the socket: the write arrives, behind those of the successor."""
    with FaultLine(tmp_path, seed) as line:
        successor = line.ready_worker()
        with line.sending(1_000):
            for nth in nths:
                n = mended(successor)
                zombie = line.start_worker(crash_at=f"send-state:{nth}:stop")
                eventually(lambda zombie=zombie: has_stopped(zombie), "stopped while it sends its state")  # type: ignore[misc]
                let_run(4.0)
                let_successor_write(line, successor)
                zombie.process.send_signal(signal.SIGCONT)
                eventually(lambda both=(zombie, successor), n=n: n < mended(*both) or None, "state written anew")  # type: ignore[misc]
                line.wait_until_ready(zombie, successor)
                line.kill(zombie)
        line.equal_to_recomputation()
