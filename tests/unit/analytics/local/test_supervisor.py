import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics.local.supervisor import ChildEnded, Supervisor, last_lines

GRACE_S = 20.0
WAITS = "import signal; print('waits'); signal.pause()"

ON_SIGTERM = """
import signal, sys
signal.signal(signal.SIGTERM, {handler})
open({ready!r}, "w").close()
signal.pause()
"""


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path / "logs")
    yield supervisor
    supervisor.stop_all()


def python(code: str) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", code]


def start_and_wait(supervisor: Supervisor, ready: Path, handler: str) -> None:
    """Start a child with that handler of SIGTERM; return once it is in place."""
    os.mkfifo(ready)
    supervisor.start("worker", python(ON_SIGTERM.format(handler=handler, ready=str(ready))))
    ready.read_text(encoding="ascii")  # returns when the child has opened and closed it


def wait_for_end(pid: int) -> None:
    """Wait until a process that is no child of this one has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([handle], [], [], GRACE_S)[0], f"process {pid} lives on"
    finally:
        os.close(handle)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_running_children_pass_the_check_and_are_stopped_youngest_first(supervisor: Supervisor) -> None:
    pids = [supervisor.start(name, python(WAITS)) for name in ("broker", "worker")]
    supervisor.check()
    assert supervisor.running == ("broker", "worker")
    supervisor.stop_all()
    assert list(supervisor.exit_codes) == ["worker", "broker"]
    assert not any(is_alive(pid) for pid in pids)
    supervisor.check()


def test_a_child_that_ends_is_named_with_its_code_and_last_words(supervisor: Supervisor) -> None:
    pid = supervisor.start("worker", python("print('no such topic'); raise SystemExit(3)"))
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(
        ChildEnded, match=r"the worker ended by itself with exit code 3; .*worker\.log:\n  no such topic"
    ):
        supervisor.check()


def test_a_killed_child_is_named_with_its_signal(supervisor: Supervisor) -> None:
    pid = supervisor.start("server", python(WAITS))
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(ChildEnded, match="the server ended by itself with signal SIGKILL"):
        supervisor.check()


def test_a_child_that_ignores_sigterm_is_killed_when_patience_ends(supervisor: Supervisor, tmp_path: Path) -> None:
    start_and_wait(supervisor, tmp_path / "ready", "signal.SIG_IGN")
    supervisor.stop("worker", patience_s=0.1)
    assert supervisor.exit_codes == {"worker": -signal.SIGKILL}


def test_a_clean_end_keeps_its_exit_code(supervisor: Supervisor, tmp_path: Path) -> None:
    start_and_wait(supervisor, tmp_path / "ready", "lambda *_: sys.exit(0)")
    supervisor.stop("worker")
    supervisor.stop("worker")  # harmless
    assert supervisor.exit_codes == {"worker": 0}


def test_two_children_cannot_have_one_name(supervisor: Supervisor) -> None:
    supervisor.start("worker", python(WAITS))
    with pytest.raises(ValueError, match="a child named worker runs already"):
        supervisor.start("worker", python(WAITS))


def test_a_child_gets_its_own_environment_on_top_of_ours(supervisor: Supervisor) -> None:
    pid = supervisor.start(
        "worker", python("import os; print(os.environ['A_SETTING'], 'PATH' in os.environ)"), {"A_SETTING": "x"}
    )
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert last_lines(supervisor.log_of("worker")) == ["x True"]


def test_memory_of_a_child_is_known_while_it_lives(supervisor: Supervisor, tmp_path: Path) -> None:
    start_and_wait(supervisor, tmp_path / "ready", "signal.SIG_DFL")
    assert (supervisor.memory_bytes("worker") or 0) > 500_000
    supervisor.stop("worker")
    assert supervisor.memory_bytes("worker") is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux kills the children with their parent")
def test_no_child_outlives_a_killed_parent(tmp_path: Path) -> None:
    code = (
        "import signal, sys; from pathlib import Path; from analytics.local.supervisor import Supervisor\n"
        f"s = Supervisor(Path({str(tmp_path)!r}))\n"
        f"print(s.start('worker', {python(WAITS)!r}), flush=True); signal.pause()"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_for_end(child)


def test_no_log_gives_no_lines(tmp_path: Path) -> None:
    assert last_lines(tmp_path / "absent.log") == []
