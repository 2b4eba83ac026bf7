import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streams.agents import fold as fold_agent
from streams.agents.fold import groups_of
from streams.agents.waiting import Partition
from streams.books import load_book
from streams.steps.fold import FoldState
from tests.support.fold_loop import Loop, chunk, sums
from tests.support.memory_worker import NotServed
from tests.support.plain_panes import Report, panes_in, panes_of, some_reports

REPORTS: list[Report] = [*some_reports(1, 40, span_s=3_000)]


def test_many_changed_panes_are_sent_a_partition_at_a_time() -> None:
    def changed(*panes: int) -> Partition[FoldState]:
        return Partition(FoldState(unsent={(60, 60 * at): [np.arange(rows)] for at, rows in enumerate(panes)}))

    few, some, many = changed(3), changed(4, 2), changed(50, 50)
    assert groups_of({}, most=10) == [[]]
    assert groups_of({0: few, 1: some, 2: few}, most=10) == [[(0, few), (1, some)], [(2, few)]]
    assert groups_of({0: few, 1: many, 2: few}, most=10) == [[(0, few)], [(1, many)], [(2, few)]]
    assert groups_of({0: few, 1: many, 2: few}, most=200) == [[(0, few), (1, many), (2, few)]]


def test_what_is_closed_because_much_is_open_gets_where_it_should_after_failures(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story() -> None:
        loop = Loop()
        monkeypatch.setattr("scoring.book.MOST_OPEN_ROWS", 0)
        monkeypatch.setattr(fold_agent, "TOGETHER", 1)
        most_closed = 0
        for first in range(0, 40, 5):
            await loop.read(chunk(REPORTS[first : first + 5], first=first))
            loop.panes.refuses, loop.table.takes = first % 2, None if first % 3 else 4
            for _ in range(2):
                try:
                    await loop.fold.flush()
                except NotServed:
                    loop.table.takes = None
            book = loop.fold._partitions[0].state.book
            most_closed = max(most_closed, len(book.closed))
            assert set(book.blocks) | set(book.closed) == set(book.block_keys())
        assert most_closed > 3
        await loop.fold.flush()
        assert sums(loop.told()) == sums(panes_of(REPORTS))
        assert sums(panes_in(load_book(loop.table.as_table, 0))[0]) == sums(panes_of(REPORTS))

    asyncio.run(story())


def test_what_was_sent_during_a_flush_and_got_lost_is_sent_again_where_much_is_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story() -> None:
        loop, arrives = Loop(), asyncio.Event()
        monkeypatch.setattr("scoring.book.MOST_OPEN_ROWS", 0)
        send = loop.panes.send

        async def slowly(**message: Any) -> Any:
            sent = await send(**message)

            async def answer() -> Any:
                await arrives.wait()
                return await sent

            return asyncio.ensure_future(answer())

        monkeypatch.setattr(loop.panes, "send", slowly)
        await loop.read(chunk(REPORTS[:20]))
        flushing = asyncio.ensure_future(loop.fold.flush())
        while not loop.panes.messages:
            await asyncio.sleep(0)
        await loop.read(chunk(REPORTS[20:], first=20))
        loop.panes.refuses = 100
        await loop.fold.tick()
        loop.panes.refuses = 0
        arrives.set()
        await flushing
        with pytest.raises(NotServed):
            await loop.fold.flush()
        await loop.fold.flush()
        assert sums(loop.told()) == sums(panes_of(REPORTS))

    asyncio.run(story())


def test_reading_waits_while_many_bytes_wait_for_the_lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        loop = Loop(tmp_path, poll_records=1)
        monkeypatch.setattr(fold_agent, "MOST_BYTES", 1)
        await loop.read(chunk(REPORTS[:20]))
        reading = asyncio.ensure_future(loop.read(chunk(REPORTS[20:], first=20)))
        while loop.counted("trustscore_pending_reports") < 20:
            await asyncio.sleep(0)
        assert not loop.fold.is_full.is_set()
        await asyncio.sleep(0)
        assert not reading.done()
        assert loop.fold.is_full.is_set()
        await loop.fold.flush()
        await reading
        assert loop.counted("trustscore_pending_reports") == 20
        assert loop.counted("trustscore_reading_waits_seconds_total") > 0
        await loop.fold.flush()
        assert not loop.fold.is_full.is_set(), "or the next flush would begin at once, for nobody"

    asyncio.run(story())


def test_reading_waits_while_many_bytes_of_rejects_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        loop = Loop(poll_records=1)
        monkeypatch.setattr(fold_agent, "MOST_BYTES", 1 << 20)
        await loop.read(chunk([*REPORTS[:20], b"x" * ((1 << 20) + 1)]))
        await loop.fold.tick()
        reading = asyncio.ensure_future(loop.read(chunk(REPORTS[20:], first=21)))
        await asyncio.sleep(0.2)
        assert not reading.done()
        assert loop.fold.is_full.is_set()
        await loop.fold.flush()
        await reading
        assert len(loop.rejects.messages) == 1

    asyncio.run(story())


def test_small_rejects_count_for_what_sending_them_takes() -> None:
    async def story() -> None:
        loop = Loop(reject_ratio=1)
        await loop.read(chunk([b"x"] * 30))
        await loop.fold.tick()
        (held,) = loop.fold._partitions.values()
        assert held.waiting.size == 30 * fold_agent.REJECT_BYTES

    asyncio.run(story())
