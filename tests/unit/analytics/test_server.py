import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from analytics.api.middleware import MOST_BODY_BYTES
from analytics.service import Service
from tests.support.services import client, small_records, small_service


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return small_service(tmp_path, small_records(tmp_path))


def get(service: Service, *paths: str) -> list[httpx.Response]:
    async def asked() -> list[httpx.Response]:
        async with client(service) as http:
            return [await http.get(path) for path in paths]

    return asyncio.run(asked())


def test_health_answers_with_status_uptime_parts_and_version(service: Service) -> None:
    live, ready = get(service, "/health/live", "/health/ready")
    assert live.json() == {"status": "alive", "uptime_s": 0.0, "version": service.version}
    assert (ready.status_code, set(ready.json())) == (
        200, {"status", "uptime_s", "version", "providers", "broker", "lake", "workers"},
    )  # fmt: skip


def test_a_server_that_cannot_answer_is_not_ready_but_alive(tmp_path: Path) -> None:
    live, ready, check = get(
        small_service(tmp_path, live=False), "/health/live", "/health/ready", "/v1/providers/demo-steady"
    )
    assert (live.status_code, ready.status_code, check.status_code) == (200, 503, 503)
    assert check.json()["error"]["code"] == "scores_unavailable"


def test_the_page_allows_no_script_and_nothing_from_elsewhere(service: Service) -> None:
    (page,) = get(service, "/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].startswith("default-src 'none'")


def test_requests_are_counted_by_route_and_never_by_id(service: Service) -> None:
    *_, metrics = get(service, "/v1/providers/demo-steady", "/v1/providers/demo-none", "/nowhere", "/metrics")
    route = 'route="/v1/providers/{provider_id:path}"'
    assert f'trustscore_http_requests_total{{method="GET",{route},status="200"}} 1.0' in metrics.text
    assert f'trustscore_http_requests_total{{method="GET",{route},status="404"}} 1.0' in metrics.text
    assert 'trustscore_http_requests_total{method="GET",route="other",status="404"} 1.0' in metrics.text
    assert "demo-" not in metrics.text


def test_a_body_beyond_the_bound_is_refused_stated_or_streamed(service: Service) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(MOST_BODY_BYTES // 1_048_576 + 1):
            yield b" " * 1_048_576

    async def asked() -> list[httpx.Response]:
        async with client(service) as http:
            kind = {"content-type": "application/json"}
            whole = await http.post("/v1/reports", content=b" " * (MOST_BODY_BYTES + 1), headers=kind)
            streamed = await http.post("/v1/rank", content=chunks(), headers=kind)
            return [whole, streamed]

    for answer in asyncio.run(asked()):
        assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_large")
