"""A Faust table that reads its own changelog, and writes it as the owner of a term."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final

import faust
import structlog
from aiokafka import ConsumerRecord
from faust.types import TP

from streams.changelog import TERM_HEADER, Ledger, Overtaken, opening_key, term_of
from streams.crash import crash_point
from streams.fencing import Fence, NotMember
from streams.id_codec import is_of_ids
from streams.log_reader import read_logs
from streams.steps.duplicates import Seen
from streams.telemetry import Telemetry

__all__ = ["BookTable"]

log = structlog.get_logger()
AGAIN_S: Final = 0.5
"""Seconds before a term that could not be opened is tried again."""


class BookTable(faust.Table[bytes, bytes]):
    """A table whose keys begin with the partition they belong to (``b"3/60/1700000000/0"``).

    A plain Faust table takes the partition from the event being processed and refuses writes outside one; this one is
    written by a timer, and each write can be waited for. It holds what the changelog is known to hold, and writes as
    the owner of a term (``streams.changelog``). Report ids are held as ``seen`` alone once somebody has loaded them:
    their entries would take as much room again.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fence: Fence | None = None
        self.telemetry: Telemetry | None = None
        self.refusal: ValueError | None = None
        """Why the state of a partition cannot be read; the worker must not go on without it."""
        self.prepare: Callable[[int], None] | None = None
        """Called with each partition once its state is there, before anything is read that it takes in."""
        self.seen: dict[int, Seen] = {}
        """Report ids by partition, as loaded and gone on with; they stay with the partition over a rebalance."""
        self._ledgers: dict[int, Ledger] = {}
        self._healed: dict[int, int] = {}
        self._generation = 0

    def partition_for_key(self, key: bytes) -> int:
        """Partition that a key names."""
        return int(key[: key.index(b"/")])

    # ------------------------------------------------------------------------------------------------------ writing
    def write(self, key: bytes, value: bytes | None) -> "asyncio.Future[Any]":
        """Set (or, with ``None``, delete) an entry; the future is done when the changelog has it.

        Raises
        ------
        NotMember
            When this worker does not own the partition, or is not sure to.
        """
        number = self.partition_for_key(key)
        if self.fence is not None:
            self.fence.check()
        term = self.term(number)
        crash_point("state-between-entries")
        sent = self._send(number, key, value, term)
        sent.add_done_callback(partial(self._written, self._ledgers[number], key, value))
        return sent

    def term(self, partition: int) -> int:
        """The term in which this worker owns a partition.

        Raises
        ------
        NotMember
            When it does not.
        """
        ledger = self._ledgers.get(partition)
        if ledger is None or ledger.own is None:
            raise NotMember(float("inf"), self.app.conf.broker_session_timeout)
        return ledger.own

    def _send(self, number: int, key: bytes, value: bytes | None, term: int) -> "asyncio.Future[Any]":
        sent: asyncio.Future[Any] = self.changelog_topic.send_soon(
            key=key, value=value, partition=number, key_serializer="raw", value_serializer="raw",
            headers={TERM_HEADER: b"%d" % term}, eager_partitioning=True,
        )  # fmt: skip
        return sent

    def _written(self, ledger: Ledger, key: bytes, value: bytes | None, sent: "asyncio.Future[Any]") -> None:
        """The changelog has an entry. What it has not, this table must not hold: it would never be sent again."""
        if sent.cancelled() or sent.exception() is not None:
            return
        with self._counted(ledger):
            ledger.written(sent.result().offset)
        if self._ledgers.get(ledger.partition) is ledger and not is_of_ids(key):
            self._set(key, value)

    @contextmanager
    def _counted(self, ledger: Ledger) -> Iterator[None]:
        before = ledger.disturbances
        yield
        if self.telemetry:
            self.telemetry.disturbances.inc(ledger.disturbances - before)

    def _set(self, key: bytes, value: bytes | None) -> None:
        if value is None:
            self.data.pop(key, None)
        else:
            self.data[key] = value

    def disturbances(self, partition: int) -> int:
        """Entries of others found so far between those of the owner: state that they may hide is to be written anew."""
        ledger = self._ledgers.get(partition)
        return 0 if ledger is None else ledger.disturbances

    def is_whole(self, partition: int) -> bool:
        """Whether the state was written anew since the last entry of others; if not, the caller does that now."""
        return self.disturbances(partition) <= self._healed.get(partition, 0)

    def healed(self, partition: int, disturbances: int) -> None:
        """The state was written anew after so many entries of others were found."""
        self._healed[partition] = disturbances

    def accepts(self, message: Any) -> bool:
        """Whether what was read belongs to this worker still: its term is open, in the generation that read it.

        A chunk may be on its way when a rebalance begins. State opened for it would be that of the time before, or half
        of what is read from the changelog; the chunk itself comes again.
        """
        return self.owns(message.partition) and bool(message.generation_id == self._generation)

    def owns(self, partition: int) -> bool:
        """Whether this worker's term in ``partition`` is open: the table holds all of its state."""
        ledger = self._ledgers.get(partition)
        return ledger is not None and ledger.own is not None

    # ----------------------------------------------------------------------------------------------------- recovery
    def revoked(self, partitions: Iterable[TP]) -> None:
        """Own nothing any more, until the group has assigned it anew."""
        for ledger in self._ledgers.values():
            ledger.own = None

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        """Forget partitions that left, and those that came: others have written them since.

        Those that stay are forgotten, too, unless this worker was in the generation before: while it was paused they
        may have been another's, and what it wrote itself on waking is void, but for ids.
        """
        await super().on_rebalance(assigned, revoked, newly_assigned, generation_id)
        was_away = generation_id != self._generation + 1
        self._generation = generation_id
        changed = {tp.partition for tp in revoked | newly_assigned if tp.topic == self.changelog_topic_name}
        self._forget(set(self._ledgers) if was_away else changed)

    def _forget(self, gone: set[int]) -> None:
        for number in gone:
            for held in (self._ledgers, self._healed, self.seen):
                held.pop(number, None)
        for key in [key for key in self.data if self.partition_for_key(key) in gone]:
            self._set(key, None)

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Read the state of every partition and open a term in it; nothing else is read or written before that."""
        await super().on_recovery_completed(active_tps, standby_tps)
        generation, told = self._generation, ""
        closed = {tp.partition: self._ledgers.setdefault(tp.partition, Ledger(tp.partition)) for tp in active_tps}
        while closed and generation == self._generation == self.app.consumer_generation_id and not self.app.should_stop:
            try:
                await self._open(closed, generation)
            except Exception as error:  # noqa: BLE001  # Faust would go on without; the next rebalance ends the loop
                if told != repr(error):
                    log.warning("terms_not_opened", table=self.name, partitions=sorted(closed), problem=str(error))
                told = repr(error)
                await asyncio.sleep(AGAIN_S)
        for number in sorted(tp.partition for tp in active_tps):
            await asyncio.sleep(0)
            if self.prepare and self.owns(number):
                with suppress(ValueError):  # kept as ``refusal``
                    self.prepare(number)

    async def _open(self, closed: dict[int, Ledger], generation: int) -> None:
        """Say in the changelog that terms begin, and read all before that. What is done is taken from ``closed``.

        The table reads its changelog itself. Faust's recovery passes records through a queue that a rebalance empties,
        and takes those for read; here nothing is missed, and nothing is behind the record that it reads up to.
        """
        terms = {number: ledger.next_term(generation) for number, ledger in closed.items()}
        if any(term != generation for term in terms.values()):
            await self._be_confirmed()
        crash_point("recovery")
        opening = [self._send(at, opening_key(at, term), b"%d" % generation, term) for at, term in terms.items()]
        places = {at: sent.offset for at, sent in zip(terms, await asyncio.gather(*opening), strict=True)}
        await self._read(closed, places)
        for number, ledger in list(closed.items()):
            try:
                ledger.opened(terms[number], places[number])
            except Overtaken:
                if generation == self._generation and number in self.seen:
                    # These ids are of the time before, and the table has let go of their entries: all is read again.
                    self._forget({number})
                    closed[number] = self._ledgers[number] = Ledger(number)
                raise  # the next try takes a term behind the one that was found
            del closed[number]

    async def _read(self, ledgers: Mapping[int, Ledger], ends: Mapping[int, int]) -> None:
        """Take in entries as they lie in the changelog, but for those of terms that were over, unless they hold ids."""
        broker = [f"{url.host}:{url.port}" for url in self.app.conf.broker_consumer]
        ranges = {number: (ledger.last + 1, ends[number]) for number, ledger in ledgers.items()}
        async for number, run in read_logs(broker, self.changelog_topic_name, ranges):
            if self._ledgers.get(number) is not ledgers[number]:
                return  # the next rebalance has begun
            for record in run:
                self._take_in(ledgers[number], record)

    def _take_in(self, ledger: Ledger, record: ConsumerRecord) -> None:
        is_new = record.offset > ledger.last
        with self._counted(ledger):
            counts = ledger.counts(record.offset, term_of(record.headers))
        if counts or (is_new and is_of_ids(record.key)):
            self._set(record.key, record.value)

    def progress(self) -> tuple[tuple[int, int], ...]:
        """How far each changelog partition was read: (partition, offset)."""
        return tuple(sorted((number, ledger.last) for number, ledger in self._ledgers.items()))

    async def _be_confirmed(self) -> None:
        """Return once the group has answered, as to a member, something that was asked after now."""
        if self.fence is None:
            return
        asked_s = self.fence.clock()
        while self.fence.confirmed_s < asked_s:
            await asyncio.sleep(AGAIN_S / 10)
