import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import ConsumerStoppedError, IllegalStateError
from faust.types import TP

from streams.chunks import ChunkConsumer
from tests.support.chunk_consumer import REPORTS, consumer_of, play_with_consumer, record_at, worker


class _Fetcher(SimpleNamespace):
    """Faust's service that drains the consumer, until the chunks are handed over."""

    def __init__(self) -> None:
        super().__init__(_stopped=asyncio.Event())


def _fetches(consumer: ChunkConsumer, fetcher: _Fetcher, *fetches: Sequence[int]) -> Any:
    """A ``getmany`` that finds chunks which end at these offsets, and then stops the fetcher."""
    left = deque(fetches)

    async def getmany(timeout: float) -> AsyncIterator[tuple[TP, Any]]:
        for offset in left.popleft():
            yield REPORTS, consumer._chunk(REPORTS, [record_at(offset)], 3)
        if not left:
            fetcher._stopped.set()

    return getmany


def test_what_one_fetch_brought_is_handed_over_in_one_turn_of_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(consumer: ChunkConsumer) -> None:
        turns, fetcher, handed_over = 0, _Fetcher(), []

        async def count() -> None:
            nonlocal turns
            while True:
                await asyncio.sleep(0)
                turns += 1

        async def take(message: Any) -> None:
            handed_over.append((message.offset, turns))

        monkeypatch.setattr(consumer, "callback", take)
        monkeypatch.setattr(consumer, "getmany", _fetches(consumer, fetcher, (5, 9, 10), (9, 12)))
        consumer.app.flow_control.resume()
        others = asyncio.create_task(count())
        await consumer._drain_messages(fetcher)
        others.cancel()
        assert [offset for offset, _ in handed_over] == [5, 9, 10, 12], "what lies before was handed over"
        turn = [turn for _, turn in handed_over]
        assert turn[0] == turn[1] == turn[2] < turn[3], "others have their turn between two fetches"
        assert consumer._read_offset[REPORTS] == 12

    play_with_consumer(play)


def test_a_chunk_that_nobody_may_take_is_given_up_once_the_flow_is_suspended(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(consumer: ChunkConsumer) -> None:
        fetcher, handed_over = _Fetcher(), []

        async def take(message: Any) -> None:
            await consumer.app.flow_control.acquire()
            handed_over.append(message.offset)

        monkeypatch.setattr(consumer, "callback", take)
        monkeypatch.setattr(consumer, "getmany", _fetches(consumer, fetcher, (5,)))
        consumer.app.flow_control.suspend()
        draining = asyncio.create_task(consumer._drain_messages(fetcher))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not draining.done()
        consumer.suspend_flow.set()
        await asyncio.wait_for(draining, 5)
        assert not handed_over

    play_with_consumer(play)


def test_draining_ends_quietly_where_the_worker_stops_and_fails_where_it_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def play(consumer: ChunkConsumer) -> None:
        async def getmany(timeout: float) -> AsyncIterator[tuple[TP, Any]]:
            if timeout:
                raise ConsumerStoppedError
            yield REPORTS, None

        monkeypatch.setattr(consumer, "getmany", getmany)
        with pytest.raises(ConsumerStoppedError):
            await consumer._drain_messages(_Fetcher())
        app: Any = consumer.app
        app._stopped.set()
        await consumer._drain_messages(_Fetcher())

    play_with_consumer(play)


def test_what_the_thread_finds_or_cannot_read_reaches_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        with worker() as parts:
            thread: Any = consumer_of(parts)._thread
            runs = threading.Thread(target=thread.thread_loop.run_forever)
            runs.start()
            try:
                await play(thread)
            finally:
                thread.thread_loop.call_soon_threadsafe(thread.thread_loop.stop)
                runs.join(5)

    async def play(thread: Any) -> None:
        where = []

        async def fetched(consumer: Any, partitions: Any, timeout: float, most: int) -> Any:
            where.append(threading.current_thread())
            if not partitions:
                raise IllegalStateError("no partition")
            return {tp: [timeout, most] for tp in partitions}

        monkeypatch.setattr(thread, "_ensure_consumer", lambda: SimpleNamespace(_max_poll_records=7))
        monkeypatch.setattr(thread, "_fetch_records", fetched)
        assert await thread.getmany({REPORTS}, 0.5) == {REPORTS: [0.5, 7]}
        with pytest.raises(IllegalStateError, match="no partition"):
            await thread.getmany(None, 0.5)
        assert threading.current_thread() not in where
        assert len(set(where)) == 1

    asyncio.run(story())
