import asyncio
from typing import Any

import pytest

from streams.app import build_app
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
