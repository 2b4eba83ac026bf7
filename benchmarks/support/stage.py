"""One Kafka and one worker after the other over the same topics and state: what a benchmark of a life needs."""

import asyncio
import contextlib
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Final

from analytics.local.children import resident_bytes
from analytics.local.supervisor import Supervisor
from benchmarks.harness import BenchmarkFailed, say
from benchmarks.support.processes import Sample, Worker, until_still, wait_for
from benchmarks.support.timeline import Timeline
from benchmarks.support.topics import PARTITIONS, TOPIC, fresh_topics, preload
from infra.kafka.server import KafkaServer

__all__ = ["MIB", "Stage", "staged"]

MIB: Final = 2**20
SEGMENTS: Final = {"log.segment.bytes": str(64 * MIB)}
QUIET_S: Final = 12.0
"""Without a change of any counter, before memory is read: flushes and scores are through then, and what nothing holds
any more was given back, which a worker does every ten seconds."""
QUIET_AT_MOST_S: Final = 60.0
READ_EVERY_S: Final = 0.5
READINGS: Final = 40
"""Of memory, so far apart, where it is not quiet before the end: one alone is up to a tenth off, by what a flush
or a tick takes for a moment."""
QUIET_READINGS: Final = 3
"""The last ones, where it is quiet: earlier ones may be of before anything was given back, hundreds of MiB more."""
READY_POLL_S: Final = 0.1


class Stage:
    """Fills the topic, starts workers that share state and lake, and says what they hold."""

    def __init__(
        self, name: str, place: Path, kafka: KafkaServer, lake: bool, partitions: int = PARTITIONS, **settings: float
    ) -> None:
        self.name, self._kafka, self._place = name, kafka, place
        self.children = Supervisor(place / "logs")
        self.env = {
            "TRUSTSCORE_BROKER": kafka.address,
            "TRUSTSCORE_LAKE": str(place / "lake") if lake else "",
            "TRUSTSCORE_DATA_DIR": str(place / "data"),
            "TRUSTSCORE_APPLICATION_ID": name,
            "TRUSTSCORE_PARTITIONS": str(partitions),
            **{f"TRUSTSCORE_{setting.upper()}": str(value) for setting, value in settings.items()},
        }
        self._lake, self._workers = lake, 0
        self.sent = 0

    def send(self, timeline: Timeline) -> None:
        """Put a timeline on the topic, behind what lies there."""
        sent, size, took_s = asyncio.run(preload(self._kafka.address, timeline.messages()))
        self.sent += sent
        say(f"{self.name}: {sent:,} reports of {size / sent:.0f} B on {TOPIC} in {took_s:.1f} s")

    def worker(self) -> Worker:
        """A new one, just started."""
        self._workers += 1
        return Worker(self.children, f"worker-{self._workers}", self.env)

    def started(self, within_s: float) -> tuple[Worker, float]:
        """A new worker that has its state and partitions, and the seconds that took.

        Raises
        ------
        BenchmarkFailed
            When it takes longer than ``within_s``.
        """
        began_s = time.monotonic()
        worker = self.worker()
        while not worker.sample().ready:
            if time.monotonic() - began_s > within_s:
                raise BenchmarkFailed(f"{worker.name} must be ready within {within_s:g} s")
            time.sleep(READY_POLL_S)
        return worker, time.monotonic() - began_s

    def wait_until_read(self, worker: Worker, folded: int) -> list[Sample]:
        """Samples until a worker has folded so many reports since its start, and nothing waits for lake or commit.

        Raises
        ------
        BenchmarkFailed
            When it stalls, rejects a report, or folds more than there are.
        """
        samples = wait_for(
            [worker], lambda now: now.folded >= folded and (not self._lake or now.pending == 0), self.name
        )
        last = samples[-1]
        if last.rejected or last.folded > folded:
            raise BenchmarkFailed(f"{self.name} must fold {folded:,} reports and reject none; got {last}")
        return samples

    def settled_bytes(self, worker: Worker) -> int:
        """Memory of a worker once nothing moves in it: in the middle of the last readings, some of which see a flush.

        The windows of many entities move every minute; then it is that of a worker at its scores.
        """
        held: deque[int] = deque(maxlen=READINGS)
        is_quiet = False
        for _, still_s in until_still(worker, QUIET_S, QUIET_AT_MOST_S, READ_EVERY_S):
            resident = resident_bytes(worker.pid)
            if resident is None:
                raise BenchmarkFailed(f"{self.name}: {worker.name} is gone")
            held.append(resident)
            is_quiet = still_s >= QUIET_S
        return int(median(list(held)[-QUIET_READINGS:] if is_quiet else held))

    def changelog_bytes(self) -> int:
        """What Kafka holds of the workers' state, and a worker reads at its start."""
        found = (self._kafka_data / "data").glob(f"{self.name}-*-changelog-*/*.log")
        return sum(path.stat().st_size for path in found)

    @property
    def _kafka_data(self) -> Path:
        return self._place / "kafka"


@contextlib.contextmanager
def staged(name: str, lake: bool, partitions: int = PARTITIONS, **settings: float) -> Iterator[Stage]:
    """A stage with topics that are new and empty; everything it started is stopped at the end.

    ``settings`` are of the workers, as in ``streams.settings``.
    """
    with tempfile.TemporaryDirectory(prefix=f"trustscore-{name}-") as directory:
        place = Path(directory)
        with KafkaServer(place / "kafka", properties=SEGMENTS) as kafka:
            asyncio.run(fresh_topics(kafka.address, application_id=name, partitions=partitions))
            stage = Stage(name, place, kafka, lake, partitions, **settings)
            try:
                yield stage
            finally:
                stage.children.stop_all()
