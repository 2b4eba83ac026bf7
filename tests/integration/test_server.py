"""The server on real brokers: reports out to Kafka, scores in from it, answers while it is away, a clean stop."""

import asyncio
import io
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pyarrow as pa
import pytest
from aiokafka import ConsumerRecord
from mcp import Client

from analytics.intake import ARROW
from analytics.local.children import free_port
from analytics.local.embedded_broker import EmbeddedBroker
from analytics.server import create_app
from analytics.service import Service
from analytics.settings import load_settings
from infra.kafka.server import KafkaServer
from scoring.records import ScoreRecord
from tests.support.kafka_clients import consumer, create_topic, fetch, producer
from tests.support.services import small_records
from tests.support.small_answers import FAILING, STEADY

REPORTS, SCORES = "trust.reports", "trust.scores"


@pytest.fixture(scope="module", params=["embedded", "kafka"])
def own_broker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker of this module's own: the topics have fixed names."""
    if request.param == "kafka":
        request.getfixturevalue("kafka_runnable")
        with KafkaServer(tmp_path_factory.mktemp("kafka")) as kafka:
            yield kafka.address
    else:
        with EmbeddedBroker(log=tmp_path_factory.mktemp("embedded") / "broker.log") as embedded:
            yield embedded.address


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(tmp_path_factory.mktemp("server"))


@pytest.fixture(scope="module")
def records(root: Path) -> list[ScoreRecord]:
    return small_records(root)


def service_at(broker: str, root: Path, **settings: object) -> Service:
    given = {"lake": str(root / "lake"), "data_dir": root, "away_s": 1.0, "produce_timeout_s": 5.0, **settings}
    return Service(load_settings(broker=broker, **given))


@asynccontextmanager
async def http(service: Service) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(service))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
        yield client


async def until(holds: Callable[[], bool]) -> None:
    """Return once it holds; pytest's timeout ends a wait for what never comes."""
    while not holds():
        await asyncio.sleep(0.02)


async def everything(broker: str, topic: str, wanted: Callable[[ConsumerRecord], bool]) -> ConsumerRecord:
    """The first message of a topic that is wanted."""
    async with consumer(broker, topic) as client:
        while True:
            (record,) = await fetch(client, 1)
            if wanted(record):
                return record


async def send_scores(broker: str, records: list[ScoreRecord]) -> None:
    async with producer(broker) as client:
        for record in records:
            key = f"{record.provider_id}|{record.facet}".rstrip("|").encode()
            await client.send_and_wait(SCORES, msgspec.json.encode(record), key=key)


def test_a_posted_report_goes_to_kafka_keyed_by_its_provider(own_broker: str, root: Path) -> None:
    async def posted() -> tuple[httpx.Response, ConsumerRecord]:
        service = service_at(own_broker, root)
        async with service.running(), http(service) as client:
            sent = {"provider_id": "npm:@acme/x", "outcome": "success", "latency_ms": 12.5, "mood": "good"}
            answer = await client.post("/v1/reports", json=sent)
            label = answer.json()["report_id"].encode()
            return answer, await everything(own_broker, REPORTS, lambda record: label in record.value)

    answer, record = asyncio.run(posted())
    taken = answer.json()
    assert (answer.status_code, taken["accepted"], taken["provider_id"]) == (202, True, "npm:@acme/x")
    assert record.key == b"npm:@acme/x"
    value = json.loads(record.value)
    assert (value["outcome"], value["latency_ms"], value["details"]) == ("success", 12.5, {"mood": "good"})
    assert isinstance(value["timestamp"], float)


def test_many_reports_and_an_arrow_stream_go_to_kafka(own_broker: str, root: Path) -> None:
    table = pa.table({"provider_id": ["arrow-a", "arrow-b"], "outcome": ["success", "error"]})
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)

    async def posted() -> tuple[list[Any], ConsumerRecord, ConsumerRecord]:
        service = service_at(own_broker, root)
        async with service.running(), http(service) as client:
            reports = [{"provider_id": f"many-{at}", "outcome": "timeout"} for at in range(200)]
            many = await client.post("/v1/reports", json=reports)
            arrow = await client.post("/v1/reports", content=sink.getvalue(), headers={"content-type": ARROW})
            last = await everything(own_broker, REPORTS, lambda record: record.key == b"many-199")
            whole = await everything(own_broker, REPORTS, lambda record: bool(record.headers))
            metrics = (await client.get("/metrics")).text
            return [many, arrow, metrics], last, whole

    (many, arrow, metrics), last, whole = asyncio.run(posted())
    assert (many.status_code, many.json()["accepted"], arrow.json()["accepted"]) == (202, 200, 2)
    assert json.loads(last.value)["report_id"] == many.json()["report_ids"][199]
    assert whole.headers == (("content-type", ARROW.encode()),)
    rows = pa.ipc.open_stream(whole.value).read_all().to_pylist()
    assert [row["provider_id"] for row in rows] == ["arrow-a", "arrow-b"]
    assert "trustscore_reports_accepted_total 202.0" in metrics


def test_one_bad_report_among_many_sends_none_of_them(own_broker: str, root: Path) -> None:
    async def posted() -> tuple[httpx.Response, list[bytes]]:
        service = service_at(own_broker, root)
        async with service.running(), http(service) as client:
            good = {"provider_id": "all-or-nothing", "outcome": "success"}
            refused = await client.post("/v1/reports", json=[good, {**good, "latency_ms": -1}])
            after = await client.post("/v1/reports", json={**good, "report_id": "the-only-one"})
            assert after.status_code == 202
            found: list[bytes] = []
            await everything(
                own_broker,
                REPORTS,
                lambda record: record.key == b"all-or-nothing" and not found.append(record.value),  # type: ignore[func-returns-value]
            )
            return refused, found

    refused, found = asyncio.run(posted())
    assert (refused.status_code, refused.json()["error"]["field"]) == (422, "[1].latency_ms")
    assert [json.loads(value)["report_id"] for value in found] == ["the-only-one"]


def test_contributions_add_up_to_a_status(own_broker: str, root: Path, records: list[ScoreRecord]) -> None:
    assert records

    async def posted() -> list[tuple[int, str]]:
        service = service_at(own_broker, root)
        report = {"provider_id": "a", "outcome": "success"}
        async with service.running():
            taken = [await service.answers.report({**report, "reporter_id": "newcomer"}) for _ in range(5)]
            taken.append(
                await service.answers.report({**report, "reporter_id": "tests"})
            )  # 360 of theirs are in the lake
        return [(answer.total_contributions, answer.contributor_status) for answer in taken]

    assert asyncio.run(posted()) == [
        (1, "new"), (2, "new"), (3, "new"), (4, "new"), (5, "active"), (361, "trusted"),
    ]  # fmt: skip


def test_the_live_view_holds_what_was_and_what_comes(own_broker: str, root: Path, records: list[ScoreRecord]) -> None:
    async def followed() -> None:
        service = service_at(own_broker, root, lake="")
        async with service.running(wait_s=20):
            assert (await service.answers.check(STEADY)).known is False
            await create_topic(own_broker, SCORES, partitions=2, cleanup_policy="compact")
            await send_scores(own_broker, records)
            await until(lambda: len(service.board) == len(records))
            answer = await service.answers.check(STEADY)
            assert (answer.source, answer.stale, answer.sample_size) == ("live", False, 120)

            async with producer(own_broker) as client:
                await client.send_and_wait(SCORES, b"{no score", key=FAILING.encode())
                await client.send_and_wait(SCORES, None, key=f"{FAILING}|task=search".encode())
                await client.send_and_wait(SCORES, None, key=FAILING.encode())
            await until(lambda: FAILING not in set(service.board.providers()))
            assert service.feed.state.undecodable == 1
            # What kept being told wrong is told again, for whoever comes next.
            await send_scores(own_broker, [record for record in records if record.provider_id == FAILING])

        late = service_at(own_broker, root, lake="")
        async with late.running(wait_s=20):
            await until(lambda: len(late.board) == len(records))
            assert late.feed.state.is_caught_up
            assert (await late.readiness()).status == "ready"

    asyncio.run(followed())


def test_without_kafka_answers_are_stale_from_the_lake_and_live_again_when_it_is_back(
    root: Path, records: list[ScoreRecord], tmp_path: Path
) -> None:
    port = free_port()

    async def lived_through() -> None:
        service = service_at(f"127.0.0.1:{port}", root, produce_timeout_s=1.0)
        async with service.running(), http(service) as client:
            with EmbeddedBroker(port, log=tmp_path / "first.log") as broker:
                await create_topic(broker.address, SCORES, partitions=2)
                await send_scores(broker.address, records)
                await until(lambda: len(service.board) == len(records))
                assert (await client.get(f"/v1/providers/{STEADY}")).json()["stale"] is False
            await until(lambda: not service.feed.state.is_live(service.clock(), 1.0))
            away = (await client.get(f"/v1/providers/{STEADY}")).json()
            assert (away["stale"], away["source"], away["sample_size"]) == (True, "lake", 120)
            assert away["age_s"] > 0
            ready = await client.get("/health/ready")
            assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
            refused = await client.post("/v1/reports", json={"provider_id": STEADY, "outcome": "success"})
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "broker_unavailable")

            await until(lambda: not service.feed.state.is_caught_up)
            with EmbeddedBroker(port, log=tmp_path / "second.log") as broker:
                await create_topic(broker.address, SCORES, partitions=2)
                await send_scores(broker.address, [record for record in records if record.provider_id == FAILING])
                # The new broker knows less than the old one did: the view becomes what it holds, not a mixture.
                await until(lambda: set(service.board.providers()) == {FAILING})
                await until(lambda: service.feed.state.is_live(service.clock(), 1.0))
                assert (await client.get(f"/v1/providers/{FAILING}")).json()["stale"] is False
                taken = await client.post("/v1/reports", json={"provider_id": STEADY, "outcome": "success"})
                assert taken.status_code == 202

    asyncio.run(lived_through())


class Serving:
    """``serve`` in a process of its own, once it has said where."""

    def __init__(self, broker: str, directory: Path, **variables: str) -> None:
        names = {"BROKER": broker, "LAKE": "", "DATA_DIR": str(directory), "HTTP_PORT": "0", **variables}
        self.process = subprocess.Popen(
            [sys.executable, "-c", "from analytics.server import serve; serve()"],
            env={**os.environ, **{f"TRUSTSCORE_{name}": value for name, value in names.items()}},
            stderr=subprocess.PIPE,
            text=True,
        )

    def address(self) -> str:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if found := re.search(r"running on (http://\S+)", line):
                return found[1]
        raise AssertionError("the server ended before it served")

    def __enter__(self) -> "Serving":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="module")
def quiet_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with EmbeddedBroker(log=tmp_path_factory.mktemp("quiet") / "broker.log") as broker:
        yield broker.address


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_served_process_answers_rest_and_mcp_and_stops_cleanly(
    quiet_broker: str, tmp_path: Path, number: signal.Signals
) -> None:
    async def asked(address: str) -> None:
        async with httpx.AsyncClient(base_url=address) as client:
            assert (await client.get("/health/live")).json()["status"] == "alive"
            assert "TrustScore" in (await client.get("/")).text
            foreign = await client.post("/mcp", json={}, headers={"host": "evil.example"})
            assert foreign.status_code == 421
        for path in ("/mcp", "/mcp/"):
            async with Client(f"{address}{path}") as mcp:
                report = {"provider_id": "over-mcp", "outcome": "success"}
                taken = await mcp.call_tool("trustscore_report", report)
                assert taken.structured_content is not None
                assert taken.structured_content["accepted"] is True
                # An open stream must not keep the server from stopping.
                if path == "/mcp/":
                    serving.process.send_signal(number)

    with Serving(quiet_broker, tmp_path) as serving:
        asyncio.run(asked(serving.address()))
        assert serving.process.wait(15) == 0


def test_an_address_in_use_ends_the_server_with_exit_code_1(quiet_broker: str, tmp_path: Path) -> None:
    with Serving(quiet_broker, tmp_path) as first:
        port = first.address().rpartition(":")[2]
        with Serving(quiet_broker, tmp_path, HTTP_PORT=port) as second:
            _, said = second.process.communicate(timeout=30)
            assert second.process.returncode == 1
            assert "address already in use" in said
