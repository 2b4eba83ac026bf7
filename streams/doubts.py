"""``trust.reporters`` as the fold uses it: who counts less than whole, and which of their reports are left out."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec
import numpy as np
import pyarrow as pa
import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from scoring.reporters import ReporterRecord
from streams.records import Record
from streams.settings import WorkerSettings
from streams.steps.sifting import counts
from streams.topics import REPORTERS
from streams.wire import Reject, left_out

__all__ = ["Doubts"]

_POLL_MS: Final = 500
_RETRY_S: Final = 1.0
_WAIT_S: Final = 10.0
_record = msgspec.json.Decoder(ReporterRecord)
log = structlog.get_logger()


class Doubts:
    """Follows ``trust.reporters`` outside of any group, and sifts reports by it."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self.weights: dict[str, float] = {}
        """Of the reporters that count less than whole."""
        self._read = asyncio.Event()

    async def run(self) -> None:
        """Follow the topic until cancelled; while it cannot be read, what was read last holds."""
        while True:
            try:
                await self._follow()
            except Exception as error:  # noqa: BLE001  # a worker that no longer hears of weights must go on folding
                log.warning("reporters_not_read", reason=repr(error))
                await asyncio.sleep(_RETRY_S)

    async def wait(self) -> None:
        """Return when all that the topic held has been read, at the latest after 10 s: reports do not wait for ever."""
        try:
            await asyncio.wait_for(self._read.wait(), _WAIT_S)
        except TimeoutError:
            log.warning("reporters_not_waited_for", seconds=_WAIT_S)

    def sift(self, reports: pa.Table, run: Sequence[Record]) -> tuple[pa.Table, list[Reject]]:
        """The reports that count, and the others as rejects with their reason."""
        if not self.weights or not len(reports):
            return reports, []
        counted = counts(reports, self.weights)
        if counted.all():
            return reports, []
        left = np.flatnonzero(~counted)
        return reports.filter(pa.array(counted)), left_out(reports.take(pa.array(left)), run, self._reason)

    def _reason(self, reporter_id: str) -> str:
        weight = self.weights[reporter_id]
        return (
            f"reporter_id {reporter_id} is doubted: {weight:.2f} of its reports count, this one does not; "
            "trustscore reporters show says why"
        )

    def take(self, records: Iterable[ConsumerRecord]) -> None:
        """Take messages of the topic in; what is none changes nothing."""
        for message in records:
            name = (message.key or b"").decode(errors="replace")
            if message.value is None:
                self.weights.pop(name, None)
                continue
            try:
                found = _record.decode(message.value)
            except msgspec.MsgspecError as error:
                log.warning("reporter_undecodable", offset=message.offset, reason=str(error))
                continue
            if 0 <= found.weight < 1:
                self.weights[found.reporter_id] = found.weight
            else:
                self.weights.pop(found.reporter_id, None)

    async def _follow(self) -> None:
        client = AIOKafkaConsumer(
            bootstrap_servers=self._settings.broker.split(","), enable_auto_commit=False, auto_offset_reset="earliest"
        )
        await client.start()
        try:
            await client.end_offsets([TopicPartition(REPORTERS, 0)])  # it makes the client learn of the partitions
            places = [TopicPartition(REPORTERS, each) for each in client.partitions_for_topic(REPORTERS) or ()]
            client.assign(places)
            await client.seek_to_beginning(*places)
            ends = await client.end_offsets(places)
            while True:
                for records in (await client.getmany(timeout_ms=_POLL_MS)).values():
                    self.take(records)
                if not self._read.is_set() and all([await client.position(p) >= ends[p] for p in places]):
                    log.info("reporters_read", doubted=len(self.weights))
                    self._read.set()
        finally:
            await client.stop()
