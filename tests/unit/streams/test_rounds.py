import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

import streams.rounds
from streams.pace import BEHIND, BEHIND_S, BUSY, Pause
from streams.rounds import Rounds, Wake
from streams.telemetry import Telemetry


class Rest(Pause):
    """Of a minute while anything waits, else of a millisecond."""

    def after(self, took_s: float, waiting: int, was_behind: bool = False) -> float:
        return 60.0 if waiting else 0.001


def worker(rest: Any) -> tuple[Any, Any, Telemetry]:
    """A ready worker that holds no partition yet, as its loops see it."""
    app = SimpleNamespace(should_stop=False, rebalancing=False, in_recovery=False, consumer=None, sleep=rest)
    telemetry = Telemetry()
    telemetry.ready = True
    return app, SimpleNamespace(holds=lambda: True), telemetry


@contextlib.asynccontextmanager
async def looping(
    who: tuple[Any, Any, Telemetry],
    pause: Pause,
    part: str,
    act: Any,
    wake: Wake | None = None,
    waiting: Sequence[int] = (0,),
    within_s: float = 10,
) -> AsyncIterator[None]:
    """The loop of one part of a worker for which so many reports wait, running while the body does, which must end in
    time."""
    app, fence, telemetry = who
    loops: list[Any] = []
    app.task = loops.append
    Rounds(app, fence, telemetry, lambda: waiting[0]).every(pause, part, act, wake)
    running = asyncio.ensure_future(loops[0]())
    try:
        async with asyncio.timeout(within_s):
            yield
    finally:
        running.cancel()


def test_a_rest_ends_when_the_reports_are_gone_for_which_it_was_long() -> None:
    async def story() -> None:
        waiting, done = [10**6], asyncio.Event()

        async def rest(seconds: float) -> None:
            waiting[0] = 0
            await asyncio.sleep(min(seconds, 0.001))

        async def act() -> None:
            done.set()

        async with looping(worker(rest), Rest(0.0, 60.0), "panes", act, waiting=waiting):
            await done.wait()

    asyncio.run(story())


@pytest.mark.parametrize("is_woken", [False, True])
def test_a_round_waits_until_a_backlog_is_worked_off(is_woken: bool) -> None:
    """Also one that makes up for being woken."""

    async def story() -> None:
        waiting, wanted, at_work, done = [BEHIND + 1], asyncio.Event(), list[int](), asyncio.Event()
        wake = Wake(wanted, after_s=0.01, makes_up=True) if is_woken else None

        async def rest(seconds: float) -> None:
            waiting[0] = max(0, waiting[0] - BEHIND // 5)
            await asyncio.sleep(0)

        async def act() -> None:
            at_work.append(waiting[0])
            done.set()

        async with looping(worker(rest), Pause(0.0, 2.0), "panes", act, wake, waiting):
            wanted.set()
            await done.wait()
        assert at_work[0] == 1

    asyncio.run(story())


def test_a_round_that_began_far_behind_is_followed_by_one_once_that_is_worked_off() -> None:
    """At once: the flush for which reading waited is not of the last reports."""

    async def story() -> None:
        waiting, wanted, done = [BEHIND + 1], asyncio.Event(), asyncio.Semaphore(0)

        async def act() -> None:
            waiting[0] = 0
            done.release()

        async with looping(worker(asyncio.sleep), Pause(60, 60), "reports", act, Wake(wanted), waiting):
            wanted.set()
            await done.acquire()
            await done.acquire()
            await asyncio.sleep(0.05)
            assert done.locked(), "then it rests"

    asyncio.run(story())


def test_who_was_far_behind_a_while_ago_rests_no_longer_for_what_always_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """At 100,000 reports a second some thousand wait whenever one looks; woken or not, rounds come as ever then."""

    async def story() -> None:
        waiting, wanted, done = [BEHIND + 1], asyncio.Event(), asyncio.Semaphore(0)

        async def act() -> None:
            waiting[0] = BUSY + 1
            done.release()

        monkeypatch.setattr(streams.rounds, "BEHIND_S", 0.2)
        async with looping(worker(asyncio.sleep), Pause(0.01, 0.01), "reports", act, Wake(wanted), waiting, 5):
            wanted.set()
            for _ in range(20):
                await done.acquire()

    asyncio.run(story())


def test_who_failed_tries_again_though_far_behind() -> None:
    """Reading may wait for what failed: then the backlog does not get less."""

    async def story() -> None:
        rests: list[float] = []
        tried = asyncio.Event()

        async def rest(seconds: float) -> None:
            rests.append(seconds)
            await asyncio.sleep(0)

        async def act() -> None:
            if rests:
                tried.set()
            raise OSError("the lake is full")

        app, fence, telemetry = worker(rest)
        telemetry.trouble["reports"] = "the lake is full"
        async with looping(
            (app, fence, telemetry), Pause(0.001, 0.001), "reports", act, None, [2 * BEHIND], BEHIND_S / 2
        ):
            await tried.wait()
        assert max(rests) < 1

    asyncio.run(story())


def test_a_step_that_is_wanted_does_not_rest_unless_it_failed() -> None:
    async def story() -> None:
        rested, done, wanted = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def rest(seconds: float) -> None:
            assert seconds == 60
            rested.set()
            await asyncio.Event().wait()

        async def act() -> None:
            done.set()
            if not wanted.is_set():
                raise OSError("the lake is full")

        app, fence, telemetry = worker(rest)
        async with looping((app, fence, telemetry), Pause(60, 60), "reports", act, Wake(wanted)):
            wanted.set()
            await done.wait()
            await rested.wait()
        assert telemetry.trouble.keys() == {"reports"}

    asyncio.run(story())


def test_who_is_woken_makes_up_for_the_rest_that_was_cut() -> None:
    """A minute's rest after each round: woken at once, and again, but only when no more than one rest is owed."""

    async def story() -> None:
        rests: list[float] = []
        done, wanted, idle = asyncio.Semaphore(0), asyncio.Event(), asyncio.Event()

        async def rest(seconds: float) -> None:
            rests.append(seconds)
            if seconds > 0.02:
                idle.set()
                await asyncio.Event().wait()

        async def act() -> None:
            done.release()

        async with looping(worker(rest), Pause(60, 60), "scores", act, Wake(wanted, after_s=0.02, makes_up=True)):
            wanted.set()
            await done.acquire()
            wanted.set()
            await idle.wait()
        moment, again, owed = rests
        assert moment == again == 0.02
        assert 59 < owed <= 60, "sixty are owed: as long again before the next one may begin"
        assert done.locked()

    asyncio.run(story())


def test_a_round_that_would_find_nothing_is_put_off_until_it_is_woken() -> None:
    async def story() -> None:
        done, wanted, quiet_s, rounds = asyncio.Semaphore(0), asyncio.Event(), [60.0], [0]

        async def act() -> None:
            rounds[0] += 1
            done.release()

        wake = Wake(wanted, after_s=0.001, makes_up=True, quiet_s=lambda: quiet_s[0])
        async with looping(worker(asyncio.sleep), Pause(0.001, 1.0), "scores", act, wake):
            await asyncio.sleep(0.05)
            assert rounds == [0], "fifty rests are over"
            wanted.set()
            await done.acquire()
            assert rounds == [1]
            await done.acquire()
            assert rounds == [2], "what quiet_s says holds for a tenth of a second at most"
            quiet_s[0] = 0.0
            for _ in range(20):
                await done.acquire()

    asyncio.run(story())


def test_what_is_owed_far_behind_is_not_rested_when_that_is_worked_off() -> None:
    async def story() -> None:
        waiting, wanted, done = [BEHIND + 1], asyncio.Event(), asyncio.Semaphore(0)

        async def rest(seconds: float) -> None:
            await asyncio.sleep(seconds)
            waiting[0] = 0

        async def act() -> None:
            done.release()

        async with looping(
            worker(rest), Pause(0.0, 2.0), "scores", act, Wake(wanted, makes_up=True), waiting, BEHIND_S / 2
        ):
            wanted.set()
            await done.acquire()
            wanted.set()
            await done.acquire()

    asyncio.run(story())


def test_who_is_woken_while_nothing_may_be_done_does_not_spin() -> None:
    async def story() -> None:
        wanted, looks = asyncio.Event(), 0

        class Rebalancing(SimpleNamespace):
            @property
            def rebalancing(self) -> bool:
                nonlocal looks
                looks += 1
                return True

        async def act() -> None:
            raise AssertionError("nothing may be done")

        _, fence, telemetry = worker(asyncio.sleep)
        app = Rebalancing(should_stop=False, consumer=None, sleep=asyncio.sleep)
        wanted.set()
        async with looping((app, fence, telemetry), Pause(60, 60), "reports", act, Wake(wanted)):
            await asyncio.sleep(0.1)
            assert looks == 1

    asyncio.run(story())
