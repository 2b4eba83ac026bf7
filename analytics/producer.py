"""Reports → Kafka: sent when Kafka has acknowledged them, never before."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, UnknownError, for_code

from analytics.errors import Unavailable
from analytics.settings import REPORTS_TOPIC, Settings

__all__ = ["Message", "ReportProducer"]

_STOP_S: Final = 3.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Message:
    """One message of ``trust.reports``."""

    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


class ReportProducer:
    """A producer with ``acks=all`` that connects when it is first needed and again after a failure.

    It is idempotent where the broker can do that: Apache Kafka can, the embedded one cannot, so that there a lost
    acknowledgement may make a report count twice.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None
        self._connecting = asyncio.Lock()

    async def send(self, messages: Sequence[Message]) -> None:
        """Return when every message is acknowledged.

        Raises
        ------
        Unavailable
            When one was not within ``produce_timeout_s``. It may still have arrived.
        """
        unsent = len(messages)
        try:
            async with asyncio.timeout(self._settings.produce_timeout_s):
                producer = await self._connected()
                waiting = [
                    await producer.send(REPORTS_TOPIC, value=m.value, key=m.key, headers=list(m.headers))
                    for m in messages
                ]
                for acknowledged in waiting:
                    await acknowledged
                    unsent -= 1
        except (KafkaError, OSError, TimeoutError) as error:
            _log.warning("reports_not_sent", broker=self._settings.broker, unsent=unsent, problem=repr(error))
            await self.stop()
            raise Unavailable(
                "broker",
                f"Kafka at {self._settings.broker} acknowledged {len(messages) - unsent} of {len(messages)} reports "
                f"within {self._settings.produce_timeout_s:g} s ({type(error).__name__})",
                "send what is missing again once the broker is back",
            ) from error

    async def stop(self) -> None:
        """Let the connection go; harmless without one."""
        producer, self._producer = self._producer, None
        if producer is not None:
            # What is still unsent was refused to its caller, so waiting longer for a broker that is away helps nobody.
            with suppress(KafkaError, OSError, TimeoutError):
                await asyncio.wait_for(producer.stop(), _STOP_S)

    async def _connected(self) -> AIOKafkaProducer:
        async with self._connecting:
            if self._producer is None:
                await self._create_topic()
                try:
                    self._producer = await self._started(idempotent=True)
                except UnknownError:  # what the embedded broker answers to InitProducerId
                    _log.info("producer_not_idempotent", broker=self._settings.broker)
                    self._producer = await self._started(idempotent=False)
            return self._producer

    async def _started(self, idempotent: bool) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._settings.broker,
            client_id="trustscore-server",
            acks="all",
            enable_idempotence=idempotent,
            linger_ms=2,
            request_timeout_ms=10_000,
        )
        try:
            await producer.start()
        except BaseException:
            await producer.stop()
            raise
        return producer

    async def _create_topic(self) -> None:
        """Create ``trust.reports`` where no worker has: a report that comes first must not be lost."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._settings.broker, request_timeout_ms=10_000)
        try:
            await admin.start()
            if REPORTS_TOPIC not in await admin.list_topics():
                answer = await admin.create_topics([NewTopic(REPORTS_TOPIC, self._settings.partitions, 1)])
                for _, code, *_ in answer.topic_errors:
                    if code not in (0, TopicAlreadyExistsError.errno):
                        raise for_code(code)(f"topic {REPORTS_TOPIC} could not be created")
        finally:
            await admin.close()
