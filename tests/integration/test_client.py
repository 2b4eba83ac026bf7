"""The agents' client library against real sockets: a server of the standard library, both brokers, process exits."""

import asyncio
import http.server
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import trustscore_client
from trustscore_client import Bounds, Delivery, HttpTransport, KafkaTransport, Retry, TrustScore

from analytics.local.children import free_port
from analytics.local.embedded_broker import EmbeddedBroker
from infra.kafka.server import KafkaServer
from scoring.reports import validate
from tests.support.kafka_clients import consumer, create_topic, fetch, unique_name

SOON = Retry(first_s=0.01, longest_s=0.1)
Answer = Callable[[list[dict[str, Any]]], tuple[int, dict[str, Any]]]


class Server:
    """A trust service of a few lines: keeps what it accepts and answers as told, then always 202."""

    def __init__(self, *answers: Answer, port: int = 0, hangs_up: bool = False) -> None:
        self.reports: list[dict[str, Any]] = []
        self.requests: list[list[dict[str, Any]]] = []
        self.paths: set[str] = set()
        self.headers: dict[str, str] = {}
        self._answers = list(answers)
        own = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                own.paths.add(self.path)
                own.headers = dict(self.headers)
                status, answer = own.answer(body)
                sent = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(sent)))
                if status == 429:
                    self.send_header("Retry-After", "7")
                self.end_headers()
                self.wfile.write(sent)
                self.close_connection = hangs_up

            def log_message(self, format: str, *args: Any) -> None:
                """Tests read ``requests``."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, body: list[dict[str, Any]]) -> tuple[int, dict[str, Any]]:
        self.requests.append(body)
        if self._answers:
            status, answer = self._answers.pop(0)(body)
            if status != 202:
                return status, answer
        self.reports += body
        return 202, {"accepted": len(body)}

    def __enter__(self) -> "Server":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def answers(status: int, **body: Any) -> Answer:
    return lambda _: (status, body)


def ids(reports: list[dict[str, Any]]) -> list[str]:
    return [report["report_id"] for report in reports]


def run_agent(code: str, url: str) -> subprocess.CompletedProcess[str]:
    """An agent as its own process, with ``client`` ready; it ends when its code does."""
    program = f"from trustscore_client import *\nclient = TrustScore()\n{code}"
    environment = os.environ | {"TRUSTSCORE_URL": url, "PYTHONPATH": str(Path(trustscore_client.__file__).parents[1])}
    return subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False, timeout=60
    )


# ------------------------------------------------------------------------------------------------------------- HTTP


def test_reports_reach_the_server_as_json_it_can_use() -> None:
    with Server() as server, TrustScore(server.url, reporter_id="agent-7") as client:
        for number in range(50):
            client.report(provider_id=f"p{number % 3}", outcome="success", latency_ms=number, details={"n": number})
        with pytest.raises(KeyError), client.call("weather", task_type="search"):
            raise KeyError("the call that fails")
        assert client.flush(30)
        assert client.stats.sent == 51
    assert server.paths == {"/v1/reports"}
    assert server.headers["Content-Type"] == "application/json"
    assert [validate(report) for report in server.reports] == server.reports
    assert [report["details"]["n"] for report in server.reports[:50]] == list(range(50))
    assert (server.reports[50]["outcome"], server.reports[50]["reporter_id"]) == ("error", "agent-7")


def test_a_server_that_is_away_at_first_gets_everything_later() -> None:
    port = free_port()
    client = TrustScore(f"http://127.0.0.1:{port}", retry=SOON)
    for _ in range(10):
        client.report(provider_id="a", outcome="success")
    assert not client.flush(0.05)
    assert "could not be reached: ConnectionRefusedError" in client.stats.last_error
    with Server(port=port) as server:
        assert client.close(30)
    assert len(server.reports) == client.stats.sent == 10


def test_a_retry_carries_the_same_ids() -> None:
    with Server(answers(503), answers(500)) as server, TrustScore(server.url, retry=SOON) as client:
        client.report(provider_id="a", outcome="success")
        assert client.flush(30)
    assert len(server.requests) == 3
    assert ids(server.requests[0]) == ids(server.requests[1]) == ids(server.reports)


def test_reports_the_server_names_are_dropped_and_those_it_took_are_not_sent_again() -> None:
    some = answers(422, accepted=2, errors=[{"index": 1, "field": "timestamp", "wanted": "at most 90 days old"}])
    with Server(some) as server, TrustScore(server.url, bounds=Bounds(linger_s=5.0)) as client:
        for number in range(3):
            client.report(provider_id="a", outcome="success", attempt=number)
        assert client.flush(30)
        assert (client.stats.sent, client.stats.failed) == (2, 1)
        assert "answered 422" in client.stats.last_error
        assert "at most 90 days old" in client.stats.last_error
    assert len(server.requests) == 1


def test_a_server_that_takes_all_or_nothing_gets_every_good_report_once() -> None:
    bad = {3, 4, 17}

    def first_fault(reports: list[dict[str, Any]]) -> tuple[int, dict[str, Any]]:
        for place, report in enumerate(reports):
            if report["attempt"] in bad:
                return 422, {"error": {"field": f"[{place}].timestamp", "wanted": "at most 90 days old"}}
        return 202, {}

    with Server(*[first_fault] * 100) as server:
        link = HttpTransport(server.url).connect()
        batch = [{"attempt": number} for number in range(20)]
        delivery = link.send(batch)
        link.close()
    assert set(delivery.refused) == bad
    assert delivery.unsent == ()
    assert sorted(report["attempt"] for report in server.reports) == sorted(set(range(20)) - bad)
    assert len(server.requests) <= 2 * len(bad) + 1


def test_a_batch_that_is_too_large_goes_in_pieces() -> None:
    def at_most_three(reports: list[dict[str, Any]]) -> tuple[int, dict[str, Any]]:
        return (413, {}) if len(reports) > 3 else (202, {})

    with Server(*[at_most_three] * 100) as server:
        link = HttpTransport(server.url).connect()
        assert link.send([{"attempt": number} for number in range(10)]).refused == ()
        link.close()
    assert [report["attempt"] for report in server.reports] == list(range(10))


def test_a_busy_server_says_when_to_come_back() -> None:
    with Server(answers(429)) as server:
        link = HttpTransport(server.url).connect()
        delivery = link.send([{"attempt": 0}])
        link.close()
    assert (delivery.unsent, delivery.retry_after_s) == ((0,), 7.0)


def test_a_connection_the_server_closed_meanwhile_is_no_failure() -> None:
    with Server(hangs_up=True) as server:
        link = HttpTransport(server.url, headers={"Authorization": "Bearer x"}).connect()
        assert [link.send([{"attempt": number}]) for number in range(3)] == [Delivery()] * 3
        link.close()
    assert [report["attempt"] for report in server.reports] == [0, 1, 2]
    assert server.headers["Authorization"] == "Bearer x"


def test_a_server_that_never_answers_does_not_hold_up_the_agent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = TrustScore(
            transport=HttpTransport(f"http://127.0.0.1:{silent.getsockname()[1]}", timeout_s=0.2), retry=SOON
        )
        for _ in range(1_000):
            assert client.report(provider_id="a", outcome="success")
        assert not client.flush(0.5)
        assert "timed out" in client.stats.last_error
        assert not client.close(0.0)


# ------------------------------------------------------------------------------------------------------------ exits


def test_what_waits_is_sent_when_the_process_ends() -> None:
    with Server() as server:
        done = run_agent("for _ in range(1000): client.report(provider_id='a', outcome='success')", server.url)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert len(server.reports) == len(set(ids(server.reports))) == 1_000


def test_what_waits_is_sent_when_the_agent_fails() -> None:
    with Server() as server:
        done = run_agent("with client.call('weather'): raise ValueError('the agent own fault')", server.url)
    assert done.returncode == 1
    assert done.stderr.endswith("ValueError: the agent own fault\n")
    assert [report["outcome"] for report in server.reports] == ["error"]


def test_the_end_is_not_held_up_by_a_server_that_is_away() -> None:
    code = "client._exit_s = 0.2\nclient.report(provider_id='a', outcome='success')"
    done = run_agent(code, f"http://127.0.0.1:{free_port()}")
    assert (done.returncode, done.stdout) == (0, "")
    assert "1 reports were not sent before the end: http://127.0.0.1:" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_forked_child_sends_its_own_reports_and_not_its_parents() -> None:
    code = """
import os
for _ in range(10): client.report(provider_id='parent', outcome='success')
child = os.fork()
for _ in range(5): client.report(provider_id='child' if child == 0 else 'parent', outcome='success')
if child: os.waitpid(child, 0)
"""
    with Server() as server:
        done = run_agent(code, server.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(report["provider_id"] for report in server.reports) == ["child"] * 5 + ["parent"] * 15
    assert len(set(ids(server.reports))) == 20


def test_a_child_of_multiprocessing_sends_before_it_ends() -> None:
    code = """
import multiprocessing
def work(): client.report(provider_id='child', outcome='success')
children = [multiprocessing.get_context('fork').Process(target=work) for _ in range(3)]
for child in children: child.start()
for child in children: child.join()
"""
    with Server() as server:
        done = run_agent(code, server.url)
    assert (done.returncode, done.stderr) == (0, "")
    assert [report["provider_id"] for report in server.reports] == ["child"] * 3


# ------------------------------------------------------------------------------------------------------------ Kafka


@pytest.fixture
def topic(request: pytest.FixtureRequest, broker: str) -> str:
    return asyncio.run(create_topic(broker, unique_name(request.node.name), partitions=4))


async def read(broker: str, topic: str, count: int) -> list[Any]:
    async with consumer(broker, topic) as client:
        return list(await fetch(client, count))


async def read_arrow(broker: str, topic: str, count: int) -> tuple[list[dict[str, Any]], set[Any], int]:
    """At least ``count`` rows, the headers they came with, and the number of messages."""
    rows: list[dict[str, Any]] = []
    headers: set[Any] = set()
    messages = 0
    async with consumer(broker, topic) as client:
        while len(rows) < count:
            [record] = await fetch(client, 1)
            rows += pa.ipc.open_stream(record.value).read_all().to_pylist()
            headers.add(record.headers)
            messages += 1
    return rows, headers, messages


def test_reports_reach_kafka_one_a_message_keyed_by_provider(broker: str, topic: str) -> None:
    with TrustScore(f"kafka://{broker}/{topic}") as client:
        for number in range(3_000):
            client.report(provider_id=f"p{number % 50}", outcome="success", attempt=number)
        assert client.flush(60)
        assert client.stats.sent == 3_000
    records = asyncio.run(read(broker, topic, 3_000))
    reports = [json.loads(record.value) for record in records]
    assert [validate(report) for report in reports] == reports
    assert sorted(report["attempt"] for report in reports) == list(range(3_000))
    assert [record.key.decode() for record in records] == [report["provider_id"] for report in reports]
    places: dict[bytes, set[int]] = {}
    for record in records:
        places.setdefault(record.key, set()).add(record.partition)
    assert {len(partitions) for partitions in places.values()} == {1}
    assert len(set.union(*places.values())) == 4
    for provider_id in {report["provider_id"] for report in reports}:
        attempts = [report["attempt"] for report in reports if report["provider_id"] == provider_id]
        assert attempts == sorted(attempts)


def test_arrow_batches_reach_kafka_with_their_header(broker: str, topic: str) -> None:
    transport = KafkaTransport(broker, topic, batch="arrow")
    with TrustScore(transport=transport, bounds=Bounds(linger_s=5.0)) as client:
        for number in range(900):
            client.report(provider_id="same", outcome="success", attempt=number, details={"text": "x" * 3_000})
        assert client.flush(60)
        assert client.stats.sent == 900
    rows, headers, messages = asyncio.run(read_arrow(broker, topic, 900))
    assert headers == {(("content-type", b"application/vnd.apache.arrow.stream"),)}
    # 2.7 MB of details do not fit into two messages of 500 reports, so these were cut smaller.
    assert messages > 2
    assert sorted(row["attempt"] for row in rows) == list(range(900))
    assert {json.loads(row["details"])["text"] for row in rows} == {"x" * 3_000}


def test_a_compressed_topic_reads_the_same(broker: str, topic: str) -> None:
    transport = KafkaTransport(broker, topic, options={"compression_type": "gzip"})
    with TrustScore(transport=transport) as client:
        for number in range(500):
            client.report(provider_id="a", outcome="success", attempt=number)
    records = asyncio.run(read(broker, topic, 500))
    assert [json.loads(record.value)["attempt"] for record in records] == list(range(500))


def test_a_broker_that_is_away_at_first_gets_everything_later() -> None:
    port = free_port()
    client = TrustScore(f"kafka://127.0.0.1:{port}", retry=SOON)
    for number in range(100):
        client.report(provider_id="a", outcome="success", attempt=number)
    assert not client.flush(0.2)
    # It makes the topic when asked for it.
    with EmbeddedBroker(port=port) as running:
        assert client.flush(60)
        records = asyncio.run(read(running.address, "trust.reports", 100))
        assert client.close()
    assert [json.loads(record.value)["attempt"] for record in records] == list(range(100))
    assert client.stats.sent == 100


@pytest.mark.usefixtures("kafka_runnable")
def test_reports_made_while_the_broker_was_dead_arrive_when_it_is_back(tmp_path: Path) -> None:
    with KafkaServer(tmp_path) as server:
        asyncio.run(create_topic(server.address, "trust.reports", partitions=2))
        client = TrustScore(f"kafka://{server.address}", retry=SOON)
        for number in range(300):
            client.report(provider_id=f"p{number % 10}", outcome="success", attempt=number)
            if number == 99:
                assert client.flush(60)
                server.kill()
        assert not client.flush(0.2)
        assert client.stats.sent == 100
        server.start()
        assert client.close(60)
        records = asyncio.run(read(server.address, "trust.reports", 300))
    assert client.stats.sent == 300
    assert sorted(json.loads(record.value)["attempt"] for record in records) == list(range(300))


def test_kafka_reports_are_sent_when_the_process_ends(broker: str, topic: str) -> None:
    done = run_agent(
        "for _ in range(100): client.report(provider_id='a', outcome='success')",
        f"kafka://{broker.replace('127.0.0.1', 'localhost')}/{topic}",
    )
    assert (done.returncode, done.stderr) == (0, "")
    records = asyncio.run(read(broker, topic, 100))
    assert len({json.loads(record.value)["report_id"] for record in records}) == 100


def test_a_fork_leaves_the_parents_connection_to_kafka_alone(broker: str, topic: str) -> None:
    code = """
import os
def three(name):
    for _ in range(3): client.report(provider_id=name, outcome='success')
three('parent'); assert client.flush(30)
child = os.fork()
if child == 0:
    three('child'); raise SystemExit(0 if client.flush(30) else 1)
assert os.waitpid(child, 0)[1] == 0
three('parent'); assert client.flush(30)
"""
    done = run_agent(code, f"kafka://{broker}/{topic}")
    assert (done.returncode, done.stderr) == (0, "")
    records = asyncio.run(read(broker, topic, 9))
    assert sorted(record.key for record in records) == [b"child"] * 3 + [b"parent"] * 6
