"""Workers under measurement: started as users start them, read through ``/metrics`` and ``/proc``."""

import contextlib
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from analytics.local.children import free_port, resident_bytes
from analytics.local.supervisor import ChildEnded, Supervisor, last_lines
from benchmarks.harness import BenchmarkFailed

__all__ = ["Sample", "Worker", "cpu_s", "peak_bytes", "sample_of", "since_start", "until_still", "wait_for"]

SAMPLE_S: Final = 0.25
STALLED_S: Final = 90.0
STOP_S: Final = 90.0


@dataclass(frozen=True, slots=True)
class Sample:
    """Counters of one worker, or of several together, at one moment."""

    at_s: float
    """Monotonic."""
    folded: int = 0
    stored: int = 0
    rejected: int = 0
    emitted: int = 0
    pending: int = 0
    lag: Mapping[tuple[str, str], int] | None = None
    """Messages not read yet by topic and partition; None before the worker says."""
    cpu_s: float = 0.0

    @property
    def ready(self) -> bool:
        """Whether every worker knows its partitions."""
        return self.lag is not None

    @property
    def has_begun(self) -> bool:
        """Whether a worker has read any report; folded they are by the hundred thousand."""
        return bool(self.folded or self.pending)

    def together(self, other: "Sample") -> "Sample":
        """Of two workers."""
        return Sample(
            max(self.at_s, other.at_s),
            self.folded + other.folded,
            self.stored + other.stored,
            self.rejected + other.rejected,
            self.emitted + other.emitted,
            self.pending + other.pending,
            {**(self.lag or {}), **(other.lag or {})} or None,
            self.cpu_s + other.cpu_s,
        )


class Worker:
    """One ``python -m streams.worker`` in the care of a ``Supervisor``.

    What the environment sets beside ``env`` reaches it too, so that a setting can be tried:
    ``TRUSTSCORE_POLL_RECORDS=50000 python -m benchmarks engine``.
    """

    def __init__(self, children: Supervisor, name: str, env: Mapping[str, str]) -> None:
        self.name, self._children = name, children
        port = free_port()
        self._url = f"http://127.0.0.1:{port}/metrics"
        settings = {"TRUSTSCORE_WORKER_PORT": str(port), **env}
        self.pid = children.start(name, [sys.executable, "-m", "streams.worker"], settings)

    def sample(self) -> Sample:
        """Now; zeros before it answers.

        Raises
        ------
        BenchmarkFailed
            When it has ended by itself.
        """
        try:
            self._children.check()
        except ChildEnded as fault:
            raise BenchmarkFailed(str(fault)) from None
        try:
            with urllib.request.urlopen(self._url, timeout=30) as answer:
                text = answer.read().decode()
        except (urllib.error.URLError, ConnectionError):
            return Sample(time.monotonic())
        return sample_of(text, time.monotonic(), cpu_s(self.pid) or 0.0)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """It does nothing meanwhile (SIGSTOP, SIGCONT)."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        os.kill(self.pid, signal.SIGKILL)
        self._children.stop(self.name)

    def stop(self) -> None:
        """SIGTERM; its exit code must be 0."""
        self._children.stop(self.name, STOP_S)
        code = self._children.exit_codes[self.name]
        if code != 0:
            words = "".join(f"\n  {line}" for line in last_lines(self._children.log_of(self.name)))
            raise BenchmarkFailed(f"{self.name} must stop with exit code 0; got {code}; its last words:{words}")


def until_still(worker: Worker, still_s: float, at_most_s: float, every_s: float) -> Iterator[tuple[Sample, float]]:
    """Samples, and for how long nothing had come in or out at each: until that is ``still_s``, or time is up."""
    before, moved_s, until_s, stood_s = worker.sample(), time.monotonic(), time.monotonic() + at_most_s, 0.0
    while stood_s < still_s and time.monotonic() < until_s:
        time.sleep(every_s)
        now, at_s = worker.sample(), time.monotonic()
        if (now.emitted, now.stored, now.lag) != (before.emitted, before.stored, before.lag):
            moved_s = at_s
        before, stood_s = now, at_s - moved_s
        yield now, stood_s


def wait_for(workers: Sequence[Worker], done: Callable[[Sample], bool], what: str) -> list[Sample]:
    """Samples of all workers together until ``done`` of the newest.

    Raises
    ------
    BenchmarkFailed
        When nothing changes for 90 s.
    """
    samples: list[Sample] = []
    moved_s, before = time.monotonic(), (-1, -1, -1)
    while not (samples and done(samples[-1])):
        if samples:
            time.sleep(SAMPLE_S)
        newest = workers[0].sample()
        for worker in workers[1:]:
            newest = newest.together(worker.sample())
        samples.append(newest)
        state = (newest.folded, newest.stored, sum((newest.lag or {}).values()))
        if state != before:
            moved_s, before = time.monotonic(), state
        elif time.monotonic() - moved_s > STALLED_S:
            raise BenchmarkFailed(f"{what}: nothing has changed for {STALLED_S:g} s; the last sample: {newest}")
    return samples


def since_start(samples: Sequence[Sample]) -> list[Sample]:
    """From the last one in which no report was read yet: there the clock of a rate begins."""
    unread = sum(not sample.has_begun for sample in samples)
    return list(samples[max(0, unread - 1) :])


def cpu_s(pid: int) -> float | None:
    """Processor seconds a process has used so far; None where ``/proc`` does not say."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    user, system = text.rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def peak_bytes(pid: int) -> int | None:
    """Most memory a process has held; where ``/proc`` does not say, what it holds now."""
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1_024
    return resident_bytes(pid)


def sample_of(text: str, at_s: float, used_cpu_s: float = 0.0) -> Sample:
    """What ``/metrics`` of a worker says, in Prometheus text."""
    values: dict[str, int] = {}
    lag: dict[tuple[str, str], int] = {}
    for family in text_string_to_metric_families(text):
        for one in family.samples:
            if one.name == "trustscore_consumer_lag":
                lag[one.labels["topic"], one.labels["partition"]] = int(one.value)
            elif not one.labels:
                values[one.name] = int(one.value)
    return Sample(
        at_s,
        values["trustscore_reports_folded_total"],
        values["trustscore_lake_reports_total"],
        values["trustscore_rejects_total"],
        values["trustscore_scores_emitted_total"],
        values["trustscore_pending_reports"],
        lag or None,
        used_cpu_s,
    )
