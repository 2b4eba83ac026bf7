"""Books in Faust tables: parts of blocks as entries, flushed together, read back at the start."""

import asyncio
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, NamedTuple

import faust
import numpy as np
import structlog
from aiokafka import ConsumerRecord
from faust.types import TP

from scoring.book import LAST_SEEN, ROWS_PER_PART, BlockKey, Book, Closed
from streams.changelog import TERM_HEADER, Ledger, opening_key, term_of
from streams.codec import checked_part, decode_part, encode_part
from streams.crash import crash_point
from streams.fencing import Fence, NotMember
from streams.id_codec import SECRET_BYTES, restored, say_again, settled
from streams.id_codec import entries as id_entries
from streams.log_reader import read_logs
from streams.steps.duplicates import Seen
from streams.table_names import name_stages, read_names
from streams.telemetry import Telemetry

__all__ = ["BookTable", "Ids", "close_unused", "flush_book", "load_book", "load_seen", "was_torn"]

log = structlog.get_logger()
MARKER_BYTES: Final = 8
_BLOCK: Final = itemgetter(slice(2))
"""Of the key of a part, that of its block."""
AGAIN_S: Final = 0.5
"""Seconds before a term that could not be opened is tried again."""


class BookTable(faust.Table[bytes, bytes]):
    """A table whose keys begin with the partition they belong to (``b"3/60/1700000000/0"``).

    A plain Faust table takes the partition from the event being processed and refuses writes outside one; this one is
    written by a timer, and each write can be waited for. It holds what the changelog is known to hold, and writes as
    the owner of a term (``streams.changelog``).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fence: Fence | None = None
        self.telemetry: Telemetry | None = None
        self.refusal: ValueError | None = None
        """Why the state of a partition cannot be read; the worker must not go on without it."""
        self.prepare: Callable[[int], None] | None = None
        """Called with each partition once its state is there, before anything is read that it takes in."""
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
        ledger = self._ledgers.get(self.partition_for_key(key))
        if self.fence is not None:
            self.fence.check()
        if ledger is None or ledger.own is None:
            raise NotMember(float("inf"), self.app.conf.broker_session_timeout)
        crash_point("state-between-entries")
        sent = self._send(ledger.partition, key, value, ledger.own)
        sent.add_done_callback(partial(self._written, ledger, key, value))
        return sent

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
        if self._ledgers.get(ledger.partition) is ledger:
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
        may have been another's, and what it wrote itself on waking is void.
        """
        await super().on_rebalance(assigned, revoked, newly_assigned, generation_id)
        was_away = generation_id != self._generation + 1
        self._generation = generation_id
        changed = {tp.partition for tp in revoked | newly_assigned if tp.topic == self.changelog_topic_name}
        self._forget(set(self._ledgers) if was_away else changed)

    def _forget(self, gone: set[int]) -> None:
        for number in gone:
            self._ledgers.pop(number, None)
            self._healed.pop(number, None)
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
            ledger.opened(terms[number], places[number])
            del closed[number]

    async def _read(self, ledgers: Mapping[int, Ledger], ends: Mapping[int, int]) -> None:
        """Take in entries as they lie in the changelog, but for those of terms that were over."""
        broker = [f"{url.host}:{url.port}" for url in self.app.conf.broker_consumer]
        ranges = {number: (ledger.last + 1, ends[number]) for number, ledger in ledgers.items()}
        async for number, run in read_logs(broker, self.changelog_topic_name, ranges):
            if self._ledgers.get(number) is not ledgers[number]:
                return  # the next rebalance has begun
            for record in run:
                self._take_in(ledgers[number], record)

    def _take_in(self, ledger: Ledger, record: ConsumerRecord) -> None:
        with self._counted(ledger):
            counts = ledger.counts(record.offset, term_of(record.headers))
        if counts:
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


def load_book(table: BookTable, partition: int) -> Book:
    """The book of ``partition`` as last flushed, all blocks closed; empty when it never was.

    Raises
    ------
    ValueError
        When the state was written in another layout.
    """
    book, prefix = Book(), b"%d/" % partition
    own = {key: value for key, value in table.data.items() if key.startswith(prefix)}
    read_names(own, partition, book)
    for key, value in own.items():
        fields = key.split(b"/")
        if len(fields) == 4 and fields[1].isdigit():
            block, part = (int(fields[1]), int(fields[2])), int(fields[3])
            with _refusal_kept(table):
                book.closed.setdefault(block, Closed({}, decode_part)).values[part] = checked_part(value)
    return book


def was_torn(table: BookTable, partition: int) -> bool:
    """Whether the last flush of ``partition`` wrote what was last seen, and perhaps not all panes."""
    began, ended = table.data.get(b"%d/began" % partition), table.data.get(b"%d/flushed" % partition)
    return began is not None and began != ended


def load_seen(table: BookTable, partition: int, window_s: float) -> Seen:
    """The report ids that ``partition`` had seen as last flushed.

    Raises
    ------
    ValueError
        When they were written in another layout.
    """
    with _refusal_kept(table):
        return restored(table.data, partition, window_s, os.urandom(SECRET_BYTES))


@contextmanager
def _refusal_kept(table: BookTable) -> Iterator[None]:
    """Let the table keep why its state cannot be read: the worker ends with that."""
    try:
        yield
    except ValueError as refusal:
        table.refusal = refusal
        raise


class Ids(NamedTuple):
    """Report ids to be written with a book."""

    seen: Seen
    first_ms: int
    """When the broker took the first record that is not acknowledged."""


async def flush_book(table: BookTable, partition: int, book: Book, now_s: float, ids: Ids | None = None) -> int:
    """Write what changed since the last flush and wait until the changelog has it; how many entries were written.

    What others rest on is waited for before they go. Sent together, the first might be refused while membership is
    unsure, and the others go out a moment later, when it is not. Names go first: a row that was written always has its
    name, and no next owner gives it to another. Of parts of names that went together a later one counts only where all
    before it are full; what a crash left of others is deleted before that. Then what was last seen: no pane holds a
    report behind it, so a replay knows from it which reports cannot be in any. It goes with a marker that the end of
    the flush repeats: ``was_torn`` tells the next owner by it that panes may be behind what was last seen.

    When others have written between, all is written anew: compaction keeps the last record of a key, also one that
    does not count.
    """
    written = await _flush(table, partition, book, now_s, ids)
    if not table.is_whole(partition):
        disturbances = table.disturbances(partition)
        log.warning("state_written_anew", partition=partition, disturbances=disturbances)
        book.named = 0
        book.touch_all()
        if ids:
            say_again(ids.seen, table.data, partition)
        written += await _flush(table, partition, book, now_s, ids)
        table.healed(partition, disturbances)
    return written


def close_unused(table: BookTable, partition: int, book: Book) -> None:
    """Hold those blocks as bytes that nothing has asked for since the last time; the table has the bytes already.

    All that was sent of them must have arrived: a closed block is not sent again.
    """
    _close(table, partition, book, book.unused())
    book.used.clear()


def _close(table: BookTable, partition: int, book: Book, unused: Iterable[BlockKey]) -> None:
    for key in unused:
        block = book.blocks.get(key)
        if block is not None:
            parts = np.unique(block.rows() // ROWS_PER_PART).tolist()
            keys = {part: _part_key(partition, (*key, part)) for part in parts}
            if all(part_key in table.data for part_key in keys.values()):  # else the partition left
                book.close(key, Closed({part: table.data[part_key] for part, part_key in keys.items()}, decode_part))


def _part_key(partition: int, part: tuple[int, int, int]) -> bytes:
    return b"%d/%d/%d/%d" % (partition, *part)


async def _flush(table: BookTable, partition: int, book: Book, now_s: float, ids: Ids | None) -> int:
    gone = book.expire(now_s)
    unused = book.unused()
    book.used.clear()
    began = os.urandom(MARKER_BYTES) if any(key[:2] == LAST_SEEN for key in book.dirty) else b""
    stages = _stages(table, partition, book, gone, began)
    if ids:
        stages[-1] += id_entries(ids.seen, partition, ids.first_ms)
    named, book.named = book.named, len(book.names)
    dirty, book.dirty = book.dirty, set()
    try:
        for stage in stages:
            await asyncio.gather(*[table.write(key, value) for key, value in stage])
        if began:
            crash_point("state-before-marker")
            await table.write(b"%d/flushed" % partition, began)
        if ids:
            settled(ids.seen)
    except BaseException:
        book.named, book.dirty = min(named, book.named), book.dirty | dirty
        raise
    _close(table, partition, book, {*(key for key in unused if key not in book.used), *book.crowding()})
    return sum(map(len, stages))


def _stages(
    table: BookTable, partition: int, book: Book, gone: Iterable[tuple[int, int, int]], began: bytes
) -> list[list[tuple[bytes, bytes | None]]]:
    """What a flush writes, each stage once the one before is there: names, what was last seen, panes.

    Each waits for the changelog, and a busy worker comes to look at its answer once in a second or so: with thirteen
    parts of names one after the other, a flush of four partitions took a minute.
    """
    last_seen: list[tuple[bytes, bytes | None]] = [(b"%d/began" % partition, began)] if began else []
    panes: list[tuple[bytes, bytes | None]] = [
        (entry, None) for entry in (_part_key(partition, key) for key in gone) if entry in table.data
    ]
    for block, keys in groupby(sorted(book.dirty), key=_BLOCK):
        entries = last_seen if block == LAST_SEEN else panes
        entries += [(_part_key(partition, key), encode_part(book.part(*key))) for key in keys]
        book.all_read(block)
    return [*name_stages(table.data, partition, book), last_seen, panes]
