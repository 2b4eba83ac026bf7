"""Weights of reporters: from the lake over Kafka to the server, and into the fold."""

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

from analytics.local.embedded_broker import EmbeddedBroker
from analytics.models import ReporterAnswer
from analytics.server import create_app
from analytics.service import Service
from analytics.settings import load_settings
from infra.kafka.server import KafkaServer
from scoring.reporters import ReporterRecord
from tests.support.kafka_clients import create_topic
from tests.support.lake_maker import LakeMaker
from tests.support.running_service import CLI, eventually
from tests.support.traffic import as_json
from tests.support.worker import Worker, lake_rows, produce, read_topic, scores_of
from tests.unit.analytics.test_reporters import LIARS, reports


@pytest.fixture(params=["embedded", "kafka"])
def own_broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A broker of this test alone: the topics have fixed names."""
    if request.param == "kafka":
        request.getfixturevalue("kafka_runnable")
        with KafkaServer(tmp_path / "kafka") as kafka:
            yield kafka.address
    else:
        with EmbeddedBroker(log=tmp_path / "broker.log") as embedded:
            yield embedded.address


def trustscore(broker: str, lake: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("TRUSTSCORE_")}
    env = {**inherited, "TRUSTSCORE_BROKER": broker, "TRUSTSCORE_LAKE": str(lake), "TRUSTSCORE_PRODUCE_TIMEOUT_S": "30"}
    return subprocess.run([*CLI, *arguments], env=env, capture_output=True, text=True, timeout=100, check=False)


def test_weights_go_from_the_lake_over_kafka_to_the_server(own_broker: str, tmp_path: Path) -> None:
    LakeMaker(tmp_path / "lake").add(reports(time.time()), time.time())
    for _ in range(2):  # the second round finds nothing changed
        done = trustscore(own_broker, tmp_path / "lake", "reporters", "weigh")
        assert done.returncode == 0, done.stderr
        assert "24 reporters, 4 of them count less than whole" in " ".join(done.stdout.split())
    messages = read_topic(own_broker, "trust.reporters", partitions=1)
    assert len(messages) == len({message.key for message in messages}) == 24

    async def asked() -> ReporterAnswer:
        settings = load_settings(broker=own_broker, lake="", data_dir=tmp_path)
        service = Service(settings)
        transport = httpx.ASGITransport(create_app(service))
        async with service.running(), httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            answer = await client.get(f"/v1/reporters/{LIARS[0]}")
            return ReporterAnswer.model_validate_json(answer.content)

    answer = asyncio.run(asked())
    assert answer.known
    assert answer.weight is not None
    assert answer.weight < 0.9
    assert answer.reasons == ["contradicts the others about a"]


def test_the_fold_counts_of_a_doubted_reporter_its_share_and_the_rest_are_rejects(
    own_broker: str, tmp_path: Path
) -> None:
    now_s = time.time()
    doubted = ReporterRecord("liar", 0.25, 100, 4, 0.75, 0, ["contradicts the others about p"], now_s, 86_400.0)
    asyncio.run(create_topic(own_broker, "trust.reporters", 1, cleanup_policy="compact"))
    produce(own_broker, [(b"liar", msgspec.json.encode(doubted), [])], "trust.reporters")
    sent = [
        {"provider_id": "p", "outcome": outcome, "timestamp": now_s, "reporter_id": reporter_id, "task_type": "t"}
        for _ in range(400)
        for reporter_id, outcome in (("liar", "failure"), ("honest", "success"))
    ]
    with Worker(own_broker, tmp_path, lake_flush_s=0.3, weigh_reporters=True) as worker:
        worker.wait_until("trustscore_score_seconds_count", 1)
        produce(own_broker, as_json(sent), "trust.reports")
        worker.wait_until("trustscore_reports_folded_total", 420)

        def all_read() -> bool | None:
            read = worker.metric("trustscore_reports_folded_total") + worker.metric("trustscore_doubted_reports_total")
            return True if read >= len(sent) else None

        eventually(all_read, "all reports folded or left out")
        left = int(worker.metric("trustscore_doubted_reports_total"))

        def scored() -> bool | None:
            window = scores_of(own_broker)["p"].windows["30d"]
            return True if (window.success, window.failure) == (400, 400 - left) else None

        eventually(scored, "a score of what counts", 60)
        assert worker.stop() == 0
    assert 240 < left < 360
    counted = "select reporter_id, count(*) from {rows} group by all order by all"
    assert lake_rows(worker.lake, "reports", counted) == [("honest", 400), ("liar", 400 - left)]
    rejects = lake_rows(worker.lake, "rejects", "select field, reason, count(*) from {rows} group by all")
    assert len(rejects) == 1
    assert (rejects[0][0], rejects[0][2]) == ("reporter_id", left)
    assert "reporter_id liar is doubted: 0.25 of its reports count" in rejects[0][1]
    assert len(read_topic(own_broker, "trust.rejects")) == left
    verified = trustscore(own_broker, worker.lake, "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
