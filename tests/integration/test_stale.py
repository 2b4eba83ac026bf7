"""Answers while workers are away: marked stale, with how long reports have waited; live again afterwards."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from analytics.backlog_watch import BacklogWatch
from analytics.board import Board
from analytics.models import CheckAnswer
from analytics.service import Service
from analytics.settings import load_settings
from infra.kafka.server import KafkaServer
from tests.support.fault_line import FaultLine
from tests.support.kafka_clients import create_topic

WITHIN_S = 120.0
SEED = 1
TOPICS = ("trust.reports", "trust.panes")


async def until(found: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + WITHIN_S
    while not found():
        assert time.monotonic() < deadline_s, f"{what}: not within {WITHIN_S:g} s"
        await asyncio.sleep(0.1)


async def answer(service: Service, wanted: Callable[[CheckAnswer], bool], what: str) -> CheckAnswer:
    """What ``check`` says once that is as wanted."""
    deadline_s = time.monotonic() + WITHIN_S
    while not wanted(found := await service.answers.check("p0")):
        assert time.monotonic() < deadline_s, f"{what}: not within {WITHIN_S:g} s; {found.summary}"
        await asyncio.sleep(0.2)
    return found


@pytest.mark.usefixtures("kafka_runnable")
@pytest.mark.timeout(600)
def test_while_no_worker_takes_reports_in_answers_say_so_and_are_live_again_afterwards(
    tmp_path: Path,
) -> None:
    async def ask(line: FaultLine) -> None:
        service = Service(load_settings(broker=line.broker, lake="", data_dir=tmp_path / "data"))
        async with service.running(30):
            await answer(service, lambda told: told.known and not told.stale, "live")
            await asyncio.to_thread(line.stop_workers)
            with line.sending(200):
                late = await answer(service, lambda told: told.stale, "marked stale")
            assert late.source == "live"
            assert "reports have waited 1" in str(late.stale_because)
            assert "for a worker" in late.summary
            state = await service.readiness()
            assert (state.status, state.workers.status) == ("degraded", "behind")
            await asyncio.to_thread(line.ready_worker)
            await answer(service, lambda told: not told.stale and told.sample_size > late.sample_size, "live again")

    with FaultLine(tmp_path, SEED) as line:
        worker = line.ready_worker()
        with line.sending(200):
            worker.wait_until("trustscore_scores_emitted_total", 1)
        asyncio.run(ask(line))


@pytest.mark.usefixtures("kafka_runnable")
def test_an_aborted_transaction_is_no_report_that_waits_and_what_waits_does_so_without_the_broker(
    tmp_path: Path,
) -> None:
    async def watch(kafka: KafkaServer) -> None:
        for name in TOPICS:
            await create_topic(kafka.address, name, partitions=2)
        producer = AIOKafkaProducer(bootstrap_servers=kafka.address, transactional_id="aborts")
        await producer.start()
        try:
            await producer.begin_transaction()
            await producer.send_and_wait("trust.reports", b"{}", partition=0)
            await producer.abort_transaction()
            settings = load_settings(broker=kafka.address, lake="")
            watch = BacklogWatch(Board(), settings, time.time, dict.fromkeys(TOPICS, 1.0))
            watching = asyncio.create_task(watch.run())
            await asyncio.sleep(0)
            await producer.begin_transaction()
            await producer.send_and_wait("trust.reports", b"{}", partition=1)
            await producer.commit_transaction()
            await until(lambda: watch.overdue is not None, "a report that waits")
            assert watch.overdue is not None
            assert (watch.overdue.topic, watch.overdue.partition, watch.overdue.offset) == ("trust.reports", 1, 0)
        finally:
            await producer.stop()
        await asyncio.to_thread(kafka.kill)
        await until(lambda: watch.problem is not None, "a broker that is gone")
        assert watch.overdue is not None
        assert watch.overdue.partition == 1
        watching.cancel()
        await asyncio.wait([watching])

    with KafkaServer(tmp_path / "kafka") as kafka:
        asyncio.run(watch(kafka))
