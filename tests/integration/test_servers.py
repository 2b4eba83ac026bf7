"""The brokers as processes: they keep or lose what they should, and none outlives who started it."""

import asyncio
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from analytics.local.children import BrokerDidNotStart, free_port, resident_bytes
from analytics.local.embedded_broker import EmbeddedBroker
from infra.kafka.server import KafkaServer
from tests.support.kafka_clients import create_topic, fetch_partition, producer

ROOT = Path(__file__).resolve().parents[2]
STARTS_A_BROKER = """
import sys
from analytics.local.embedded_broker import EmbeddedBroker
with EmbeddedBroker() as broker:
    print(broker.pid, flush=True)
    sys.stdin.read()
"""


async def produce_one(broker: str, topic: str) -> None:
    async with producer(broker) as client:
        await client.send_and_wait(topic, value=b"kept")


async def first_value(broker: str, topic: str) -> bytes:
    (record,) = await fetch_partition(broker, topic, 0, 1)
    value: bytes = record.value
    return value


def has_ended(process: int, within_s: float) -> bool:
    """Wait for a process that is not our child."""
    try:
        watched = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([watched], [], [], within_s)[0])
    finally:
        os.close(watched)


def test_the_embedded_broker_says_its_memory_while_it_runs(tmp_path: Path) -> None:
    broker = EmbeddedBroker(log=tmp_path / "log")
    assert broker.memory_bytes() is None
    with broker:
        memory_bytes = broker.memory_bytes()
        process = broker.pid
    assert memory_bytes is not None
    assert 1_000_000 < memory_bytes < 1_000_000_000
    assert process is not None
    assert resident_bytes(process) is None
    assert broker.memory_bytes() is None


def test_the_embedded_broker_forgets_everything_when_it_stops() -> None:
    broker = EmbeddedBroker()
    for _ in range(2):
        with broker:
            asyncio.run(create_topic(broker.address, "the-same"))


@pytest.mark.chaos
def test_the_embedded_broker_dies_with_who_started_it() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", STARTS_A_BROKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    )
    with parent:
        assert parent.stdout is not None
        broker = int(parent.stdout.readline())
        assert resident_bytes(broker) is not None
        parent.kill()
        parent.wait()
        assert has_ended(broker, within_s=10.0)


def test_a_broker_that_ends_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    binary = tmp_path / "tansu"
    binary.write_text("#!/bin/sh\necho no such storage engine >&2\nexit 3\n", encoding="ascii")
    binary.chmod(0o755)
    broker = EmbeddedBroker(binary=binary)
    with pytest.raises(
        BrokerDidNotStart, match=r"(?s)ended with exit code 3 before it answered.*no such storage engine"
    ):
        broker.start()
    broker.stop()


def test_a_process_that_never_answers_is_given_up_and_ended(tmp_path: Path) -> None:
    binary = tmp_path / "tansu"
    binary.write_text("#!/bin/sh\necho $$\nexec sleep 600\n", encoding="ascii")
    binary.chmod(0o755)
    broker = EmbeddedBroker(binary=binary, log=tmp_path / "log")
    with pytest.raises(BrokerDidNotStart, match="did not answer within 1 s"):
        broker.start(timeout_s=1.0)
    assert resident_bytes(int((tmp_path / "log").read_text(encoding="ascii"))) is None


@pytest.mark.usefixtures("kafka_runnable")
def test_kafka_keeps_its_data_over_a_stop_and_a_kill(tmp_path: Path) -> None:
    server = KafkaServer(tmp_path)
    with server:
        address = server.address
        asyncio.run(create_topic(address, "kept"))
        asyncio.run(produce_one(address, "kept"))
    server.start()
    server.kill()
    with KafkaServer(tmp_path) as again:
        assert again.address == address
        assert asyncio.run(first_value(address, "kept")) == b"kept"


@pytest.mark.usefixtures("kafka_runnable")
def test_the_kafka_program_prints_its_address_and_ends_on_sigterm(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "infra/kafka/server.py", "--dir", str(tmp_path), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as program:
        assert program.stdout is not None
        said = program.stdout.readline()
        jvm = int(said.split("(pid ")[1].split(",")[0])
        assert f"Apache Kafka answers on 127.0.0.1:{port}" in said
        program.send_signal(signal.SIGTERM)
        assert program.wait() == 0
    assert resident_bytes(jvm) is None
