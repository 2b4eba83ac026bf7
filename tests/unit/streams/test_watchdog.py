import os
import subprocess
import sys

import pytest

from streams.fencing import Fence
from streams.telemetry import Telemetry
from streams.watchdog import COMMIT, Restarts, Watchdog, may_wait, restarts


def test_what_moves_is_not_stalled() -> None:
    dog = Watchdog(60)
    assert [dog.stalled({"a": at}, at * 59) for at in range(5)] == [{}] * 5


def test_what_stands_still_for_too_long_is_named_with_its_seconds() -> None:
    dog = Watchdog(60)
    dog.stalled({"a": 1, "b": 1}, 0)
    assert dog.stalled({"a": 1, "b": 2}, 59) == {}
    assert dog.stalled({"a": 1, "b": 2}, 61) == {"a": 61}


def test_what_is_done_is_forgotten() -> None:
    dog = Watchdog(60)
    for now_s, work in enumerate(({"a": 1}, {}, {"a": 1})):
        dog.stalled(work, now_s * 40)
    assert dog.stalled({"a": 1}, 139) == {}
    assert dog.stalled({"a": 1}, 140) == {"a": 60}


def test_who_waits_on_purpose_is_given_the_whole_time_again() -> None:
    dog = Watchdog(60)
    dog.stalled({"a": 1}, 0)
    dog.rest()
    assert dog.stalled({"a": 1}, 100) == {}
    assert dog.stalled({"a": 1}, 159) == {}
    assert dog.stalled({"a": 1}, 160) == {"a": 60}


def test_a_place_that_is_not_known_yet_may_stand_still_as_long_as_any() -> None:
    dog = Watchdog(60)
    assert dog.stalled({"a": None}, 0) == dog.stalled({"a": None}, 59) == {}
    assert dog.stalled({"a": None}, 60) == {"a": 60}


def test_only_what_is_committed_is_progress() -> None:
    dog = Watchdog(60)
    for work in ({"recovery": 1, "a": 1, "b" + COMMIT: 1}, {"recovery": 2, "a": 2, "b" + COMMIT: 1}):
        dog.stalled(work, 0)
    assert not dog.has_seen_progress
    dog.stalled({"recovery": 2}, 0)
    assert dog.has_seen_progress


def test_a_worker_in_trouble_or_unsure_of_its_group_may_wait() -> None:
    telemetry, fence = Telemetry(), Fence(10, lambda: 0.0)
    assert may_wait(telemetry, fence)
    fence.confirmed(0)
    assert not may_wait(telemetry, fence)
    telemetry.trouble["reports"] = "OSError('no space left')"
    assert may_wait(telemetry, fence)


def test_restarts_without_progress_double_the_patience_up_to_a_bound() -> None:
    before, factors = Restarts(), []
    for _ in range(9):
        factors.append(before.patience_factor)
        before = before.next(progressed=False)
    assert factors == [1, 2, 4, 8, 16, 32, 64, 64, 64]
    assert before.next(progressed=True) == Restarts(10, 1)


@pytest.mark.parametrize("told", [Restarts(), Restarts(3, 2)], ids=["first", "fourth"])
def test_the_next_worker_in_the_process_knows_what_was(told: Restarts) -> None:
    program = (
        "import os, sys\n"
        "from streams.watchdog import RESTARTS, restart_in_place, restarts\n"
        "before = restarts(os.environ.get(RESTARTS))\n"
        "if before.total > int(sys.argv[1]):\n"
        "    print(os.getpid(), before.total, before.in_a_row, sys.argv[2])\n"
        "    sys.exit(5)\n"
        "print(os.getpid(), end=' ')\n"
        "restart_in_place(before.next(progressed=False))\n"
    )
    environment = os.environ | ({"TRUSTSCORE_RESTARTS": f"{told.total},{told.in_a_row}"} if told.total else {})
    done = subprocess.run(
        [sys.executable, "-c", program, str(told.total), "an argument"],
        env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    first, second, total, in_a_row, *argument = done.stdout.split()
    assert done.returncode == 5, done.stderr
    assert first == second, "the process stays the same"
    assert (int(total), int(in_a_row)) == (told.total + 1, told.in_a_row + 1)
    assert argument == ["an", "argument"]


def test_what_the_worker_before_said_is_read() -> None:
    assert restarts("7,1") == Restarts(7, 1)
    assert restarts("") == restarts(None) == Restarts()
