"""Fixtures every test may use, and the rule that nothing is skipped where ``CI=true``."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from analytics.local.embedded_broker import EmbeddedBroker, NoEmbeddedBroker
from infra.kafka.jars import have_jars
from infra.kafka.java import find_java
from infra.kafka.server import KafkaServer

IN_CI = os.environ.get("CI") == "true"
BROKERS = ("embedded", "kafka")

# The same examples on every machine and run: a failure seen once is seen again.
settings.register_profile("repeatable", derandomize=True, deadline=None, database=None)
settings.load_profile("repeatable")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark by place and by fixture what opens sockets and what needs Apache Kafka."""
    for item in items:
        if "integration" in item.path.parts:
            item.add_marker(pytest.mark.integration)
        if "notebooks" in item.path.parts:
            item.add_marker(pytest.mark.notebook)
        if "kafka_runnable" in getattr(item, "fixturenames", ()) or "kafka" in _broker_of(item):
            item.add_marker(pytest.mark.kafka)


def _broker_of(item: pytest.Item) -> str:
    call = getattr(item, "callspec", None)
    return "" if call is None else str(call.params.get("broker", ""))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Turn a skip into a failure in CI: a test that did not run has shown nothing."""
    report: pytest.TestReport = yield  # type: ignore[assignment]  # pluggy sends the report in
    if IN_CI and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, which CI=true forbids: {report.longrepr}"
    return report  # type: ignore[return-value]


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    """Turn a skipped module into a failure in CI."""
    report: pytest.CollectReport = yield  # type: ignore[assignment]
    if IN_CI and report.skipped:
        report.outcome = "failed"
        report.longrepr = f"{collector.nodeid} was skipped, which CI=true forbids: {report.longrepr}"
    return report  # type: ignore[return-value]


@pytest.fixture(scope="session")
def embedded_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of one embedded broker, shared by the whole run: give topics and groups names of your own."""
    try:
        broker = EmbeddedBroker(log=tmp_path_factory.mktemp("embedded") / "broker.log")
    except NoEmbeddedBroker as missing:
        pytest.skip(str(missing))
    with broker:
        yield broker.address


@pytest.fixture(scope="session")
def kafka_runnable() -> None:
    """Skip where Apache Kafka cannot run: for tests that start a node of their own."""
    if find_java() is None or not have_jars():
        pytest.skip("Apache Kafka needs Java and its jars: infra/kafka/jars.py says what is missing")


@pytest.fixture(scope="session")
def kafka_broker(kafka_runnable: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of one Apache Kafka node, shared by the whole run: give topics and groups names of your own."""
    with KafkaServer(tmp_path_factory.mktemp("kafka")) as server:
        yield server.address


@pytest.fixture(params=BROKERS)
def broker(request: pytest.FixtureRequest) -> str:
    """Address of each broker in turn."""
    address: str = request.getfixturevalue(f"{request.param}_broker")
    return address
