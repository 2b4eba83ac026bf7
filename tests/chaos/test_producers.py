"""What goes wrong with producers: answers that are lost, records too large, transactions that are aborted."""

import asyncio
from pathlib import Path

import pytest
from aiokafka.errors import MessageSizeTooLargeError

from streams.topics import REPORTS
from tests.support.fault_line import FaultLine, let_run
from tests.support.fault_proxy import Faults
from tests.support.kafka_clients import producer
from tests.support.traffic import as_json, traffic

pytestmark = [pytest.mark.usefixtures("kafka_runnable"), pytest.mark.timeout(600)]

LOST = Faults(answers_lost=True)


@pytest.mark.parametrize(
    ("times", "is_idempotent"),
    [
        pytest.param(2, True, id="short-idempotent"),
        pytest.param(2, False, id="short"),
        pytest.param(15, True, id="long-idempotent", marks=pytest.mark.chaos_long),
        pytest.param(15, False, id="long", marks=pytest.mark.chaos_long),
    ],
)
def test_reports_whose_acknowledgement_was_lost_count_once(
    times: int, is_idempotent: bool, tmp_path: Path, seed: int
) -> None:
    """Kafka has them, the producer does not know it and sends them again; without idempotence they are there twice."""
    with FaultLine(tmp_path, seed) as line:
        worker = line.ready_worker()
        options = {"enable_idempotence": is_idempotent, "request_timeout_ms": 2_000, "retry_backoff_ms": 50}
        with line.sending(1_000, through=line.proxy.address, **options):
            worker.wait_until("trustscore_lake_reports_total", 1)
            for _ in range(times):
                with line.proxy.having(LOST):
                    let_run(line.rng.uniform(0.5, 1.0))
                let_run(line.rng.uniform(0.2, 1.0))
        assert line.proxy.answers_lost, "nothing was lost"
        repeats = worker.metric("trustscore_repeats_total")
        truth = line.equal_to_recomputation()
        assert line.receipts.acknowledged <= set(truth.places.values())
        assert bool(repeats) is not is_idempotent, f"{repeats:g} reports came twice"


def test_a_record_too_large_is_refused_to_its_producer_and_costs_no_other(tmp_path: Path, seed: int) -> None:
    with FaultLine(tmp_path, seed) as line:
        line.ready_worker()
        with line.sending(500):
            refused = asyncio.run(_send_too_large(line.broker))
            let_run(0.5)
        assert refused == ["client", "broker"]
        truth = line.equal_to_recomputation()
        assert "too-large" not in truth.places.values()


async def _send_too_large(broker: str) -> list[str]:
    """Who refused a report of 2 MB: the producer itself, and Kafka where the producer would have let it pass."""
    report = traffic(0, 1)[0] | {"report_id": "too-large", "task_type": "x" * (2 << 20)}
    key, value, _ = as_json([report])[0]
    refused = []
    for name, options in (("client", {}), ("broker", {"max_request_size": 4 << 20})):
        async with producer(broker, acks="all", **options) as client:
            try:
                await client.send_and_wait(REPORTS, value=value, key=key)
            except MessageSizeTooLargeError:
                refused.append(name)
    return refused


@pytest.mark.parametrize(
    "rounds", [pytest.param(6, id="short"), pytest.param(200, id="long", marks=pytest.mark.chaos_long)]
)
def test_reports_of_aborted_transactions_never_count(rounds: int, tmp_path: Path, seed: int) -> None:
    """Neither while their transaction is open, nor after its end; those of committed ones do, once."""
    with FaultLine(tmp_path, seed) as line:
        worker = line.ready_worker()
        with line.sending(500):
            committed, aborted = asyncio.run(_in_transactions(line, rounds))
        truth = line.equal_to_recomputation()
        there = set(truth.places.values())
        assert committed <= there
        assert not aborted & there
        assert len(committed) >= 20
        assert len(aborted) >= 20
        assert worker.process.returncode == 0


async def _in_transactions(line: FaultLine, rounds: int) -> tuple[set[str], set[str]]:
    """Ids of reports sent in transactions that were committed, and of those that were aborted."""
    committed, aborted = set[str](), set[str]()
    async with producer(line.broker, transactional_id="agent") as client:
        for number in range(rounds):
            await client.begin_transaction()
            ids = set[str]()
            for (key, value, headers), sent in line.messages(30):
                await client.send(REPORTS, value=value, key=key, headers=list(headers))
                ids.update(sent)
            await client.flush()
            if number % 2:
                await client.abort_transaction()
                aborted |= ids
            else:
                await client.commit_transaction()
                committed |= ids
                line.receipts.acknowledged.update(ids)
    return committed, aborted
