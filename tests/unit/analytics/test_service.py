import asyncio
from pathlib import Path

from tests.support.services import Clock, small_records, small_service


def test_readiness_names_every_part(tmp_path: Path) -> None:
    clock = Clock()
    service = small_service(tmp_path, small_records(tmp_path), clock=clock)
    service.feed.state.lag = 0
    clock.now_s += 2
    state = asyncio.run(service.readiness())
    assert (state.status, state.uptime_s, state.providers) == ("ready", 2.0, 3)
    assert (state.broker.status, state.broker.silence_s, state.broker.lag) == ("ok", 2.0, 0)
    assert (state.lake.status, state.lake.tables["reports"]) == ("ok", 360)
    assert state.version
    service.lake.close()


def test_a_service_that_answers_from_the_lake_is_degraded(tmp_path: Path) -> None:
    small_records(tmp_path)
    service = small_service(tmp_path, live=False)
    state = asyncio.run(service.readiness())
    assert (state.status, state.broker.status, state.broker.silence_s) == ("degraded", "away", None)
    service.lake.close()


def test_a_service_with_nothing_to_answer_from_is_unavailable(tmp_path: Path) -> None:
    state = asyncio.run(small_service(tmp_path, live=False).readiness())
    assert (state.status, state.lake.status) == ("unavailable", "missing")
    assert state.lake.problem is not None
    assert "is no lake" in state.lake.problem


def test_a_broker_that_still_sends_what_there_was_is_catching_up(tmp_path: Path) -> None:
    service = small_service(tmp_path)
    service.feed.state.is_caught_up = False
    assert asyncio.run(service.readiness()).broker.status == "catching_up"
