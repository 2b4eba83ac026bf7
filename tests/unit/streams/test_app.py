import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from streams.app import build_app, waiting_reports
from streams.chunks import ChunkConsumer
from streams.pace import BEHIND
from streams.topics import REPORTS, SCORES
from tests.support.fold_loop import Loop
from tests.support.memory_worker import Event, settings
from tests.support.wire_cases import GOOD, arrow_message, arrow_table


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


def consumer_of(lags: dict[TP, int | None], monkeypatch: pytest.MonkeyPatch) -> ChunkConsumer:
    """One that is assigned these partitions, each of which ends at offset 1,000."""
    monkeypatch.setattr(ChunkConsumer, "assignment", lambda _: set(lags))
    monkeypatch.setattr(ChunkConsumer, "lag", lambda _, tp: lags[tp])
    monkeypatch.setattr(ChunkConsumer, "highwater", lambda *_: 1_000)
    return ChunkConsumer.__new__(ChunkConsumer)


def test_a_partition_of_which_the_broker_has_not_said_counts_as_far_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    lags: dict[TP, int | None] = {TP(REPORTS, 0): 7, TP(REPORTS, 1): 5, TP(SCORES, 0): 100}
    app: Any = SimpleNamespace(consumer=consumer_of(lags, monkeypatch))
    fold = Loop().fold
    assert waiting_reports(app, fold) == 12
    lags[TP(REPORTS, 1)] = None
    assert waiting_reports(app, fold) > BEHIND


def test_what_waits_is_counted_up_to_what_the_fold_has_read_and_in_reports(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        app: Any = SimpleNamespace(consumer=consumer_of({TP(REPORTS, 0): 7}, monkeypatch))
        loop, five = Loop(), arrow_table([GOOD] * 5)
        await loop.read(Event(REPORTS, 0, [arrow_message(at, five) for at in range(800, 900)]))
        assert waiting_reports(app, loop.fold) == 100, "none of them is known to hold more than one"
        await loop.fold.tick()
        assert waiting_reports(app, loop.fold) == 100 * 5
        await loop.read(Event(REPORTS, 0, [arrow_message(999, five)]))
        assert waiting_reports(app, loop.fold) == 7 * 5, "the end may have moved since the consumer was asked"

    asyncio.run(story())
