import asyncio
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from faust.types import TP

from scoring.panes import Ints
from scoring.records import ScoreRecord
from scoring.stats import STATS
from scoring.weights import DEFAULT
from streams.agents import score as score_agent
from streams.agents.score import FACET_RESTS
from streams.steps.score import ScoreState, move
from tests.support.memory_worker import NotServed
from tests.support.plain_panes import NOW_S
from tests.support.score_loop import GOOD, Loop, both, chunk, of


def test_a_score_goes_out_by_its_provider_and_facet() -> None:
    async def story() -> None:
        loop = Loop()
        await loop.read(chunk([GOOD] * 3))
        await loop.score.tick()
        assert [message.key for message in loop.topic.messages] == [b"a", b"a|task=t"]
        assert {record.n for record in loop.said().values()} == {3}
        await loop.score.tick()
        assert len(loop.topic.messages) == 2, "nothing that a reader would see differently"
        assert loop.telemetry.registry.get_sample_value("trustscore_scores_emitted_total") == 2
        assert loop.telemetry.registry.get_sample_value("trustscore_entities", {"partition": "0"}) == 2

    asyncio.run(story())


def test_a_chunk_that_comes_while_its_partition_is_not_owned_opens_no_state() -> None:
    async def story() -> None:
        loop, late, again = Loop(), chunk([GOOD]), chunk([GOOD])
        loop.table.foreign = {0}
        await loop.read(late)
        await both(loop)
        assert (loop.topic.messages, loop.table.log, late.acks) == ([], [], 0)
        loop.table.foreign = set()
        await loop.read(again)
        await both(loop)
        assert set(loop.said()) == {b"a", b"a|task=t"}
        assert again.acks == 1

    asyncio.run(story())


def test_after_a_torn_flush_nothing_is_told_before_all_was_taken_in_again() -> None:
    async def story() -> None:
        before, first, second = Loop(), chunk([GOOD]), chunk([GOOD] * 2, offset=1)
        await before.read(first, second)
        await before.score.flush()
        (cut,) = (number for number, (key, _) in enumerate(before.table.log) if key == b"0/flushed")
        loop = Loop(before.table.log[:cut])
        loop.score.prepare(0)
        await loop.score.tick()
        loop.end = 2
        await loop.score.tick()
        await loop.read(chunk([GOOD]))
        await loop.score.tick()
        assert loop.topic.messages == []
        await loop.read(chunk([GOOD] * 2, offset=1))
        await loop.score.tick()
        assert {record.n for record in loop.said().values()} == {2}

    asyncio.run(story())


def test_the_windows_of_a_prepared_partition_are_made_and_its_entities_scored_anew() -> None:
    async def story() -> None:
        before = Loop()
        await before.read(chunk([GOOD] * 2))
        await both(before)
        loop = Loop(before.table.log)
        loop.score.prepare(0)
        windows = loop.score._partitions[0].state.windows.of(np.arange(2))
        assert windows[:, :, STATS.index("success")].max(axis=1).tolist() == [2, 2]
        await loop.score.tick()
        assert {record.n for record in loop.said().values()} == {2}

    asyncio.run(story())


def test_entities_of_a_partition_that_left_are_told_no_more() -> None:
    async def story() -> None:
        loop = Loop()
        await loop.read(chunk([GOOD]))
        await loop.score.tick()
        loop.score.revoked([TP("trust.panes", 0)])
        assert loop.telemetry.registry.get_sample_value("trustscore_entities", {"partition": "0"}) is None

    asyncio.run(story())


def test_a_flush_writes_the_state_and_then_acknowledges() -> None:
    async def story() -> None:
        loop, event = Loop(), chunk([GOOD])
        await loop.read(event)
        await loop.score.flush()
        assert event.acks == 1
        again = Loop(loop.table.log)
        for partition in (0, 1):
            again.score.prepare(partition)
        await again.score.tick()
        await loop.score.tick()
        assert again.said() == loop.said()
        assert set(again.said()) == {b"a", b"a|task=t"}

    asyncio.run(story())


@pytest.mark.parametrize("fault", ["scores", "scores break", "state"])
def test_what_fails_is_not_acknowledged_and_said_again(fault: str) -> None:
    async def story() -> None:
        loop, event, later = Loop(), chunk([GOOD]), chunk([GOOD] * 2, offset=1)
        await loop.read(event)
        loop.topic.refuses = 1 if fault == "scores" else 0
        loop.topic.breaks_after = 1 if fault == "scores break" else None
        loop.table.takes = 1 if fault == "state" else None
        with pytest.raises(NotServed):
            await both(loop)
        assert event.acks == 0
        loop.topic.refuses, loop.topic.breaks_after, loop.table.takes = 0, None, None
        await loop.read(later)
        await both(loop)
        assert (event.acks, later.acks) == (1, 1)
        assert {key: record.n for key, record in loop.said().items()} == {b"a": 2, b"a|task=t": 2}

    asyncio.run(story())


def test_the_state_of_a_partition_that_left_is_forgotten() -> None:
    async def story() -> None:
        loop, gone, kept = Loop(), chunk([GOOD], 0), chunk([GOOD | {"provider_id": "b"}], 1)
        await loop.read(gone, kept)
        loop.score.revoked([TP("trust.panes", 0), TP("trust.reports", 1)])
        await loop.score.tick()
        await loop.score.flush()
        assert set(loop.said()) == {b"b", b"b|task=t"}
        assert (gone.acks, kept.acks) == (0, 1)
        assert {key.split(b"/")[0] for key, _ in loop.table.log} == {b"1"}

    asyncio.run(story())


def test_panes_are_forgotten_as_of_the_last_score_and_not_of_the_clock() -> None:
    async def story() -> None:
        now_s = [float(NOW_S)]
        loop = Loop(clock=lambda: now_s[0])
        await loop.read(chunk([GOOD]))
        await loop.score.tick()
        now_s[0] += 7_200  # the machine slept; the flush comes before the next score
        await loop.score.flush()
        await loop.score.tick()
        record = loop.said()[b"a"]
        assert (record.windows["1h"].n, record.windows["24h"].n) == (0, 1)

    asyncio.run(story())


def test_a_provider_is_scored_once_in_a_while_and_one_that_was_quiet_at_once() -> None:
    async def story() -> None:
        now_s = [float(NOW_S)]
        loop = Loop(clock=lambda: now_s[0], score_s=1.0)
        await loop.read(chunk(of("busy")))
        await loop.score.tick()
        now_s[0] += 0.5
        await loop.read(chunk(of("busy", "busy", "quiet")))
        await loop.score.tick()
        assert {key: record.n for key, record in loop.said().items()} == {b"busy": 1, b"quiet": 1}
        now_s[0] += 0.5
        await loop.score.tick()
        assert {key: record.n for key, record in loop.said().items()} == {b"busy": 2, b"quiet": 1}

    asyncio.run(story())


def test_scores_of_tasks_and_regions_rest_longer_and_one_that_was_quiet_comes_at_once() -> None:
    async def story() -> None:
        now_s = [float(NOW_S - NOW_S % 60)]
        loop = Loop(clock=lambda: now_s[0], score_s=1.0)

        async def counted() -> dict[bytes, int]:
            await loop.score.tick()
            return {key: record.n for key, record in loop.said().items() if key}

        search, mail = (GOOD | {"task_type": task} for task in ("search", "mail"))
        await loop.read(chunk([search]))
        assert await counted() == {b"a": 1, b"a|task=search": 1}
        now_s[0] += 1.0
        await loop.read(chunk([search, search, mail], offset=1))
        assert await counted() == {b"a": 3, b"a|task=search": 1, b"a|task=mail": 1}
        now_s[0] += FACET_RESTS - 1.5
        assert await counted() == {b"a": 3, b"a|task=search": 1, b"a|task=mail": 1}
        await counted()
        assert loop.score.quiet_s() == 0.5
        now_s[0] += 0.5
        assert await counted() == {b"a": 3, b"a|task=search": 2, b"a|task=mail": 1}

    asyncio.run(story())


def test_who_is_due_is_looked_up_when_panes_came_a_rest_is_over_or_the_minute_is() -> None:
    async def story() -> None:
        now_s = [float(NOW_S - NOW_S % 60)]
        loop = Loop(clock=lambda: now_s[0], score_s=1.0)
        assert loop.score.quiet_s() == 0
        await loop.read(chunk(of("a")))
        assert loop.score.quiet_s() == 0, "panes came"
        await loop.score.tick()
        assert loop.score.quiet_s() == 0, "somebody was due, so others may be"
        await loop.score.tick()
        assert loop.score.quiet_s() == 60
        now_s[0] += 0.5
        await loop.read(chunk(of("a", "a"), offset=1))
        await loop.score.tick()
        assert loop.score.quiet_s() == 0.5
        now_s[0] -= 3_600
        assert loop.score.quiet_s() == 0, "the clock was set back"

    asyncio.run(story())


def test_a_partition_in_which_nobody_is_due_is_not_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        now_s, looks = [float(NOW_S - NOW_S % 60)], [0]

        def moved(state: ScoreState, as_of_s: float) -> Ints:
            looks[0] += 1
            return move(state, as_of_s)

        monkeypatch.setattr(score_agent, "move", moved)
        loop = Loop(clock=lambda: now_s[0])
        await loop.read(chunk(of("a"), 0), chunk(of("b"), 1))
        for _ in range(5):
            await loop.score.tick()
        assert looks == [4], "one that scores both, and one that finds nobody"
        await loop.read(chunk(of("b", "b"), 1, offset=1))
        await loop.score.tick()
        assert looks == [5], "only where panes came"
        now_s[0] += 60
        await loop.score.tick()
        assert looks == [7], "the windows of both move"

    asyncio.run(story())


def test_partitions_share_a_slice_and_all_get_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        loop = Loop(timer=iter(range(100)).__next__)
        some = [chunk(of(*(f"p{at}" for at in range(at, 20, 4))), partition=at) for at in range(4)]
        await loop.read(*some)
        monkeypatch.setattr(score_agent, "SLICE", 8)
        seen = []
        for _ in range(3):
            await loop.score.tick()
            seen.append(len(loop.said()))
        assert seen == [8, 16, 20], "a round ends though others are due, and the next goes on"

    asyncio.run(story())


def test_general_scores_have_two_thirds_of_a_slice_and_leave_to_others_what_they_do_not_take(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def story() -> None:
        loop = Loop(timer=iter(range(100)).__next__)
        regions = [GOOD | {"region": f"r{number}"} for number in range(7)]
        await loop.read(chunk([*regions, *of("b", "c", "d", "e")]))
        monkeypatch.setattr(score_agent, "SLICE", 6)
        told = []
        for _ in range(3):
            before = len(loop.topic.messages)
            await loop.score.tick()
            told.append([b"|" in (message.key or b"") for message in loop.topic.messages[before:]].count(False))
        assert told == [4, 1, 0], "of five general scores four in the first slice, though eight others wait"
        assert len(loop.said()) == 13

    asyncio.run(story())


def test_a_round_after_a_long_rest_takes_its_share_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        moment_s = [0.0]

        def timer() -> float:
            moment_s[0] += 1
            return moment_s[0]

        loop = Loop(timer=timer)
        await loop.read(chunk(of(*(f"p{at}" for at in range(20)))))
        monkeypatch.setattr(score_agent, "SLICE", 2)
        moment_s[0] += 100
        await loop.score.tick()
        assert len(loop.said()) == 12, "slices of a second each, until a twentieth of 101 seconds is over"

    asyncio.run(story())


def test_at_the_end_everyone_who_waits_is_scored_also_who_was_a_moment_ago() -> None:
    async def story() -> None:
        loop = Loop(score_s=60.0)
        await loop.read(chunk([GOOD]))
        await loop.score.tick()
        many = [GOOD | {"provider_id": f"p{number}"} for number in range(3 * score_agent.SLICE)]
        await loop.read(chunk([GOOD, GOOD, *many], offset=1))
        await loop.score.finish(within_s=60.0)
        said = loop.said()
        assert len(said) == 2 + 2 * len(many)
        assert said[b"a"].n == 2

    asyncio.run(story())


def test_who_is_not_scored_in_time_at_the_end_is_by_the_next_owner() -> None:
    async def story() -> None:
        loop = Loop(timer=iter(range(100)).__next__)
        many = [GOOD | {"provider_id": f"p{number}"} for number in range(5 * score_agent.SLICE)]
        event = chunk(many)
        await loop.read(event)
        await loop.score.finish(within_s=3.0)
        assert len(loop.topic.messages) == 3 * score_agent.SLICE
        await loop.score.flush()
        assert event.acks == 1
        following = Loop(loop.table.log)
        following.score.prepare(0)
        await following.score.finish(within_s=60.0)
        assert len(following.said()) == 2 * len(many)

    asyncio.run(story())


def test_the_worker_scores_with_the_weights_of_its_file(tmp_path: Path) -> None:
    stated = asdict(DEFAULT) | {"latency": 0.35, "uptime": 0.0}
    file = tmp_path / "weights.json"
    file.write_text(json.dumps(stated))

    async def story(weights: str) -> ScoreRecord:
        loop = Loop(weights=weights)
        await loop.read(chunk([GOOD | {"latency_ms": 3_000.0}] * 40))
        await both(loop)
        return loop.said()[b"a"]

    usual, adopted = asyncio.run(story("")), asyncio.run(story(str(file)))
    assert (usual.weights, adopted.weights) == (None, stated)
    assert usual.trust_score is not None
    assert adopted.trust_score is not None
    assert adopted.trust_score < usual.trust_score
