"""What one caller may expect, on a running service: over REST, MCP and the command line; and on both brokers."""

import asyncio
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from mcp import Client

from analytics.foresight import Foresight
from analytics.lake_access import LakeAccess
from analytics.local.embedded_broker import EmbeddedBroker
from analytics.models import CheckAnswer, PredictionItem
from analytics.settings import load_settings
from infra.kafka.server import KafkaServer
from tests.support.kafka_clients import create_topic, producer
from tests.support.running_service import RunningService, eventually, running_service

PROVIDERS = ("search-a", "search-b", "search-c")
CALLERS = ("well", "also-well", "blocked")
BLOCKED = {"reporter_id": "blocked", "provider_id": "search-b"}


def reports(now_s: float, rounds: int = 60) -> list[dict[str, Any]]:
    """Everybody calls everybody once a second; ``blocked`` never gets through to ``search-b``."""
    made = []
    for turn in range(rounds):
        for provider_id in PROVIDERS:
            for reporter_id in CALLERS:
                who = {"provider_id": provider_id, "reporter_id": reporter_id}
                fails = who == BLOCKED
                made.append(
                    {**who, "timestamp": now_s - rounds + turn, "task_type": "search", "region": "eu",
                     "outcome": "timeout" if fails else "success", "latency_ms": 9_000.0 if fails else 90.0 + turn}
                )  # fmt: skip
    return made


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    root = tmp_path_factory.mktemp("prediction")
    with running_service(root, os.environ, reports(time.time())) as running:
        yield running


def over_rest(service: RunningService, provider_id: str, **caller: str) -> CheckAnswer:
    answer = httpx.get(f"{service.url}/v1/providers/{provider_id}", params=caller, timeout=20)
    assert answer.status_code == 200, answer.text
    return CheckAnswer.model_validate_json(answer.content)


def item_of(answer: CheckAnswer) -> PredictionItem:
    assert answer.prediction is not None
    return answer.prediction


def test_a_reporter_is_answered_for_itself_beside_the_general_score(service: RunningService) -> None:
    def heard() -> PredictionItem | None:
        found = over_rest(service, "search-b", reporter_id="blocked")
        return found.prediction if found.prediction and found.prediction.reports.pair == 60 else None

    blocked = eventually(heard, "sixty calls of the blocked caller")
    well = over_rest(service, "search-b", reporter_id="well", region="eu")
    plain = over_rest(service, "search-b")
    assert blocked.success_probability < 0.25 < 0.9 < item_of(well).success_probability
    assert blocked.latency_p50_ms > 3_000 > 300 > item_of(well).latency_p50_ms
    assert item_of(over_rest(service, "search-a", reporter_id="blocked")).success_probability > 0.9
    assert not blocked.stale
    assert (blocked.reports.provider, blocked.reports.caller) == (180, 180)
    assert "Of its last 8 calls to search-b 8 failed" in " ".join(blocked.reasons)
    assert blocked.next_calls.lower < 2 / 3 < blocked.next_calls.upper
    assert plain.prediction is None
    assert plain.sample_size == well.sample_size == 180


def test_all_surfaces_give_the_same_prediction(service: RunningService) -> None:
    over_rest_now = item_of(over_rest(service, "search-b", reporter_id="blocked"))

    async def over_mcp() -> CheckAnswer:
        async with Client(f"{service.url}/mcp") as client:
            asked = {"provider_id": "search-b", "reporter_id": "blocked"}
            result = await client.call_tool("trustscore_check", asked)
            return CheckAnswer.model_validate(result.structured_content)

    printed = service.cli("check", "search-b", "--reporter", "blocked", "--json", TRUSTSCORE_URL=service.url)
    assert printed.returncode == 0, printed.stderr
    assert json.loads(printed.stdout)["prediction"] == over_rest_now.model_dump(mode="json")
    assert item_of(asyncio.run(over_mcp())) == over_rest_now
    people = service.cli("check", "search-b", "--reporter", "blocked", TRUSTSCORE_URL=service.url)
    assert "Of its last 8 calls to search-b 8 failed" in " ".join(people.stdout.split())


def test_without_a_server_the_lake_predicts(service: RunningService) -> None:
    printed = service.cli(
        "check",
        "search-b",
        "--reporter",
        "blocked",
        "--json",
        TRUSTSCORE_HTTP_PORT="9",
        TRUSTSCORE_BROKER="127.0.0.1:9",
    )
    assert printed.returncode == 0, printed.stderr
    answer = item_of(CheckAnswer.model_validate_json(printed.stdout))
    assert answer.stale
    assert answer.success_probability < 0.25
    assert answer.reports.pair == 60


@pytest.fixture(params=["embedded", "kafka"])
def own_broker(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "kafka":
        request.getfixturevalue("kafka_runnable")
        with KafkaServer(tmp_path / "kafka") as kafka:
            yield kafka.address
    else:
        with EmbeddedBroker(log=tmp_path / "broker.log") as embedded:
            yield embedded.address


async def until(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0.02)


def test_it_begins_with_what_kafka_holds_and_hears_what_comes(own_broker: str) -> None:
    now_s = time.time()

    settings = load_settings(broker=own_broker, lake="")

    async def chance(foresight: Foresight, learned: int) -> float:
        await until(lambda: foresight.learned >= learned)
        found = await foresight.prediction("search-b", "blocked", None, None)
        assert found is not None
        assert not found.stale
        return found.success_probability

    async def heard() -> tuple[float, float, float]:
        await create_topic(own_broker, "trust.reports", 2)
        async with producer(own_broker) as client:
            for report in reports(now_s):
                await client.send("trust.reports", msgspec.json.encode(report))
            await client.flush()
            foresight = Foresight(settings, LakeAccess(None), lambda: now_s)
            async with foresight.listening():
                foresight.listen()
                first = await chance(foresight, 540)
                for turn in range(40):
                    again = {**BLOCKED, "outcome": "success", "timestamp": now_s, "latency_ms": 90.0 + turn}
                    await client.send_and_wait("trust.reports", msgspec.json.encode(again))
                mended = await chance(foresight, 580)
            restarted = Foresight(settings, LakeAccess(None), lambda: now_s)
            async with restarted.listening():
                restarted.listen()
                return first, mended, await chance(restarted, 580)

    first, mended, restarted = asyncio.run(heard())
    assert first < 0.25 < 0.8 < mended
    assert restarted > 0.8
