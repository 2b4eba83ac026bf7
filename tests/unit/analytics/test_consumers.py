import asyncio

import pytest

from analytics import consumers
from analytics.consumers import ended


def test_a_task_that_takes_its_cancellation_for_another_ends_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consumers, "PATIENCE_S", 0.01)
    cancelled = 0

    async def deaf() -> None:
        nonlocal cancelled
        while cancelled < 3:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancelled += 1
        raise asyncio.CancelledError

    async def story() -> None:
        tasks = [asyncio.create_task(deaf()), asyncio.create_task(asyncio.sleep(60))]
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await ended(*tasks)
        assert cancelled == 3
        assert all(task.cancelled() for task in tasks)

    asyncio.run(story())


def test_the_error_of_a_task_that_ends_with_one_is_raised() -> None:
    async def story() -> None:
        async def fail() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                raise OSError("gone")

        task = asyncio.create_task(fail())
        await asyncio.sleep(0)
        await ended(task)

    with pytest.raises(OSError, match="gone"):
        asyncio.run(story())
