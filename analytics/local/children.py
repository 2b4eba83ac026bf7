"""Child processes on loopback: a free port, dying with the parent, memory, and waiting for a broker to answer."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

__all__ = ["BrokerDidNotStart", "dying_with_parent", "free_port", "resident_bytes", "wait_until_broker_answers"]

POLL_S: Final = 0.02

# prctl(PR_SET_PDEATHSIG) outlives exec. A launcher and not preexec_fn: that one is unsafe in a process with threads.
LAUNCHER: Final = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(1, int(sys.argv[2]))
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent ended before its child began")
os.execvp(sys.argv[3], sys.argv[3:])
"""


class BrokerDidNotStart(Exception):
    """The broker's process ended, or does not answer: which, after how long, and its last words."""

    def __init__(self, address: str, fault: str, log: Path) -> None:
        self.address, self.fault, self.log = address, fault, log
        tail = log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:] if log.exists() else []
        super().__init__(f"the broker on {address} {fault}; see {log}" + "".join(f"\n  {line}" for line in tail))


def free_port() -> int:
    """A TCP port that was free on 127.0.0.1 a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def dying_with_parent(command: Sequence[str], by: signal.Signals = signal.SIGTERM) -> list[str]:
    """The command, wrapped so that Linux sends it ``by`` when its parent ends in whatever way; elsewhere unchanged.

    Linux means the *thread* that started it: start it from one that lives as long as the process.
    """
    if not sys.platform.startswith("linux"):
        return list(command)
    return [sys.executable, "-I", "-S", "-c", LAUNCHER, str(os.getpid()), str(int(by)), *command]


def resident_bytes(pid: int) -> int | None:
    """Memory a process holds, bytes; None when it is gone."""
    if Path("/proc/self/statm").exists():
        try:
            pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]
        except (FileNotFoundError, ProcessLookupError):
            return None
        return int(pages) * os.sysconf("SC_PAGE_SIZE") or None
    said = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return int(said) * 1024 if said.strip() else None


def wait_until_broker_answers(address: str, process: subprocess.Popen[bytes], timeout_s: float, log: Path) -> None:
    """Return once the broker answers a metadata request.

    Raises
    ------
    BrokerDidNotStart
        When its process ends before, or ``timeout_s`` pass.
    """
    deadline_s = time.monotonic() + timeout_s
    while not (_accepts(address) and _answers_in_thread(address)):
        if (code := process.poll()) is not None:
            raise BrokerDidNotStart(address, f"ended with exit code {code} before it answered", log)
        if time.monotonic() > deadline_s:
            raise BrokerDidNotStart(address, f"did not answer within {timeout_s:g} s", log)
        time.sleep(POLL_S)


def _accepts(address: str) -> bool:
    host, port = address.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=1.0).close()
    except OSError:
        return False
    return True


def _answers_in_thread(address: str) -> bool:
    # The caller may be inside an event loop, which asyncio.run refuses.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, _answers(address)).result()


async def _answers(address: str) -> bool:
    client = AIOKafkaClient(bootstrap_servers=address, request_timeout_ms=2_000)
    try:
        await client.bootstrap()
        return bool(client.cluster.brokers())
    except KafkaError:
        return False
    finally:
        await client.close()
