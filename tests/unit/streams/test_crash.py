import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from streams.crash import POINTS, arm, crash_point

STREAMS = Path(__file__).resolve().parents[3] / "streams"


def run(place: str, *passed: str) -> int:
    """Exit code of a process that is armed and then passes some places."""
    program = f"from streams.crash import arm, crash_point; arm({place!r})\n" + "\n".join(
        f"crash_point({name!r})" for name in passed
    )
    return subprocess.run([sys.executable, "-c", program], cwd=STREAMS.parent, check=False, timeout=60).returncode


def test_a_process_dies_at_its_place_as_kill_9_would() -> None:
    assert run("before-commit", "before-commit") == -signal.SIGKILL


def test_it_passes_the_place_until_the_time_that_was_named() -> None:
    assert run("before-commit:3", "before-commit", "before-commit") == 0
    assert run("before-commit:3", "before-commit", "before-commit", "before-commit") == -signal.SIGKILL


def test_other_places_are_passed() -> None:
    assert run("before-commit", "rebalance") == 0


def test_a_process_can_be_made_to_stop_and_goes_on_when_it_is_told_to() -> None:
    program = "from streams.crash import arm, crash_point; arm('recovery:2:stop')\n" + "crash_point('recovery')\n" * 3
    child = subprocess.Popen([sys.executable, "-c", program], cwd=STREAMS.parent)
    try:
        _, status = os.waitpid(child.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        child.send_signal(signal.SIGCONT)
        assert child.wait(60) == 0
    finally:
        child.kill()
        child.wait()


@pytest.mark.parametrize("unset", [None, ""], ids=["none", "empty"])
def test_nothing_happens_unasked(unset: str | None) -> None:
    arm(unset)
    for point in POINTS:
        crash_point(point)


@pytest.mark.parametrize(
    "place", ["nowhere", "recovery:0", "recovery:-1", "recovery:x", "recovery:1:jump", "recovery:1:stop:2"]
)
def test_a_place_that_does_not_exist_is_refused_with_those_that_do(place: str) -> None:
    with pytest.raises(ValueError, match=r"TRUSTSCORE_CRASH_AT must be one of recovery, .*; got") as refusal:
        arm(place)
    assert place in str(refusal.value)


def test_the_places_are_those_that_the_code_passes() -> None:
    calls = [
        name
        for path in STREAMS.rglob("*.py")
        for name in re.findall(r'crash_point\("([^"]+)"\)', path.read_text("utf-8"))
    ]
    assert sorted(set(calls)) == sorted(POINTS)
