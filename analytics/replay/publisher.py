"""Batches of reports → ``trust.reports``, counted when Kafka has acknowledged them."""

import asyncio
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, Self

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, UnknownError, UnsupportedVersionError, for_code
from aiokafka.partitioner import DefaultPartitioner

from analytics.errors import Unavailable
from analytics.replay.wire import ARROW_HEADERS, Wire, as_arrow, as_json

__all__ = ["Publisher"]

_BATCH_BYTES: Final = 256 * 1_024
_ARROW_ROWS: Final = 1_000
_MOST_WAITING: Final = 64
"""Batches on their way before ``publish`` waits: 16 MB."""


class Publisher:
    """A producer that waits for all replicas (``acks=all``) and is idempotent where the broker can be.

    The embedded broker refuses idempotence; there a batch that is retried could arrive twice, and ``report_id`` tells.

    Parameters
    ----------
    broker
        Bootstrap servers.
    topic
        Where to; created with ``partitions`` partitions when absent.
    wire
        How reports travel.
    patience_s
        How long Kafka may take to confirm a batch.
    """

    def __init__(
        self, broker: str, topic: str, partitions: int = 4, wire: Wire = Wire.JSON, patience_s: float = 30.0
    ) -> None:
        self.broker, self.topic = broker, topic
        self.acknowledged = 0
        """Reports that Kafka has confirmed so far."""
        self.fault: str | None = None
        """The first reason for which Kafka did not confirm some."""
        self._wire, self._wanted_partitions, self._patience_ms = wire, partitions, int(patience_s * 1_000)
        self._producer: AIOKafkaProducer | None = None
        self._open: dict[int, Any] = {}
        self._waiting: set[asyncio.Task[None]] = set()
        self._partition_of: dict[str, int] = {}
        self._partitions: list[int] = []
        self._sent_messages = 0

    async def publish(self, reports: Sequence[dict[str, Any]]) -> None:
        """Take reports over; full batches leave at once, the rest with ``flush``.

        Raises
        ------
        Unavailable
            When a batch could not even be handed over in time.
        """
        if self._wire is Wire.ARROW:
            for start in range(0, len(reports), _ARROW_ROWS):
                rows = reports[start : start + _ARROW_ROWS]
                partition = self._partitions[self._sent_messages % len(self._partitions)]
                self._sent_messages += 1
                batch = self._started.create_batch()
                batch.append(timestamp=_now_ms(), key=None, value=as_arrow(rows), headers=list(ARROW_HEADERS))
                await self._hand_over(partition, batch, len(rows))
            return
        now_ms = _now_ms()
        for report in reports:
            provider_id = report["provider_id"]
            partition = self._partition_of.get(provider_id, -1)
            if partition < 0:
                partition = self._partition(provider_id)
            key, value = provider_id.encode(), as_json(report)
            batch = self._open.get(partition)
            if batch is None or batch.append(timestamp=now_ms, key=key, value=value) is None:
                if batch is not None:
                    await self._hand_over(partition, batch, batch.record_count())
                batch = self._open[partition] = self._started.create_batch()
                batch.append(timestamp=now_ms, key=key, value=value)

    async def flush(self) -> None:
        """Return when everything published is acknowledged or has failed."""
        for partition, batch in self._open.items():
            await self._hand_over(partition, batch, batch.record_count())
        self._open.clear()
        if self._waiting:
            await asyncio.wait(self._waiting)

    async def __aenter__(self) -> Self:
        try:
            await self._create_topic()
            self._producer = await self._connected()
            self._partitions = sorted(await self._producer.partitions_for(self.topic))
        except (KafkaError, OSError) as error:
            raise Unavailable(
                "broker",
                f"Kafka at {self.broker} cannot be reached ({error})",
                "start it (`trustscore up` brings its own) or set TRUSTSCORE_BROKER or --broker",
            ) from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._producer is not None:
            await self._producer.stop()

    @property
    def _started(self) -> AIOKafkaProducer:
        assert self._producer is not None, "use `async with`"
        return self._producer

    def _partition(self, provider_id: str) -> int:
        """The one every Kafka client picks for this key (murmur2)."""
        chosen: int = DefaultPartitioner()(provider_id.encode(), self._partitions, self._partitions)
        self._partition_of[provider_id] = chosen
        return chosen

    async def _hand_over(self, partition: int, batch: Any, reports: int) -> None:
        while len(self._waiting) >= _MOST_WAITING:
            await asyncio.wait(self._waiting, return_when=asyncio.FIRST_COMPLETED)
        try:
            sent = await self._started.send_batch(batch, self.topic, partition=partition)
        except KafkaError as error:
            self.fault = self.fault or repr(error)
            return
        task = asyncio.create_task(self._confirm(sent, reports))
        self._waiting.add(task)
        task.add_done_callback(self._waiting.discard)

    async def _confirm(self, sent: "asyncio.Future[Any]", reports: int) -> None:
        try:
            await sent
        except KafkaError as error:
            self.fault = self.fault or repr(error)
        else:
            self.acknowledged += reports

    async def _connected(self) -> AIOKafkaProducer:
        try:
            with _quiet("aiokafka.producer.sender"):
                return await self._start(idempotent=True)
        except (UnknownError, UnsupportedVersionError):
            return await self._start(idempotent=False)

    async def _start(self, idempotent: bool) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=self.broker,
            client_id="trustscore-replay",
            acks="all",
            enable_idempotence=idempotent,
            max_batch_size=_BATCH_BYTES,
            compression_type="lz4",
            request_timeout_ms=self._patience_ms,
        )
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        return producer

    async def _create_topic(self) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.broker, request_timeout_ms=10_000)
        try:
            await admin.start()
            if self.topic in await admin.list_topics():
                return
            answer = await admin.create_topics([NewTopic(self.topic, self._wanted_partitions, 1)])
            for _, code, *_ in answer.topic_errors:
                if code not in (0, TopicAlreadyExistsError.errno):
                    raise for_code(code)(f"topic {self.topic} could not be created")
        finally:
            await admin.close()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@contextmanager
def _quiet(logger: str) -> Iterator[None]:
    """Keep a library from logging what is tried and handled here."""
    log = logging.getLogger(logger)
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before
