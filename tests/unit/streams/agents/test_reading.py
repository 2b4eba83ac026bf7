import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from streams.agents import reading
from streams.agents.reading import ChunkReader, Decoded
from streams.wire import decode
from tests.support.fold_loop import chunk
from tests.support.memory_worker import Event
from tests.support.wire_cases import GOOD, arrow_message, arrow_table


@pytest.fixture(autouse=True)
def all_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MANY", 1)


def chunks(*sizes: int) -> list[Any]:
    first = [sum(sizes[:number]) for number in range(len(sizes))]
    return [chunk([GOOD] * size, first=at) for size, at in zip(sizes, first, strict=True)]


def offsets(several: list[Decoded]) -> list[int]:
    return [offset for decoded in several for offset in decoded.batch.table["offset"].to_pylist()]


@contextmanager
def held_decoding(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Decoding waits until the event is set."""
    may_go = threading.Event()

    def wait_first(*given: Any) -> Any:
        assert may_go.wait(10)
        return decode(*given)

    monkeypatch.setattr(reading, "decode", wait_first)
    try:
        yield may_go
    finally:
        may_go.set()


def test_chunks_come_out_in_their_order_each_with_its_events() -> None:
    async def story() -> None:
        reader, events, found = ChunkReader(0), chunks(3, 2, 4), []
        for event in events:
            reader.add(event)
            found += await reader.begin()
        assert [len(decoded.run) for decoded in found] == [3, 2], "the last one is still being decoded"
        found += await reader.all()
        assert offsets(found) == list(range(9))
        assert [decoded.events for decoded in found] == [[event] for event in events]
        assert await reader.all() == []

    asyncio.run(story())


def test_what_comes_while_a_chunk_is_decoded_comes_out_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        reader, (first, second, third) = ChunkReader(0), chunks(3, 2, 4)
        with held_decoding(monkeypatch) as may_go:
            reader.add(first)
            assert await reader.begin() == []
            reader.add(second)
            asked = [asyncio.create_task(reader.begin()), asyncio.create_task(reader.all())]
            await asyncio.sleep(0)
            reader.add(third)
            assert not any(task.done() for task in asked)
            may_go.set()
            found = await asyncio.gather(*asked)
        assert offsets([decoded for several in found for decoded in several]) == list(range(9))

    asyncio.run(story())


def test_a_chunk_that_could_not_be_decoded_is_decoded_by_the_next_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*given: Any) -> Any:
        raise MemoryError("no room")

    async def story() -> None:
        reader, (first, second) = ChunkReader(0), chunks(3, 2)
        with monkeypatch.context() as faulty:
            faulty.setattr(reading, "decode", fail)
            reader.add(first)
            assert await reader.begin() == []
            reader.add(second)
            with pytest.raises(MemoryError):
                await reader.begin()
        assert offsets(await reader.all()) == list(range(5))

    asyncio.run(story())


def arrow_chunk(first: int, messages: int, reports: int) -> Any:
    table = arrow_table([GOOD] * reports)
    return Event("trust.reports", 0, [arrow_message(first + at, table) for at in range(messages)])


def test_how_many_reports_a_record_held_of_late_follows_what_comes() -> None:
    async def story() -> None:
        reader = ChunkReader(0)
        assert reader.a_record == 1
        reader.add(arrow_chunk(0, reading.RECENT, 5))
        await reader.all()
        assert reader.a_record == 5
        reader.add(arrow_chunk(reading.RECENT, 3, 5))
        await reader.all()
        half: Any = chunk([GOOD] * (reading.RECENT // 2), first=reading.RECENT + 3)
        reader.add(half)
        await reader.all()
        assert reader.a_record == 3, "half of the last hundred"
        unusable: Any = chunk([b"x"] * reading.RECENT, first=2 * reading.RECENT)
        reader.add(unusable)
        await reader.all()
        assert reader.a_record == 1, "a record that cannot be used is one, too"

    asyncio.run(story())


def test_few_records_of_many_bytes_are_decoded_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    event = arrow_chunk(0, 10, 5)
    size = sum(len(message.value) for message in event.value)
    monkeypatch.setattr(reading, "MANY", 11)
    monkeypatch.setattr(reading, "MANY_BYTES", size)

    async def story() -> None:
        reader = ChunkReader(0)
        reader.add(event)
        assert (reader.unread, reader.unread_bytes) == (10, size)
        with held_decoding(monkeypatch) as may_go:
            assert await reader.begin() == [], "by a thread, while the loop goes on"
            may_go.set()
            assert [len(decoded.batch.table) for decoded in await reader.all()] == [50]

    asyncio.run(story())
