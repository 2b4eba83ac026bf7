"""Child processes of one run: started with a log each, watched, stopped in order, none left behind."""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from analytics.errors import AnalyticsError
from analytics.local.children import dying_with_parent, resident_bytes

__all__ = ["ChildEnded", "Supervisor", "last_lines"]

_LAST_LINES: Final = 12


class ChildEnded(AnalyticsError):
    """A part that ended by itself: which, its exit code and its last words."""

    def __init__(self, name: str, code: int, log: Path) -> None:
        self.name, self.code, self.log = name, code, log
        words = "".join(f"\n  {line}" for line in last_lines(log)) or "\n  (it said nothing)"
        super().__init__(f"the {name} ended by itself with {_meaning(code)}; the last lines of {log}:{words}")


def last_lines(log: Path, lines: int = _LAST_LINES) -> list[str]:
    """The end of a log; nothing when there is no such file."""
    if not log.exists():
        return []
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 16_384))
        return file.read().decode("utf-8", "replace").splitlines()[-lines:]


class Supervisor:
    """Starts children on this thread, which has to live as long as they do, and ends them in the reverse order.

    On Linux a child is killed with its parent, however that ends; each is in a session of its own, so that Ctrl-C in a
    terminal reaches only this process, which then stops them one by one.

    Parameters
    ----------
    logs
        Directory that gets ``<name>.log`` of each child; made if absent.
    """

    def __init__(self, logs: Path) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self._logs = logs
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self.exit_codes: dict[str, int] = {}
        """Of the children that ``stop`` has ended; negative: the signal it took."""

    def start(self, name: str, command: Sequence[str], env: Mapping[str, str] | None = None) -> int:
        """Process id of the new child.

        Parameters
        ----------
        name
            For logs and sentences; none of the running ones may have it.
        command
            Program and arguments.
        env
            Set on top of this process's environment.
        """
        if name in self._children:
            raise ValueError(f"a child named {name} runs already")
        with self.log_of(name).open("ab") as log:
            child = subprocess.Popen(
                dying_with_parent(command, by=signal.SIGKILL), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
            )  # fmt: skip
        self._children[name] = child
        return child.pid

    def log_of(self, name: str) -> Path:
        """File with what a child says."""
        return self._logs / f"{name}.log"

    @property
    def running(self) -> tuple[str, ...]:
        """Names of the children not stopped yet, in the order of their start."""
        return tuple(self._children)

    def memory_bytes(self, name: str) -> int | None:
        """Resident memory of a child; None when it is gone."""
        return resident_bytes(self._children[name].pid) if name in self._children else None

    def check(self) -> None:
        """Raise ``ChildEnded`` when a child that was not stopped has ended."""
        for name, child in self._children.items():
            if (code := child.poll()) is not None:
                raise ChildEnded(name, code, self.log_of(name))

    def stop(self, name: str, patience_s: float = 10.0) -> None:
        """End a child: SIGTERM, and when it takes longer than ``patience_s``, SIGKILL to all of its session."""
        child = self._children.pop(name, None)
        if child is None:
            return
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(patience_s)
            except subprocess.TimeoutExpired:
                os.killpg(child.pid, signal.SIGKILL)  # its session's leader lives, so the group is certainly its own
                child.wait()
        self.exit_codes[name] = child.returncode

    def stop_all(self, patience_s: float = 10.0) -> None:
        """End every child, the youngest first."""
        for name in reversed(self.running):
            self.stop(name, patience_s)


def _meaning(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
