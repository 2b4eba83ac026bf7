import asyncio
from pathlib import Path

from analytics.backlog import Waiting
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


def test_a_service_whose_reports_wait_for_a_worker_is_degraded_and_says_how_long(tmp_path: Path) -> None:
    clock = Clock()
    service = small_service(tmp_path, small_records(tmp_path), clock=clock)
    assert asyncio.run(service.readiness()).workers.status == "ok"
    service.backlog.overdue = Waiting("trust.reports", 0, 9, clock.now_s - 30)
    state = asyncio.run(service.readiness())
    assert (state.status, state.workers.status, state.workers.waiting_s) == ("degraded", "behind", 30.0)
    service.backlog.problem = "no answer within 3 s"
    assert asyncio.run(service.readiness()).workers.status == "unknown"
    service.lake.close()


def test_a_broker_that_still_sends_what_there_was_is_catching_up(tmp_path: Path) -> None:
    service = small_service(tmp_path)
    service.feed.state.is_caught_up = False
    assert asyncio.run(service.readiness()).broker.status == "catching_up"
