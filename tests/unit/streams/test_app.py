import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from streams.app import _every, build_app
from streams.pace import Pause
from streams.telemetry import Telemetry
from tests.support.memory_worker import settings


def test_a_producer_that_has_started_is_given_without_letting_others_go_first() -> None:
    async def story() -> None:
        app = build_app(settings()).app
        producer: Any = app.producer
        producer._started.set()
        asked: Any = app.maybe_start_producer()
        with pytest.raises(StopIteration) as given:
            asked.send(None)
        assert given.value.value is producer

    asyncio.run(story())


def test_a_step_that_is_wanted_does_not_rest_unless_it_failed() -> None:
    async def story() -> None:
        loops: list[Any] = []
        rested, done, wanted = asyncio.Event(), asyncio.Event(), asyncio.Event()

        async def rest(seconds: float) -> None:
            assert seconds == 60
            rested.set()
            await asyncio.Event().wait()

        async def act() -> None:
            done.set()
            if not wanted.is_set():
                raise OSError("the lake is full")

        app: Any = SimpleNamespace(
            should_stop=False, rebalancing=False, in_recovery=False, consumer=None, sleep=rest, task=loops.append
        )
        fence: Any = SimpleNamespace(holds=lambda: True)
        telemetry = Telemetry()
        telemetry.ready = True
        _every(app, fence, telemetry, Pause(60, 60), "reports", act, wanted)
        running = asyncio.ensure_future(loops[0]())
        async with asyncio.timeout(10):
            wanted.set()
            await done.wait()
            await rested.wait()
        assert telemetry.trouble.keys() == {"reports"}
        running.cancel()

    asyncio.run(story())
