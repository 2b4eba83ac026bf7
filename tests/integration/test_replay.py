"""Reports from files and from the simulator, through Kafka, to the last one."""

import asyncio
import itertools
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pytest

from analytics.errors import Unavailable
from analytics.local.children import free_port
from analytics.local.embedded_broker import EmbeddedBroker
from analytics.replay.errors import NotAcknowledged
from analytics.replay.publisher import Publisher
from analytics.replay.sending import Sent, check_all_acknowledged, send
from analytics.replay.wire import Wire
from analytics.simulator import fleet, traffic
from tests.support.kafka_clients import consumer
from tests.support.running_service import CLI

LIVE_S = 1_760_000_000.0
SMALL = "user,service,t00,t01,t02\n0,49,0.84,,20.0\n7,3,1.038,0.049,\n"
REPORTS = "trust.reports"


@pytest.fixture(scope="module")
def own_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker whose ``trust.reports`` holds only what these tests send."""
    with EmbeddedBroker(log=tmp_path_factory.mktemp("replay") / "broker.log") as broker:
        yield broker.address


def simulated() -> list[dict[str, Any]]:
    return list(itertools.chain.from_iterable(traffic(7, fleet(), LIVE_S - 300, LIVE_S, 20.0)))


def stored(broker: str, topic: str, at_least: int, and_rest: bool = True) -> list[dict[str, Any]]:
    """Reports of a topic from its beginning: at least so many, and what else comes within a second after."""

    async def drain() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        async with consumer(broker, topic) as reading:
            patience_ms = 30_000
            while batches := await reading.getmany(timeout_ms=patience_ms):
                for record in itertools.chain.from_iterable(batches.values()):
                    found += _reports(record)
                if len(found) >= at_least:
                    if not and_rest:
                        break
                    patience_ms = 1_000
        return found

    return asyncio.run(drain())


def _reports(record: Any) -> list[dict[str, Any]]:
    if dict(record.headers).get("content-type") != b"application/vnd.apache.arrow.stream":
        assert record.key.decode() == orjson.loads(record.value)["provider_id"]
        return [orjson.loads(record.value)]
    rows = pa.ipc.open_stream(record.value).read_all().to_pylist()
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def by_id(reports: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(reports, key=lambda report: str(report["report_id"]))


def replayed(broker: str, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TRUSTSCORE_BROKER": broker}
    return subprocess.run([*CLI, *words], env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("wire", list(Wire))
def test_every_report_arrives_once_and_whole(broker: str, wire: Wire) -> None:
    reports, topic = simulated(), f"replay-{wire}"

    async def publish() -> Sent:
        async with Publisher(broker, topic, wire=wire) as publisher:
            return await send([reports[:1_000], [], reports[1_000:]], publisher)

    sent = asyncio.run(publish())
    assert (sent.read, sent.acknowledged) == (len(reports), len(reports))
    assert (sent.first_s, sent.last_s) == (reports[0]["timestamp"], reports[-1]["timestamp"])
    assert by_id(stored(broker, topic, len(reports))) == by_id(reports)


def test_reports_that_kafka_does_not_confirm_are_counted_and_said(tmp_path: Path) -> None:
    reports = simulated()[:100]

    async def publish(broker: EmbeddedBroker) -> None:
        async with Publisher(broker.address, REPORTS, patience_s=1.0) as publisher:
            before = await send([reports], publisher)
            check_all_acknowledged(before, publisher)
            broker.stop()
            check_all_acknowledged(before.then(await send([reports], publisher)), publisher)

    with (
        EmbeddedBroker(log=tmp_path / "broker.log") as broker,
        pytest.raises(
            NotAcknowledged, match=r"acknowledged 100 of 200 reports \(.*\); send them again once it is back"
        ),
    ):
        asyncio.run(publish(broker))


def test_a_broker_that_is_away_is_said_plainly(tmp_path: Path) -> None:
    file = tmp_path / "small.csv"
    file.write_text(SMALL, encoding="utf-8")
    address = f"127.0.0.1:{free_port()}"
    done = replayed(address, "replay", str(file), "--format", "wsdream")
    assert done.returncode == 1
    assert done.stderr.startswith(f"Kafka at {address} cannot be reached")
    assert "trustscore up" in done.stderr
    assert "Traceback" not in done.stderr

    async def connect() -> None:
        async with Publisher(address, REPORTS):
            raise AssertionError("connected to nothing")

    with pytest.raises(Unavailable):
        asyncio.run(connect())


def test_a_wsdream_file_is_replayed_with_every_reading(own_broker: str, tmp_path: Path) -> None:
    file = tmp_path / "small.csv"
    file.write_text(SMALL, encoding="utf-8")
    words = ["--format", "wsdream", "--speed", "max", "--shift", "1760000000", "--json"]
    done = replayed(own_broker, "replay", str(file), *words)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["read"], facts["acknowledged"], facts["skipped"]) == (4, 4, 0)
    found = [report for report in stored(own_broker, REPORTS, 4) if report["report_id"].startswith("ws-")]
    assert {(r["report_id"], r["timestamp"], r["outcome"]) for r in found} == {
        ("ws-0-49-0", LIVE_S - 2_700, "success"), ("ws-7-3-0", LIVE_S - 2_700, "success"),
        ("ws-7-3-1", LIVE_S - 1_800, "success"), ("ws-0-49-2", LIVE_S - 900, "timeout"),
    }  # fmt: skip
    assert len(found) == 4


def test_bad_lines_are_left_out_when_asked_and_counted(own_broker: str, tmp_path: Path) -> None:
    file = tmp_path / "calls.ndjson"
    good = {"provider_id": "demo-a", "outcome": "success", "timestamp": LIVE_S, "report_id": "good-1"}
    lines = [good, {**good, "report_id": "bad-1", "latency_ms": -12.0}, {**good, "report_id": "good-2"}]
    file.write_bytes(b"\n".join(map(orjson.dumps, lines)))
    stops = replayed(own_broker, "replay", str(file))
    assert stops.returncode == 2
    assert "calls.ndjson, line 2: latency_ms must be" in stops.stderr
    done = replayed(own_broker, "replay", str(file), "--skip-bad", "--wire", "arrow")
    assert done.returncode == 0, done.stderr
    assert "left out: calls.ndjson, line 2: latency_ms must be" in done.stderr
    assert "2 of 2 reports acknowledged by Kafka" in done.stderr
    found = [report["report_id"] for report in stored(own_broker, REPORTS, 2)]
    assert found.count("good-2") == 1
    assert "bad-1" not in found


def test_live_traffic_ends_at_a_signal_with_everything_confirmed(own_broker: str) -> None:
    command = [*CLI, "simulate", "--past", "60", "--rate", "20", "--seed", "99", "--json"]
    environment = {**os.environ, "TRUSTSCORE_BROKER": own_broker}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as child:
        assert any(
            report["report_id"].startswith("sim-99-") for report in stored(own_broker, REPORTS, 500, and_rest=False)
        )
        child.send_signal(signal.SIGTERM)
        told, _ = child.communicate(timeout=30)
    assert child.returncode == 0
    facts = json.loads(told)
    assert facts["read"] == facts["acknowledged"] > 500
    assert set(facts["providers"]) == {provider.provider_id for provider in fleet()}
    found = [r for r in stored(own_broker, REPORTS, facts["read"]) if r["report_id"].startswith("sim-99-")]
    assert len(found) == facts["acknowledged"]
