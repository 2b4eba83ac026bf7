import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from streams.app import build_app, waiting_reports
from streams.chunks import ChunkConsumer
from streams.pace import BEHIND
from streams.topics import REPORTS, SCORES
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


def test_a_partition_of_which_the_broker_has_not_said_counts_as_far_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    lags: dict[TP, int | None] = {TP(REPORTS, 0): 7, TP(REPORTS, 1): 5, TP(SCORES, 0): 100}
    consumer = ChunkConsumer.__new__(ChunkConsumer)
    monkeypatch.setattr(ChunkConsumer, "assignment", lambda _: set(lags))
    monkeypatch.setattr(ChunkConsumer, "lag", lambda _, tp: lags[tp])
    app: Any = SimpleNamespace(consumer=consumer)
    assert waiting_reports(app, lambda _: 1.0) == 12
    lags[TP(REPORTS, 1)] = None
    assert waiting_reports(app, lambda _: 1.0) > BEHIND


def test_records_that_hold_many_reports_count_for_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    lags = {TP(REPORTS, 0): 7, TP(REPORTS, 1): 5}
    consumer = ChunkConsumer.__new__(ChunkConsumer)
    monkeypatch.setattr(ChunkConsumer, "assignment", lambda _: set(lags))
    monkeypatch.setattr(ChunkConsumer, "lag", lambda _, tp: lags[tp])
    app: Any = SimpleNamespace(consumer=consumer)
    assert waiting_reports(app, {0: 1.0, 1: 500.0}.__getitem__) == 7 + 5 * 500
