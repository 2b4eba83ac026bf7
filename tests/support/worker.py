"""A worker as a child process, and what its lake and topics hold."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import duckdb
import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from deltalake import DeltaTable
from prometheus_client.parser import text_string_to_metric_families

from analytics.local.children import dying_with_parent, free_port
from scoring.records import ScoreRecord
from streams.settings import PREFIX
from tests.support.kafka_clients import producer
from tests.support.running_service import eventually

__all__ = ["Worker", "lake_rows", "produce", "read_topic", "scores_of"]

_ROOT: Final = Path(__file__).resolve().parents[2]


class Worker:
    """``python -m streams.worker`` with a port for its metrics; ended by its process id, whatever the test does.

    Its clock is ``clock_shift_s`` ahead of the others' (behind, where that is negative).
    """

    def __init__(self, broker: str, root: Path, clock_shift_s: float = 0.0, **values: Any) -> None:
        shifted = ["tests.support.shifted_worker", str(clock_shift_s)]
        self._module = shifted if clock_shift_s else ["streams.worker"]
        self.lake = root / "lake"
        self.log = root / f"worker-{len(list(root.glob('worker-*')))}.log"
        self._port = free_port()
        given = {"broker": broker, "lake": self.lake, "worker_port": self._port, "session_timeout_s": 6} | values
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(PREFIX)},
            **{PREFIX + name.upper(): str(value) for name, value in given.items()},
            "TMPDIR": str(root),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                dying_with_parent([sys.executable, "-m", *self._module], by=signal.SIGKILL),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment, cwd=_ROOT,
            )  # fmt: skip
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def process(self) -> "subprocess.Popen[bytes]":
        """The child."""
        assert self._process is not None, "the worker is started by `with`"
        return self._process

    def kill(self) -> None:
        """``kill -9``; harmless when it has ended."""
        self.process.kill()
        self.process.wait()

    def stop(self, within_s: float = 60) -> int:
        """Exit code after SIGTERM."""
        self.process.terminate()
        return self.exit_code(within_s)

    def exit_code(self, within_s: float = 60) -> int:
        """Exit code, once it ended by itself."""
        try:
            return self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the worker did not end within {within_s:g} s: {self.said()[-5:]}") from None

    def said(self) -> list[dict[str, Any]]:
        """Its log, line by line; a line that is no JSON as ``{"event": line}``."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return [json.loads(line) if line.startswith("{") else {"event": line} for line in lines]

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of its port; status 0 while nothing listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def metric(self, name: str) -> float:
        """Value of a metric, summed over its labels; 0 before the worker has any."""
        status, text = self.get("/metrics")
        if status != 200:
            return 0.0
        families = text_string_to_metric_families(text)
        return sum(sample.value for family in families for sample in family.samples if sample.name == name)

    def wait_until(self, name: str, at_least: float, within_s: float = 90) -> None:
        """Return once a metric is ``at_least`` so much; fails when the worker ends before."""

        def reached() -> bool | None:
            if self.process.poll() is not None:
                raise AssertionError(f"the worker ended with {self.process.returncode}: {self.said()[-5:]}")
            return True if self.metric(name) >= at_least else None

        eventually(reached, f"{name} at least {at_least:g}", within_s)


def produce(
    broker: str, messages: Iterable[tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes]]]], topic: str
) -> list[tuple[int, int]]:
    """Send key, value and headers of each; partition and offset of each, all of them acknowledged."""

    async def send() -> list[tuple[int, int]]:
        async with producer(broker, acks="all", linger_ms=5, max_batch_size=1 << 18) as client:
            sent = [await client.send(topic, value=v, key=k, headers=list(headers)) for k, v, headers in messages]
            return [(place.partition, place.offset) for place in await asyncio.gather(*sent)]

    return asyncio.run(send())


def read_topic(broker: str, topic: str, partitions: int = 4, idle_ms: int = 1_500) -> list[ConsumerRecord]:
    """All records of a topic: until nothing more comes for ``idle_ms``."""

    async def read() -> list[ConsumerRecord]:
        client = AIOKafkaConsumer(bootstrap_servers=broker, enable_auto_commit=False, fetch_max_wait_ms=200)
        await client.start()
        try:
            client.assign([TopicPartition(topic, partition) for partition in range(partitions)])
            await client.seek_to_beginning()
            records: list[ConsumerRecord] = []
            while fetched := await client.getmany(timeout_ms=idle_ms):
                records += [record for run in fetched.values() for record in run]
            return records
        finally:
            await client.stop()

    return asyncio.run(read())


def scores_of(broker: str) -> dict[str, ScoreRecord]:
    """Last word on each key of ``trust.scores``."""
    records = read_topic(broker, "trust.scores")
    return {
        (record.key or b"").decode(): msgspec.json.decode(record.value, type=ScoreRecord)
        for record in sorted(records, key=lambda record: (record.partition, record.offset))
    }


def lake_rows(lake: Path, table: str, select: str) -> list[tuple[Any, ...]]:
    """Rows of ``select …`` over the Parquet files that the last commit of a table names; ``{rows}`` stands for them."""
    if not (lake / table / "_delta_log").exists() or not (files := DeltaTable(str(lake / table)).file_uris()):
        return []
    with duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        sql = select.replace("{rows}", "read_parquet($files, hive_partitioning = true)")
        rows: list[tuple[Any, ...]] = con.execute(sql, {"files": files}).fetchall()
    return rows
