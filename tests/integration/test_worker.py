"""The worker as it runs: a process between a real broker and a real lake, killed and started again."""

import asyncio
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from analytics.local.children import free_port
from analytics.local.embedded_broker import EmbeddedBroker, NoEmbeddedBroker
from infra.kafka.server import KafkaServer
from scoring.reports import OUTCOMES
from streams.settings import WorkerSettings
from streams.topics import ensure_topics
from tests.conftest import BROKERS
from tests.support.kafka_clients import admin, create_topic
from tests.support.running_service import eventually
from tests.support.traffic import Message, as_arrow, as_json, outcomes, traffic
from tests.support.wire_cases import ARROW_HEADER
from tests.support.worker import Worker, lake_rows, produce, read_topic, scores_of

both_brokers = pytest.mark.parametrize("kind", [pytest.param(kind, id=kind) for kind in BROKERS])


@contextmanager
def own_broker(kind: str, root: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A broker of this test alone: the worker's topics have fixed names."""
    if kind == "kafka":
        request.getfixturevalue("kafka_runnable")
        with KafkaServer(root / "kafka") as server:
            yield server.address
        return
    try:
        broker = EmbeddedBroker(log=root / "broker.log")
    except NoEmbeddedBroker as missing:
        pytest.skip(str(missing))
    with broker:
        yield broker.address


def check_lake(lake: Path, sent: Sequence[Mapping[str, Any]]) -> None:
    """The lake holds each report once, and its panes add up to them."""
    ids = lake_rows(lake, "reports", "select report_id from {rows}")
    assert len(ids) == len(sent)
    assert {int(number) for (number,) in ids} == set(range(len(sent)))
    places = lake_rows(lake, "reports", 'select distinct "partition", "offset", "row" from {rows}')
    assert len(places) == len(sent)
    summed = lake_rows(
        lake, "panes",
        """
        select provider_id, task_type, region, sum(success), sum(failure), sum(timeout), sum(error)
        from {rows} group by all
        """,
    )  # fmt: skip
    in_panes = {
        (*series, outcome): int(count)
        for *series, success, failure, timeout, error in summed
        for outcome, count in zip(OUTCOMES, (success, failure, timeout, error), strict=True)
        if count
    }
    assert in_panes == outcomes(sent, "provider_id", "task_type", "region")


def check_scores(broker: str, sent: Sequence[Mapping[str, Any]]) -> None:
    """The last word on every provider and facet counts every report once."""
    wanted: dict[str, Counter[str]] = {}
    for report in sent:
        provider = report["provider_id"]
        for key in (provider, f"{provider}|task={report['task_type']}", f"{provider}|region={report['region']}"):
            wanted.setdefault(key, Counter())[report["outcome"]] += 1

    def settled() -> bool | None:
        said = scores_of(broker)
        windows = {key: record.windows["30d"] for key, record in said.items()}
        got = {key: Counter({o: getattr(window, o) for o in OUTCOMES}) for key, window in windows.items()}
        return True if got == wanted else None

    eventually(settled, "scores that count every report once", 30)


# ------------------------------------------------------------------------------------------------------- one report
@both_brokers
def test_reports_become_rows_and_scores_and_what_is_none_becomes_a_reject(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    now_s = time.time()
    good = traffic(1, 300)
    late = good[0] | {"timestamp": now_s - 86_400 * 3, "provider_id": "late"}
    good[0] = late
    base = {"provider_id": "p0", "outcome": "success", "timestamp": now_s}
    bad: dict[str, Message] = {
        "timestamp must be at most 300 s ahead": as_json([base | {"timestamp": now_s + 900}])[0],
        "timestamp must be at most 90 days old": as_json([base | {"timestamp": now_s - 91 * 86_400}])[0],
        "outcome must be one of": as_json([base | {"outcome": "ok"}])[0],
        "message must be one JSON report": (b"k", b"\xffnone", [("trace", b"\x01")]),
        "message must be an Arrow IPC stream": (None, b"none", [ARROW_HEADER]),
        "quality must be a number from 0 to 1": as_arrow([base | {"quality": 2}]),
    }
    with own_broker(kind, tmp_path, request) as broker, Worker(broker, tmp_path, lake_flush_s=0.3) as worker:
        worker.wait_until("trustscore_score_seconds_count", 1)  # topics made, partitions held
        produce(broker, [*as_json(good[:100]), *as_json(good[100:200], keyed=False)], "trust.reports")
        produce(broker, [as_arrow(good[200:])], "trust.reports")
        places = produce(broker, bad.values(), "trust.reports")
        worker.wait_until("trustscore_lake_reports_total", len(good))
        worker.wait_until("trustscore_rejects_total", len(bad))
        check_scores(broker, good)

        assert worker.get("/health/live") == (200, '{"status": "ok"}')
        status, ready = worker.get("/health/ready")
        assert (status, json.loads(ready)["status"]) == (200, "ok")
        assert worker.get("/nothing")[0] == 404
        assert worker.metric("trustscore_reports_folded_total") == len(good)
        assert worker.metric("trustscore_consumer_lag") == 0
        assert worker.metric("trustscore_scores_emitted_total") >= len(scores_of(broker))

        assert worker.stop() == 0
        assert worker.said()[-1]["event"] == "worker_stopped"
        check_lake(worker.lake, good)
        check_rejects(broker, worker.lake, bad, places)
        check_late(worker.lake, late)
        check_score_rows(broker, worker.lake)
        if kind == "kafka":
            check_topics(broker)


def check_rejects(broker: str, lake: Path, bad: Mapping[str, Message], places: Sequence[tuple[int, int]]) -> None:
    """Each bad message is on ``trust.rejects`` with its headers and in the lake with its reason."""
    records = {}
    for record in read_topic(broker, "trust.rejects"):
        said_headers = dict(record.headers)
        records[int(said_headers["partition"]), int(said_headers["offset"])] = record
    rows = {
        (partition, offset): rest
        for partition, offset, *rest in lake_rows(
            lake, "rejects", 'select "partition", "offset", topic, field, reason, value, "row" from {rows}'
        )
    }
    assert records.keys() == rows.keys() == set(places)
    for place, (reason, (key, value, headers)) in zip(places, bad.items(), strict=True):
        record, (topic, field, said, stored, row) = records[place], rows[place]
        headers_said = dict(record.headers)
        assert said.startswith(reason)
        assert (headers_said["reason"].decode(), headers_said["field"].decode()) == (said, field)
        assert (headers_said["topic"], topic) == (b"trust.reports", "trust.reports")
        assert (record.key, record.value) == (key, stored)
        assert {name: value for name, value in record.headers if name.startswith("h.")} == {
            f"h.{name}": value for name, value in headers
        }
        if row < 0:
            assert stored == value


def check_late(lake: Path, late: Mapping[str, Any]) -> None:
    """A report of three days ago is in the pane of its own minute."""
    ((start_s, date),) = lake_rows(
        lake, "panes", "select epoch(pane_start), date::varchar from {rows} where provider_id = 'late'"
    )
    assert start_s == late["timestamp"] // 60 * 60
    assert date == time.strftime("%Y-%m-%d", time.gmtime(late["timestamp"]))


def check_score_rows(broker: str, lake: Path) -> None:
    """Every message of ``trust.scores`` that the worker read before it stopped is in the lake, once."""
    messages = {(r.partition, r.offset): r.value.decode() for r in read_topic(broker, "trust.scores")}
    rows = lake_rows(lake, "scores", 'select "partition", "offset", record from {rows}')
    assert len({(partition, offset) for partition, offset, _ in rows}) == len(rows) > 0
    assert all(messages[partition, offset] == record for partition, offset, record in rows)


def check_topics(broker: str) -> None:
    """Scores and changelogs are compacted, and the broker's clock stamps the reports."""
    changelogs = [f"trustscore-{table}-changelog" for table in ("fold_panes_v1", "score_panes_v1")]
    names = ["trust.reports", "trust.scores", *changelogs]

    async def describe() -> dict[str, dict[str, str]]:
        async with admin(broker) as client:
            answers = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, n) for n in names])
        return {resource[3]: {c[0]: c[1] for c in resource[4]} for answer in answers for resource in answer.resources}

    configs = asyncio.run(describe())
    assert {name for name in names if configs[name]["cleanup.policy"] == "compact"} == {"trust.scores", *changelogs}
    assert configs["trust.reports"]["message.timestamp.type"] == "LogAppendTime"


# ------------------------------------------------------------------------------------------------------------ kill -9
@both_brokers
@pytest.mark.timeout(240)
def test_a_worker_killed_again_and_again_loses_and_doubles_nothing(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    # Killed in the middle of folding, and just behind a commit to the lake, before or while the state is written.
    deaths = ("trustscore_lake_reports_total", "trustscore_reports_folded_total", "trustscore_lake_reports_total")
    rng, per_life, sent = random.Random(7), 37_500, list[dict[str, Any]]()
    with own_broker(kind, tmp_path, request) as broker:
        for life, death in enumerate((*deaths, None)):
            reports = traffic(life, per_life, life * per_life)
            sent += reports
            with Worker(broker, tmp_path, lake_flush_s=0.1, poll_records=1_000) as worker:
                worker.wait_until("trustscore_score_seconds_count", 1)
                with sending(broker, reports):
                    if death:
                        worker.wait_until(death, rng.uniform(0.2, 0.7) * per_life)
                        worker.kill()
                if not death:
                    settle(worker, sent)
                    check_scores(broker, sent)
                    assert worker.stop() == 0
        check_lake(tmp_path / "lake", sent)
        check_score_rows(broker, tmp_path / "lake")


@contextmanager
def sending(broker: str, reports: Sequence[Mapping[str, Any]]) -> Iterator[None]:
    """Reports on their way while the body runs, all acknowledged afterwards: keyed and not, and as Arrow."""
    one, two = len(reports) // 3, len(reports) * 2 // 3
    messages = [
        *as_json(reports[one:two]),
        *(as_arrow(reports[at : min(at + 500, one)]) for at in range(0, one, 500)),
        *as_json(reports[two:], keyed=False),
    ]
    failed: list[BaseException] = []

    def send() -> None:
        try:
            produce(broker, messages, "trust.reports")
        except BaseException as error:  # noqa: BLE001 — told by the thread that waits
            failed.append(error)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    assert not failed, failed


def settle(worker: Worker, sent: Sequence[Mapping[str, Any]]) -> None:
    """Return once the lake holds as many reports as were sent."""

    def complete() -> bool | None:
        counted = lake_rows(worker.lake, "reports", "select count(*) from {rows}")
        return True if counted and counted[0][0] >= len(sent) else None

    eventually(complete, f"{len(sent)} reports in the lake", 90)


@pytest.mark.timeout(180)
def test_of_two_workers_that_share_the_load_one_may_die(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    sent = traffic(11, 120_000)
    with own_broker("kafka", tmp_path, request) as broker, ExitStack() as ended:
        asyncio.run(ensure_topics(WorkerSettings(broker=broker)))
        values = {"lake_flush_s": 0.2, "poll_records": 2_000}
        first = ended.enter_context(Worker(broker, tmp_path, **values))
        first.wait_until("trustscore_score_seconds_count", 1)
        second = ended.enter_context(Worker(broker, tmp_path, **values))
        second.wait_until("trustscore_score_seconds_count", 1)
        with sending(broker, sent[:60_000]):
            for worker in (first, second):
                worker.wait_until("trustscore_reports_folded_total", 2_000)
            first.kill()
        with sending(broker, sent[60_000:]):
            pass
        settle(second, sent)
        check_scores(broker, sent)
        assert second.stop() == 0
        check_lake(second.lake, sent)


# ------------------------------------------------------------------------------------------------------------ faults
def test_a_flood_of_rejects_stops_the_worker_with_its_sentence(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with own_broker("embedded", tmp_path, request) as broker:
        asyncio.run(ensure_topics(WorkerSettings(broker=broker)))
        produce(broker, as_json(traffic(1, 20)), "trust.reports")
        produce(broker, [(None, b"x", ())] * 2_000, "trust.reports")
        with Worker(broker, tmp_path, reject_window=400, poll_records=200) as worker:
            assert worker.exit_code() == 1
        failed = worker.said()[-1]
        assert failed["event"] == "worker_failed"
        assert " messages of trust.reports cannot be used, the last because" in failed["reason"]
        assert "message must be one JSON report; got 1 bytes" in failed["reason"]
        assert "mend the producer, or set TRUSTSCORE_REJECT_RATIO=1 to go on" in failed["reason"]
        assert len(read_topic(broker, "trust.rejects")) < 2_000, "the topic was not drained into the rejects"
        with Worker(broker, tmp_path, reject_ratio=1, lake_flush_s=0.2) as worker:
            worker.wait_until("trustscore_pending_reports", 0)
            eventually(
                lambda: lake_rows(worker.lake, "rejects", "select 1 from {rows} having count(*) = 2000") or None,
                "all rejects in the lake, once", 60,
            )  # fmt: skip
            assert worker.stop() == 0
        check_lake(worker.lake, traffic(1, 20))


def test_topics_that_exist_stay_as_they_are(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    with own_broker("embedded", tmp_path, request) as broker:
        asyncio.run(create_topic(broker, "trust.reports", partitions=2))
        for _ in range(2):
            asyncio.run(ensure_topics(WorkerSettings(broker=broker)))

        async def described() -> dict[str, int]:
            async with admin(broker) as client:
                return {t["topic"]: len(t["partitions"]) for t in await client.describe_topics()}

        partitions = asyncio.run(described())
        assert partitions["trust.reports"] == 2
        assert partitions["trust.scores"] == partitions["trust.panes"] == partitions["trust.rejects"] == 4


def test_a_broker_that_is_not_there_is_said_with_the_next_step() -> None:
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(ConnectionError, match=f"Kafka at {address} must answer; .*start it or set TRUSTSCORE_BROKER"):
        asyncio.run(ensure_topics(WorkerSettings(broker=address), attempts=1))
