"""What the peers share: how one is run, what it must print, and where what it needs is kept.

A peer is a program: ``python -m benchmarks.peers.NAME BROKER REPORTS`` reads so many JSON reports from
``trust.reports`` and ends with one line of JSON: ``reports`` it holds in its windows, ``seconds`` from the first seen
to the last counted, ``cpu_s`` used between the two, and sums (``successes``, ``latency_us``) where it keeps windows.
Exit code 3, with a sentence on stderr, says that it cannot run here.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.harness import BenchmarkFailed

__all__ = ["CACHE", "TOPIC", "Counted", "Totals", "Unavailable", "built_once", "counted", "last_words", "run_peer"]

TOPIC: Final = "trust.reports"
"""As ``benchmarks.support.topics`` has it, which a peer with libraries of its own cannot import."""
CACHE: Final = Path(__file__).resolve().parents[2] / ".cache" / "peers"
UNAVAILABLE: Final = 3
TIMEOUT_S: Final = 900.0


class Unavailable(Exception):
    """A peer that cannot run here; the sentence says why."""

    def as_exit(self) -> int:
        """Tell it, and the exit code that says so."""
        print(self, file=sys.stderr, flush=True)
        return UNAVAILABLE


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over reports, known beforehand or found in windows."""

    reports: int
    successes: int
    latency_us: int


@dataclass(frozen=True, slots=True)
class Counted:
    """What a peer says at its end."""

    reports: int
    seconds: float
    cpu_s: float

    @property
    def per_s(self) -> float:
        """Reports a second."""
        return self.reports / self.seconds

    @property
    def cpu_per_million_s(self) -> float:
        """Processor seconds for a million reports."""
        return self.cpu_s / self.reports * 1e6


def counted(name: str, output: str, wanted: Totals) -> Counted:
    """What the last line of a peer's output says.

    Raises
    ------
    BenchmarkFailed
        When its windows do not hold every report once: a fast peer that loses some is no result.
    """
    try:
        said = json.loads(output.splitlines()[-1])
        found = {key: said[key] for key in ("reports", "successes", "latency_us") if key in said}
        figures = Counted(int(said["reports"]), float(said["seconds"]), float(said["cpu_s"]))
    except (IndexError, KeyError, TypeError, ValueError) as fault:
        raise BenchmarkFailed(f"{name} must end with one line of JSON; got {output[-200:]!r} ({fault})") from None
    expected = {key: getattr(wanted, key) for key in found}
    if found != expected:
        raise BenchmarkFailed(f"{name} must hold {expected}; got {found}")
    if figures.seconds <= 0:
        raise BenchmarkFailed(f"{name} must take time; got {figures.seconds} s for {figures.reports:,} reports")
    return figures


def run_peer(name: str, broker: str, wanted: Totals) -> Counted:
    """Run one peer over the first ``wanted.reports`` of the topic.

    Raises
    ------
    Unavailable
        When it says that it cannot run here.
    BenchmarkFailed
        When it fails, or counts wrong.
    """
    command = [sys.executable, "-m", f"benchmarks.peers.{name}", broker, str(wanted.reports)]
    root = CACHE.parents[1]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=TIMEOUT_S, cwd=root)
    except subprocess.TimeoutExpired:
        raise BenchmarkFailed(
            f"{name} must count {wanted.reports:,} reports within {TIMEOUT_S:g} s; it did not"
        ) from None
    if done.returncode == UNAVAILABLE:
        raise Unavailable(last_words(done.stderr))
    if done.returncode:
        raise BenchmarkFailed(f"{name} must end with exit code 0; got {done.returncode}: {done.stderr[-2_000:]}")
    return counted(name, done.stdout, wanted)


def built_once(place: Path, build: Callable[[Path], None]) -> Path:
    """``place``, filled by ``build`` when it is not there; an interrupted build leaves nothing that looks complete."""
    if place.is_dir():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=f".{place.name}-") as beside:
        made = Path(beside, "made")
        made.mkdir()
        build(made)
        shutil.rmtree(place, ignore_errors=True)
        made.rename(place)
    return place


def last_words(text: str) -> str:
    """The last line that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no output")
