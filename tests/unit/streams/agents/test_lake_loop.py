import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest
from deltalake import DeltaTable
from faust.types import TP

from streams.agents import LakeLoop
from streams.score_rows import score_rows
from streams.sinks import LakeSinks
from streams.steps.fold import FoldState, fold, take_updates
from streams.steps.score import ScoreState, merge, score
from tests.support.lake_maker import Message
from tests.support.memory_worker import Chunks, Event
from tests.support.plain_panes import NOW_S, columns_of_reports, some_reports


def values() -> list[bytes]:
    """A score a message."""
    state, scores = FoldState(), ScoreState()
    fold(state, columns_of_reports(some_reports(1, 20)), NOW_S)
    updates = take_updates(state, 0)
    assert updates is not None
    merge(scores, updates)
    return [msgspec.json.encode(record) for record in score(scores, NOW_S)]


def chunk(partition: int, first: int, n: int) -> Event:
    run = [Message(first + at, NOW_S * 1_000, value) for at, value in enumerate(values()[:n])]
    return Event("trust.scores", partition, run)


def held(root: Path) -> list[tuple[int, int]]:
    table = DeltaTable(str(root / "scores")).to_pyarrow_table()
    return sorted(zip(table["partition"].to_pylist(), table["offset"].to_pylist(), strict=True))


def loop_in(root: Path) -> LakeLoop:
    sinks = LakeSinks(str(root), "trust.reports", "trust.scores")
    sinks.open()
    return LakeLoop(sinks)


class Full:
    """A sink on a full disk."""

    def open(self) -> None:
        """It is."""

    def write(self, *_: Any) -> int:
        raise OSError("no space left")


async def read(loop: LakeLoop, *events: Event) -> None:
    await loop.run(Chunks(*events).as_stream)


def test_scores_are_committed_and_then_acknowledged(tmp_path: Path) -> None:
    async def story() -> None:
        loop, one, other = loop_in(tmp_path), chunk(0, 0, 3), chunk(1, 10, 2)
        await read(loop, one, other)
        assert (one.acks, other.acks, held(tmp_path)) == (0, 0, [])
        await loop.flush()
        assert (one.acks, other.acks) == (1, 1)
        assert held(tmp_path) == [(0, 0), (0, 1), (0, 2), (1, 10), (1, 11)]
        await loop.flush()
        assert one.acks == 1

    asyncio.run(story())


def test_a_replay_is_committed_once(tmp_path: Path) -> None:
    async def story() -> None:
        for _ in range(2):
            loop, event = loop_in(tmp_path), chunk(0, 0, 3)
            await read(loop, event)
            await loop.flush()
            assert event.acks == 1
        assert held(tmp_path) == [(0, 0), (0, 1), (0, 2)]

    asyncio.run(story())


def test_what_could_not_be_committed_stays_and_goes_in_with_what_came_meanwhile(tmp_path: Path) -> None:
    async def story() -> None:
        lake = LakeSinks(str(tmp_path), "trust.reports", "trust.scores")
        loop, scores, events = LakeLoop(lake), lake.scores, [chunk(0, 0, 3), chunk(0, 3, 2), chunk(1, 0, 1)]

        class Slow(Full):
            """Two more chunks come while it tries."""

            def write(self, *given: Any) -> int:
                for event in events[1:]:
                    asyncio.run_coroutine_threadsafe(read(loop, event), running).result()
                return super().write(*given)

        running, lake.scores = asyncio.get_running_loop(), Slow()  # type: ignore[assignment]
        await read(loop, events[0])
        with pytest.raises(OSError, match="no space left"):
            await loop.flush()
        assert [event.acks for event in events] == [0, 0, 0]
        lake.scores = scores
        await loop.flush()
        assert [event.acks for event in events] == [1, 1, 1]
        assert held(tmp_path) == [*((0, offset) for offset in range(5)), (1, 0)]

    asyncio.run(story())


def test_scores_are_made_rows_once_however_often_they_are_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []

    def counted(records: list[Any], partition: int) -> Any:
        made.append(len(records))
        return score_rows(records, partition)

    monkeypatch.setattr("streams.agents.lake.score_rows", counted)

    async def story() -> None:
        lake = LakeSinks(str(tmp_path), "trust.reports", "trust.scores")
        loop, events = LakeLoop(lake), [chunk(0, 0, 3), chunk(0, 3, 2)]
        lake.scores = Full()  # type: ignore[assignment]
        await read(loop, events[0])
        for _ in range(2):
            with pytest.raises(OSError, match="no space left"):
                await loop.flush()
        await read(loop, events[1])
        with pytest.raises(OSError, match="no space left"):
            await loop.flush()
        assert (made, [event.acks for event in events]) == ([3, 2], [0, 0])

    asyncio.run(story())


def test_a_message_that_is_no_score_stays_with_all_that_came(tmp_path: Path) -> None:
    async def story() -> None:
        loop, good = loop_in(tmp_path), chunk(0, 0, 2)
        bad = Event("trust.scores", 0, [Message(2, NOW_S * 1_000, b"{")])
        await read(loop, good, bad)
        before = loop.pending_bytes()
        for _ in range(2):
            with pytest.raises(msgspec.DecodeError):
                await loop.flush()
        assert (loop.pending_bytes(), good.acks, bad.acks, held(tmp_path)) == (before, 0, 0, [])
        assert before == sum(map(len, values()[:2])) + 1

    asyncio.run(story())


def test_rows_of_a_partition_that_left_are_not_committed(tmp_path: Path) -> None:
    async def story() -> None:
        loop, gone, kept = loop_in(tmp_path), chunk(0, 0, 1), chunk(1, 0, 1)
        await read(loop, gone, kept)
        loop.revoked([TP("trust.scores", 0), TP("trust.reports", 1)])
        await loop.flush()
        assert (gone.acks, kept.acks, held(tmp_path)) == (0, 1, [(1, 0)])

    asyncio.run(story())
