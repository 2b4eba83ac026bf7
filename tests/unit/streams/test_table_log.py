import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from aiokafka.structs import ConsumerRecord, RecordMetadata
from faust.types import TP

from streams.app import build_app
from streams.books import load_seen
from streams.changelog import Ledger, Overtaken
from streams.fencing import Fence, NotMember
from streams.id_codec import entries
from streams.steps.duplicates import Seen, counted
from streams.tables import BookTable
from tests.support.memory_worker import settings


@dataclass
class Log:
    """A table of a worker that was never started, and the changelog as the broker would tell of it."""

    table: BookTable
    place: int = 0

    def tp(self, partition: int = 3) -> TP:
        return TP(self.table.changelog_topic_name, partition)

    def read(self, *entries: tuple[bytes, bytes | None, int | None], partition: int = 3) -> None:
        """Entries that lie in the changelog: key, value, term."""
        ledger = self.table._ledgers.setdefault(partition, Ledger(partition))
        for key, value, term in entries:
            headers = () if term is None else (("term", b"%d" % term),)
            self.table._take_in(ledger, record(self.tp(partition), self.place, key, value, headers))
            self.place += 1

    def own(self, term: int = 7, partition: int = 3) -> None:
        """A term was opened at the end of the log."""
        self.table._ledgers.setdefault(partition, Ledger(partition)).opened(term, self.place)
        self.place += 1

    def write(self, key: bytes, value: bytes | None) -> "asyncio.Future[Any]":
        return self.table.write(key, value)

    async def take(self, sent: "asyncio.Future[Any]", skipped: int = 0) -> None:
        """The broker acknowledges, after ``skipped`` records of others."""
        self.place += skipped
        sent.set_result(RecordMetadata(*self.tp(), self.tp(), self.place, 0, 0, 0))
        self.place += 1
        await asyncio.sleep(0)


class Changelog:
    """What the broker holds of partition 3: openings are put behind it, and the table reads it."""

    def __init__(self, log: Log, entries: list[tuple[bytes, bytes, int]], monkeypatch: pytest.MonkeyPatch) -> None:
        self.log, self.entries = log, entries
        self.asked: list[tuple[int, int]] = []
        self.fails = 0
        self.meanwhile: Callable[[], None] | None = None
        monkeypatch.setattr("streams.tables.read_logs", self.runs)
        monkeypatch.setattr(log.table, "_send", lambda *given: asyncio.ensure_future(self.send(*given)))

    async def send(self, _number: int, key: bytes, value: bytes, term: int) -> RecordMetadata:
        self.entries.append((key, value, term))
        return RecordMetadata(*self.log.tp(), self.log.tp(), len(self.entries) - 1, 0, 0, 0)

    async def runs(
        self, _broker: object, _topic: str, ranges: dict[int, tuple[int, int]]
    ) -> AsyncIterator[tuple[int, list[ConsumerRecord]]]:
        self.asked.append(ranges[3])
        if self.fails:
            self.fails -= 1
            raise TimeoutError
        if self.meanwhile:
            self.meanwhile()
        yield 3, [self.record_at(place) for place in range(*ranges[3])]

    def record_at(self, place: int) -> ConsumerRecord:
        key, value, term = self.entries[place]
        return record(self.log.tp(), place, key, value, [("term", b"%d" % term)])


def record(
    tp: TP, offset: int, key: bytes, value: bytes | None, headers: Sequence[tuple[str, bytes]]
) -> ConsumerRecord:
    return ConsumerRecord(tp.topic, tp.partition, offset, 0, 0, key, value, None, len(key), 0, headers)


@contextmanager
def a_log() -> Iterator[Log]:
    parts = build_app(settings(lake=""))
    yield Log(parts.tables[0])
    thread: Any = parts.app.consumer
    thread._thread.thread_loop.close()


def story(play: Callable[[Log], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        with a_log() as log:
            log.table.fence = Fence(10, lambda: 0.0)
            log.table.fence.confirmed(0.0)
            await log.table.on_rebalance(set(), set(), {log.tp()}, 1)
            await play(log)

    asyncio.run(run())


def test_what_an_owner_writes_late_is_not_read() -> None:
    async def play(log: Log) -> None:
        log.read(
            (b"3/a", b"old", 1), (b"3/term/2", b"", 2), (b"3/a", b"new", 2), (b"3/a", b"late", 1), (b"3/a", None, 1)
        )
        assert log.table.data[b"3/a"] == b"new"
        assert log.table.disturbances(3) == 2

    story(play)


def test_entries_without_a_term_are_read() -> None:
    async def play(log: Log) -> None:
        log.read((b"3/a", b"1", None), (b"3/b", b"2", 4), (b"3/a", b"3", None))
        assert log.table.data[b"3/a"] == b"3"

    story(play)


def test_nothing_is_written_before_a_term_is_open_and_while_the_group_is_silent() -> None:
    async def play(log: Log) -> None:
        clock = [0.0]
        log.table.fence = Fence(10, lambda: clock[0])
        log.table.fence.confirmed(0)
        with pytest.raises(NotMember):
            log.write(b"3/a", b"1")
        log.own()
        log.write(b"3/a", b"1")
        clock[0] = 11
        with pytest.raises(NotMember, match=r"last confirmed 11\.0 s ago"):
            log.write(b"3/a", b"2")
        log.table.fence.confirmed(11)
        log.table.revoked([log.tp()])
        with pytest.raises(NotMember):
            log.write(b"3/a", b"2")

    story(play)


def test_an_entry_carries_its_term() -> None:
    async def play(log: Log) -> None:
        log.own(7)
        message = log.write(b"3/a", b"1").message  # type: ignore[attr-defined]
        assert (message.partition, dict(message.headers)) == (3, {"term": b"7"})

    story(play)


def test_the_table_holds_what_the_changelog_has() -> None:
    async def play(log: Log) -> None:
        log.own()
        one, other = log.write(b"3/a", b"1"), log.write(b"3/b", b"1")
        assert b"3/a" not in log.table.data
        await log.take(one)
        other.set_exception(OSError("away"))
        await asyncio.sleep(0)
        assert dict(log.table.data.items()) == {b"3/a": b"1"}
        await log.take(log.write(b"3/a", None))
        assert dict(log.table.data.items()) == {}

    story(play)


def some_ids(seen: Seen, term: int, *keys: int) -> list[tuple[bytes, bytes]]:
    counted(seen, np.array(keys, np.uint64), np.array(keys), np.full(len(keys), 1_800_000_000_000))
    return [(name, value) for name, value in entries(seen, 3, 1_800_000_000_000, term) if value is not None]


def test_ids_that_were_read_or_written_are_held_once() -> None:
    async def play(log: Log) -> None:
        log.own()
        made = some_ids(load_seen(log.table, 3, 120), 7, 0, 1, 2)
        assert [name for name, _ in made] == [b"3/ids/key", b"3/ids/60000000/0-2-0-7"]
        for name, value in made:
            await log.take(log.write(name, value))
        assert list(log.table.data) == [b"3/ids/key"], "who wrote them has them"
        await log.table.on_rebalance(set(), set(), {log.tp()}, 2)
        log.read(*((name, value, 7) for name, value in made))
        assert len(log.table.data) == 2
        assert load_seen(log.table, 3, 120).held == 3
        assert list(log.table.data) == [b"3/ids/key"], "who read them has them"

    story(play)


@pytest.mark.parametrize(("left", "generation", "is_kept"), [(set(), 2, True), ({3}, 2, False), (set(), 4, False)])
def test_ids_are_kept_while_nobody_else_can_have_written(left: set[int], generation: int, is_kept: bool) -> None:
    async def play(log: Log) -> None:
        log.own()
        ours = load_seen(log.table, 3, 120)
        await log.table.on_rebalance({log.tp(3)}, {log.tp(at) for at in left}, set(), generation)
        assert (load_seen(log.table, 3, 120) is ours) == is_kept

    story(play)


def test_ids_that_a_term_before_wrote_late_are_read_and_nothing_else_of_it_is() -> None:
    """They say what the log of reports says; and where the changelog was compacted they may be all that is left."""

    async def play(log: Log) -> None:
        key, ids = some_ids(Seen(30_000, bytes(32)), 1, 5)
        log.read((*key, 1), (b"3/term/2", b"", 2), (*ids, 1), (b"3/ids/key", b"late", 1), (b"3/a", b"late", 1))
        assert load_seen(log.table, 3, 120).held == 1
        assert set(log.table.data) == {b"3/ids/key", b"3/term/2"}

    story(play)


def test_a_worker_that_finds_a_later_term_reads_all_of_that_partition_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(log: Log) -> None:
        log.own(7)
        ours = load_seen(log.table, 3, 120)
        log.read((b"3/a", b"1", 7))
        changelog = Changelog(log, [(b"3/term/7", b"", 7), (b"3/a", b"1", 7), (b"3/term/9", b"", 9)], monkeypatch)
        closed = dict(log.table._ledgers)
        with pytest.raises(Overtaken):
            await log.table._open(closed, 1)
        assert dict(log.table.data.items()) == {}
        with pytest.raises(Overtaken):
            await log.table._open(closed, 1)
        await log.table._open(closed, 1)
        assert not closed
        assert log.table.term(3) == 10
        assert changelog.asked == [(2, 3), (0, 4), (4, 5)]
        assert log.table.data[b"3/a"] == b"1"
        assert load_seen(log.table, 3, 120) is not ours

    story(play)


@pytest.mark.parametrize("loads", [True, False])
def test_a_term_that_could_not_be_read_up_to_is_followed_by_another(
    monkeypatch: pytest.MonkeyPatch, loads: bool
) -> None:
    """The opening record of the first try is there; the next one finds it."""

    async def play(log: Log) -> None:
        log.own(1)
        if loads:
            load_seen(log.table, 3, 120)
        await log.table.on_rebalance({log.tp(3)}, set(), set(), 2)
        changelog = Changelog(log, [(b"3/term/1", b"", 1)], monkeypatch)
        closed = dict(log.table._ledgers)
        changelog.fails = 1
        with pytest.raises(TimeoutError):
            await log.table._open(closed, 2)
        for _ in range(2 if loads else 1):
            with pytest.raises(Overtaken):
                await log.table._open(closed, 2)
        await log.table._open(closed, 2)
        assert log.table.term(3) == 3

    story(play)


def test_an_opening_of_the_generation_before_that_ends_late_leaves_what_is_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def play(log: Log) -> None:
        log.read((b"3/a", b"1", 1))
        ours = load_seen(log.table, 3, 120)
        Changelog(log, [(b"3/a", b"1", 1)], monkeypatch).meanwhile = lambda: log.own(9)
        with pytest.raises(Overtaken):
            await log.table._open(dict(log.table._ledgers), 0)
        assert log.table.term(3) == 9
        assert log.table.data[b"3/a"] == b"1"
        assert load_seen(log.table, 3, 120) is ours

    story(play)


def test_strangers_between_its_own_entries_are_noticed() -> None:
    async def play(log: Log) -> None:
        log.own()
        await log.take(log.write(b"3/a", b"1"))
        assert log.table.disturbances(3) == 0
        await log.take(log.write(b"3/a", b"2"), skipped=2)
        assert log.table.disturbances(3) == 2
        assert not log.table.is_whole(3)
        log.table.healed(3, 2)
        assert log.table.is_whole(3)

    story(play)


def places(log: Log) -> dict[int, int]:
    return dict(log.table.progress())


def test_of_a_partition_that_left_nothing_is_kept() -> None:
    async def play(log: Log) -> None:
        log.read((b"3/a", b"1", 1))
        log.read((b"4/a", b"1", 1), partition=4)
        assert places(log) == {3: 0, 4: 1}
        await log.table.on_rebalance(set(), {log.tp(3)}, set(), 2)
        assert set(log.table.data) == {b"4/a"}
        assert places(log) == {4: 1}, "what stays is read on from there"

    story(play)


def test_a_worker_that_was_away_for_a_generation_reads_again_what_it_still_owns() -> None:
    async def play(log: Log) -> None:
        log.read((b"3/a", b"1", 1))
        await log.table.on_rebalance({log.tp(3)}, set(), set(), 2)
        assert places(log) == {3: 0}, "in the generation before: nobody else can have written"
        await log.table.on_rebalance({log.tp(3)}, set(), set(), 4)
        assert places(log) == {}
        assert set(log.table.data) == set()

    story(play)


def test_partitions_are_prepared_once_their_state_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is read that they take in; not one that left meanwhile, nor the less for one that is refused."""

    async def play(log: Log) -> None:
        prepared: list[int] = []

        async def opens(closed: dict[int, Ledger], generation: int) -> None:
            for number in list(closed):
                closed.pop(number).opened(7, 0)

        def prepare(number: int) -> None:
            assert log.table.owns(number)
            prepared.append(number)
            if number == 3:
                log.table._ledgers.pop(4)
                raise ValueError("state of another layout")

        monkeypatch.setattr(log.table, "_open", opens)
        log.table.prepare = prepare
        log.table.app.consumer_generation_id = 1
        await log.table.on_recovery_completed({log.tp(number) for number in (5, 4, 3)}, set())
        assert prepared == [3, 5]

    story(play)


def test_records_that_come_when_the_next_rebalance_has_begun_are_not_mixed_in(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(log: Log) -> None:
        async def runs(*_: object) -> AsyncIterator[tuple[int, list[ConsumerRecord]]]:
            yield 3, [record(log.tp(), 0, b"3/a", b"1", ())]
            await log.table.on_rebalance(set(), set(), {log.tp()}, 2)
            yield 3, [record(log.tp(), 1, b"3/b", b"1", ())]

        monkeypatch.setattr("streams.tables.read_logs", runs)
        log.read()
        await log.table._read(dict(log.table._ledgers), {3: 2})
        assert dict(log.table.data.items()) == {}
        assert places(log) == {}

    story(play)


def test_a_chunk_is_taken_only_in_the_generation_that_read_it_and_with_the_term_open() -> None:
    async def play(log: Log) -> None:
        here, before = (SimpleNamespace(partition=3, generation_id=number) for number in (1, 0))
        assert not log.table.accepts(here)
        log.own()
        assert log.table.accepts(here)
        assert not log.table.accepts(before)
        log.table.revoked([log.tp()])
        assert not log.table.accepts(here)

    story(play)
