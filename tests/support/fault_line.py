"""A whole line under faults: Kafka that keeps its data, workers that may die, a producer that keeps its receipts."""

import asyncio
import itertools
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from aiokafka.errors import KafkaError

from analytics.local.children import free_port
from infra.kafka.server import KafkaServer
from streams.settings import WorkerSettings
from streams.topics import REPORTS, ensure_topics
from tests.support.fault_proxy import FaultProxy
from tests.support.kafka_clients import producer
from tests.support.recomputation import (
    Truth,
    differences_in_books,
    differences_in_lake,
    differences_in_scores,
    missing_in_lake,
    read_whole,
    truth_of,
)
from tests.support.running_service import eventually
from tests.support.traffic import Message, as_arrow, as_json, traffic
from tests.support.worker import Worker

__all__ = ["FaultLine", "Receipts", "let_run"]

_PIECE_S: Final = 0.1
_SESSIONS: Final = {"group.min.session.timeout.ms": "1000", "group.initial.rebalance.delay.ms": "0"}
_QUICK: Final = {"lake_flush_s": 0.2, "poll_records": 1_000, "session_timeout_s": 3}
"""Flushes follow one another closely, so that a random moment falls into one."""


def let_run(seconds: float) -> None:
    """Let the processes run on for so long: where in their work that ends is what a random moment is about."""
    time.sleep(seconds)


class Receipts:
    """What a producer was told of its reports."""

    def __init__(self) -> None:
        self.acknowledged: set[str] = set()
        """Ids of reports that Kafka said it has."""
        self.unknown: dict[str, str] = {}
        """Ids of reports that it said nothing of, or an error: they may be there."""

    def settle(self, ids: list[str], future: "asyncio.Future[Any]") -> None:
        """Take note of what came of a message."""
        error = asyncio.CancelledError() if future.cancelled() else future.exception()
        if error is None:
            self.acknowledged.update(ids)
        else:
            self.unknown.update(dict.fromkeys(ids, repr(error)))


class FaultLine:
    """Apache Kafka, workers and a producer; stopped and killed by the test, and compared with the log at the end.

    Parameters
    ----------
    root
        Directory of everything.
    seed
        Of the traffic and of the proxy.
    is_proxied
        Whether the workers reach Kafka through ``proxy`` alone.
    values
        Settings of every worker.
    """

    def __init__(self, root: Path, seed: int, is_proxied: bool = False, **values: Any) -> None:
        self.root, self.seed, self.rng = root, seed, random.Random(seed)
        self.receipts = Receipts()
        self.workers: list[Worker] = []
        self._values = _QUICK | values
        behind, front = free_port(), free_port()
        self.proxy = FaultProxy(f"127.0.0.1:{behind}", front, seed)
        listeners = {"PROXIED": (behind, self.proxy.address)}
        self.kafka = KafkaServer(root / "kafka", properties=_SESSIONS, listeners=listeners)
        self._address = self.proxy.address if is_proxied else self.kafka.address
        self._next_id, self._seeds = 0, itertools.count(seed * 1_000_003)
        self._ended = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as ended:
            ended.enter_context(self.proxy)  # first: its port is free now, and may not be in two seconds
            ended.enter_context(self.kafka)
            asyncio.run(ensure_topics(WorkerSettings(broker=self.broker)))
            self._ended = ended.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and hasattr(error, "add_note"):
            error.add_note(f"seed {self.seed}: make chaos SEED={self.seed} draws the same moments")
        self._ended.close()

    @property
    def broker(self) -> str:
        """Where Kafka is reached without the proxy."""
        return self.kafka.address

    @property
    def lake(self) -> Path:
        """Of all workers."""
        return self.root / "lake"

    # ------------------------------------------------------------------------------------------------------- workers
    def start_worker(self, **values: Any) -> Worker:
        """A worker that has just been started."""
        worker = self._ended.enter_context(Worker(self._address, self.root, **(self._values | values)))
        self.workers.append(worker)
        return worker

    def ready_worker(self, **values: Any) -> Worker:
        """A worker that holds its partitions."""
        worker = self.start_worker(**values)
        self.wait_until_ready(worker)
        return worker

    def wait_until_ready(self, *workers: Worker) -> None:
        """Return once each of these says that it is ready."""
        for worker in workers:
            eventually(lambda w=worker: self._is_ready(w), f"{worker.log.name} is ready", 90)  # type: ignore[misc]

    def _is_ready(self, worker: Worker) -> bool | None:
        self._check_alive(worker)
        return True if worker.get("/health/ready")[0] == 200 else None

    def _check_alive(self, worker: Worker) -> None:
        code = worker.process.poll()
        assert code is None, f"{worker.log.name} ended by itself with {code}: {worker.said()[-5:]}"

    def kill(self, *workers: Worker) -> None:
        """``kill -9``, all at once."""
        for worker in workers:
            worker.process.kill()
        for worker in workers:
            worker.kill()
            self.workers.remove(worker)

    def stop_workers(self) -> None:
        """SIGTERM to all that run; each must end cleanly."""
        for worker in self.workers:
            self._check_alive(worker)
        for worker in self.workers:
            worker.process.terminate()
        codes = {worker.log.name: worker.exit_code() for worker in self.workers}
        said = {worker.log.name: worker.said()[-5:] for worker in self.workers if codes[worker.log.name]}
        self.workers.clear()
        assert not any(codes.values()), (codes, said)

    def restart_broker(self, away_s: float = 0.0) -> None:
        """``kill -9`` to Kafka, and its start over the same data ``away_s`` later."""
        self.kafka.kill()
        let_run(away_s)
        self.kafka.start()

    # ------------------------------------------------------------------------------------------------------- traffic
    @contextmanager
    def sending(self, per_s: int, through: str = "", **options: Any) -> Iterator[None]:
        """Reports on their way while the body runs: keyed JSON, JSON without keys, Arrow.

        Afterwards each was acknowledged or failed. ``through`` is an address other than Kafka's own, such as the
        proxy's; ``options`` are the producer's.
        """
        stop, done = threading.Event(), Future[None]()

        def run() -> None:
            try:
                asyncio.run(self._send(per_s, stop, through, options))
                done.set_result(None)
            except BaseException as error:  # noqa: BLE001 — told by the thread that waits
                done.set_exception(error)

        thread = threading.Thread(target=run, name="producer")
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
        done.result()

    async def _send(self, per_s: int, stop: threading.Event, through: str, options: dict[str, Any]) -> None:
        settings = {"acks": "all", "enable_idempotence": True, "linger_ms": 5} | options
        broker, due_s, each = through or self.broker, time.monotonic(), int(per_s * _PIECE_S)
        waiting: set[asyncio.Future[Any]] = set()
        async with producer(broker, **settings) as client:
            while not stop.is_set():
                for (key, value, headers), ids in self.messages(each):
                    try:
                        future = await client.send(REPORTS, value=value, key=key, headers=list(headers))
                    except KafkaError as error:
                        self.receipts.unknown.update(dict.fromkeys(ids, repr(error)))
                        continue
                    waiting.add(future)
                    future.add_done_callback(partial(self.receipts.settle, ids))
                    future.add_done_callback(waiting.discard)
                due_s = max(due_s + _PIECE_S, time.monotonic() - 1.0)  # a slow machine sends less, not ever faster
                await asyncio.sleep(max(0.0, due_s - time.monotonic()))
            await asyncio.gather(*waiting, return_exceptions=True)

    def messages(self, n: int) -> Iterator[tuple[Message, list[str]]]:
        """The next ``n`` reports as messages, with the ids in each."""
        first, self._next_id = self._next_id, self._next_id + n
        reports = traffic(next(self._seeds), n, first)
        ids = [str(report["report_id"]) for report in reports]
        one, two = n // 3, n * 2 // 3
        if one:
            yield as_arrow(reports[:one]), ids[:one]
        for at, message in enumerate([*as_json(reports[one:two]), *as_json(reports[two:], keyed=False)], one):
            yield message, [ids[at]]

    # ---------------------------------------------------------------------------------------------------- comparison
    def equal_to_recomputation(self, within_s: float = 90, ahead_s: float = 0.0) -> Truth:
        """Wait until the workers are through, stop them, and compare all they wrote with what the log says.

        Changelogs, ``trust.scores``, ``trust.rejects`` and the lake; what the log says is returned. Workers whose clock
        is ``ahead_s`` ahead have forgotten what is too old then; where it is behind, below 0, some days have not begun.
        """
        truth = truth_of(read_whole(self.broker, REPORTS)[REPORTS])
        self._check_receipts(truth)
        self._wait_for_the_lake(truth, within_s)
        self.stop_workers()
        found = differences_in_books(truth, self.broker, ahead_s=max(0.0, ahead_s))
        found += differences_in_scores(truth, self.broker, ahead_s=ahead_s)
        found += differences_in_lake(truth, self.lake, self.broker)
        assert not found, "\n".join(found)
        return truth

    def _check_receipts(self, truth: Truth) -> None:
        """Kafka has what it acknowledged, once, and nothing that nobody sent."""
        ids = [id_ for id_ in truth.places.values() if id_ is not None]
        there = set(ids)
        assert len(ids) == len(there), f"{len(ids) - len(there)} reports are twice in the log"
        lost = self.receipts.acknowledged - there
        assert not lost, f"{len(lost)} acknowledged reports are not in the log: {sorted(lost)[:5]}"
        strange = there - self.receipts.acknowledged - self.receipts.unknown.keys()
        assert not strange, f"{len(strange)} reports in the log that nobody sent: {sorted(strange)[:5]}"

    def _wait_for_the_lake(self, truth: Truth, within_s: float) -> None:
        """Return once the lake holds all reports, and of every provider and facet a score that has seen all of them."""
        missing = ["nothing looked at"]

        def is_through() -> bool | None:
            for worker in self.workers:
                self._check_alive(worker)
            missing[:] = missing_in_lake(truth, self.lake)
            return None if missing else True

        try:
            eventually(is_through, "reports and final scores in the lake", within_s)
        except AssertionError as error:
            doubled = differences_in_lake(truth, self.lake, self.broker)
            raise AssertionError("\n".join([str(error), *missing, *doubled])) from error
