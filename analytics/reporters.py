"""What each reporter's reports count: weighed over the lake, published on ``trust.reporters``, held by the server."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

import msgspec
import numpy as np
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code
from aiokafka.structs import ConsumerRecord

from analytics.consumers import ended
from analytics.errors import Unavailable
from analytics.follower import Follower, Span
from analytics.lake import Lake
from analytics.lake_access import LakeAccess
from analytics.replay.columns import ANONYMOUS
from analytics.settings import REPORTERS_TOPIC, Settings
from scoring.arrays import Ints
from scoring.outcomes import Outcomes
from scoring.reporters import ReporterRecord, reporter_records

__all__ = ["SLOT_S", "ReporterBook", "publish", "weighed"]

SLOT_S: Final = 900.0
"""Within which many reports of one reporter about one provider are one voice."""
_KEPT_S: Final = 60.0
_MOST: Final = 5_000_000
_WAIT_S: Final = 5.0
_record = msgspec.json.Decoder(ReporterRecord)
_log = structlog.get_logger(__name__)


def weighed(lake: Lake, now_s: float, window_s: float) -> list[ReporterRecord]:
    """What each reporter of the last ``window_s`` seconds counts; who reports anonymously is nobody to weigh."""
    sql = """
        select reporter_id, provider_id, floor((epoch(timestamp) - $since_s) / $slot_s)::BIGINT as slot,
          avg((outcome = 'success')::DOUBLE) as success, count(*) as reports
        from reports
        where epoch(timestamp) >= $since_s and epoch(timestamp) <= $now_s and date >= to_timestamp($since_s)::DATE
          and reporter_id <> $anonymous
        group by all order by reporter_id, provider_id, slot limit $limit
    """
    asked = {"since_s": now_s - window_s, "now_s": now_s, "slot_s": SLOT_S, "anonymous": ANONYMOUS, "limit": _MOST}
    rows = lake.rows(sql, asked)
    if not rows:
        return []
    reporters, providers, slot, success, reports = (list(column) for column in zip(*rows, strict=True))
    reporter_ids, reporter = _numbered(reporters)
    provider_ids, provider = _numbered(providers)
    slots = int(max(slot)) + 1
    outcomes = Outcomes(
        reporter, provider, np.array(slot), np.array(success), len(reporter_ids), len(provider_ids), slots
    )
    counts = np.bincount(reporter, np.array(reports), len(reporter_ids)).astype(np.int64)
    return reporter_records(outcomes, reporter_ids, provider_ids, counts, now_s, window_s)


def _numbered(names: Sequence[str]) -> tuple[list[str], Ints]:
    ids, numbers = np.unique(np.array(names, dtype=object), return_inverse=True)
    return ids.tolist(), numbers.astype(np.int64)


async def publish(settings: Settings, records: Sequence[ReporterRecord], known: Mapping[str, ReporterRecord]) -> int:
    """Send what differs from ``known``, and a tombstone for each reporter that is not there any more; how many.

    Raises
    ------
    Unavailable
        When Kafka does not take it.
    """
    weighed = {record.reporter_id: record for record in records}
    told = {name: (record.weight, record.reasons) for name, record in known.items()}
    changed: dict[str, bytes | None] = {
        name: msgspec.json.encode(record)
        for name, record in weighed.items()
        if told.get(name) != (record.weight, record.reasons)
    }
    changed |= dict.fromkeys(known.keys() - weighed.keys())
    try:
        async with asyncio.timeout(settings.produce_timeout_s):
            await _create_topic(settings)
            producer = AIOKafkaProducer(bootstrap_servers=settings.broker, acks="all", linger_ms=5)
            await producer.start()
            try:
                sent = [await producer.send(REPORTERS_TOPIC, key=k.encode(), value=v) for k, v in changed.items()]
                await asyncio.gather(*sent)
            finally:
                await producer.stop()
    except (KafkaError, OSError, TimeoutError) as error:
        problem = f"Kafka at {settings.broker} did not take the weights of reporters ({type(error).__name__})"
        raise Unavailable("broker", problem, "it is tried again; see that the broker runs") from error
    return len(changed)


async def _create_topic(settings: Settings) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.broker, request_timeout_ms=10_000)
    try:
        await admin.start()
        if REPORTERS_TOPIC not in await admin.list_topics():
            configs = {"cleanup.policy": "compact"}
            answer = await admin.create_topics([NewTopic(REPORTERS_TOPIC, 1, 1, topic_configs=configs)])
            for _, code, *_ in answer.topic_errors:
                if code not in (0, TopicAlreadyExistsError.errno):
                    raise for_code(code)(f"topic {REPORTERS_TOPIC} could not be created")
    finally:
        await admin.close()


class ReporterBook:
    """Last word on every reporter: from ``trust.reporters`` where it is listened to, else weighed over the lake.

    Parameters
    ----------
    settings
        Broker and window.
    lake
        What to weigh where nobody publishes.
    clock
        Epoch seconds of now.
    """

    def __init__(self, settings: Settings, lake: LakeAccess, clock: Callable[[], float]) -> None:
        self._settings, self._lake, self._clock = settings, lake, clock
        self.published: dict[str, ReporterRecord] = {}
        self.follower = Follower(REPORTERS_TOPIC, settings.broker, self._begin, self._take)
        self._of_lake: tuple[float, dict[str, ReporterRecord]] | None = None
        self._reading = asyncio.Lock()
        self._listens = False

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Follow the topic while the block runs."""
        task = asyncio.create_task(self.follower.run(), name="reporter-follower")
        self._listens = True
        try:
            yield
        finally:
            self._listens = False
            await ended(task)

    async def get(self, reporter_id: str) -> ReporterRecord | None:
        """Of a reporter; None when none of its reports was weighed.

        Raises
        ------
        Unavailable
            When nothing is published and the lake cannot be read.
        """
        if self._listens:
            await self.follower.wait_for_word(_WAIT_S)
        if self.published:
            return self.published.get(reporter_id)
        async with self._reading:
            now_s = self._clock()
            if self._of_lake is None or not 0 <= now_s - self._of_lake[0] < _KEPT_S:
                records = await self._lake.ask(weighed, now_s, self._settings.weigh_window_s)
                self._of_lake = now_s, {record.reporter_id: record for record in records}
            return self._of_lake[1].get(reporter_id)

    def _begin(self, spans: Mapping[int, Span]) -> Mapping[int, int]:
        """Always from the first word: a broker that lost its log must not leave a mixture behind."""
        self.published.clear()
        return {number: span.first for number, span in spans.items()}

    async def _take(self, messages: Sequence[ConsumerRecord]) -> bool:
        for message in messages:
            name = (message.key or b"").decode(errors="replace")
            if message.value is None:
                self.published.pop(name, None)
                continue
            try:
                record = _record.decode(message.value)
            except msgspec.MsgspecError as error:
                _log.warning("reporter_undecodable", offset=message.offset, reason=str(error))
            else:
                self.published[record.reporter_id] = record
        return False
