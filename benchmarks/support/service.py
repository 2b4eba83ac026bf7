"""A server under measurement: ``trustscore serve``, started as users start it."""

import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Final

from analytics.local.children import free_port
from analytics.local.supervisor import ChildEnded, Supervisor
from benchmarks.harness import BenchmarkFailed
from benchmarks.support.processes import cpu_s

__all__ = ["Server"]

READY_S: Final = 60.0
POLL_S: Final = 0.1


class Server:
    """One server in the care of a ``Supervisor``."""

    def __init__(self, children: Supervisor, name: str, env: Mapping[str, str]) -> None:
        self.name, self._children = name, children
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "analytics.cli.main", "serve"]
        self.pid = children.start(name, command, {"TRUSTSCORE_HTTP_PORT": str(port), **env})

    def wait_until_ready(self) -> None:
        """Return once ``/health/ready`` answers 200.

        Raises
        ------
        BenchmarkFailed
            When it ends or is not ready within a minute.
        """
        deadline_s = time.monotonic() + READY_S
        while not self._is_ready():
            if time.monotonic() > deadline_s:
                raise BenchmarkFailed(f"{self.name} must be ready within {READY_S:g} s; see {self._log}")
            time.sleep(POLL_S)

    def cpu_s(self) -> float:
        """Processor seconds used so far."""
        return cpu_s(self.pid) or 0.0

    @property
    def _log(self) -> str:
        return str(self._children.log_of(self.name))

    def _is_ready(self) -> bool:
        try:
            self._children.check()
        except ChildEnded as fault:
            raise BenchmarkFailed(str(fault)) from None
        try:
            with urllib.request.urlopen(f"{self.url}/health/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False
