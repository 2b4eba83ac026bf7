"""REST gives the same answers as ``Answers``, every error has one shape, and nothing anybody sends makes it crash."""

import asyncio
import json
import string
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from analytics.intake import ARROW
from analytics.models import ErrorAnswer
from analytics.server import create_app
from analytics.service import Service
from tests.support.services import client, small_records, small_service
from tests.support.small_answers import FAILING, SLASHED, STEADY

JSON = {"content-type": "application/json"}
Ask = Callable[..., httpx.Response]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    root = Path(tmp_path_factory.mktemp("rest"))
    made = small_service(root, small_records(root))
    yield made
    made.lake.close()


@pytest.fixture(scope="module")
def ask(service: Service) -> Ask:
    app = create_app(service)

    def asked(method: str, path: str, **sent: Any) -> httpx.Response:
        async def request() -> httpx.Response:
            async with client(service, app) as http:
                return await http.request(method, path, **sent)

        return asyncio.run(request())

    return asked


def facts(answer: httpx.Response) -> dict[str, Any]:
    """Facts of an error, whose shape is checked."""
    assert set(answer.json()) == {"error"}
    return ErrorAnswer.model_validate_json(answer.content, strict=True).error.model_dump()


@pytest.mark.parametrize("provider_id", [STEADY, SLASHED, "brave"])
def test_rest_check_is_the_answer_itself_whatever_the_id_holds(ask: Ask, service: Service, provider_id: str) -> None:
    expected = asyncio.run(service.answers.check(provider_id)).model_dump(mode="json")
    for path in (provider_id, quote(provider_id, safe="")):
        answer = ask("GET", f"/v1/providers/{path}")
        assert (answer.status_code, answer.json()) == (200, expected)


def test_rest_questions_give_the_answers_themselves(ask: Ask, service: Service) -> None:
    answers = service.answers
    slashed = quote(SLASHED, safe="")
    pairs: list[tuple[httpx.Response, BaseModel]] = [
        (
            ask("GET", f"/v1/providers/{STEADY}?task_type=search"),
            asyncio.run(answers.check(STEADY, task_type="search")),
        ),
        (ask("GET", f"/v1/providers/{slashed}/explain"), asyncio.run(answers.explain(SLASHED))),
        (ask("GET", f"/v1/providers/{SLASHED}/explain"), asyncio.run(answers.explain(SLASHED))),
        (
            ask("GET", f"/v1/providers/{slashed}/history?bucket=minute&limit=3&since=1759990000"),
            asyncio.run(answers.history(SLASHED, bucket="minute", limit=3, since=1_759_990_000)),
        ),
        (
            ask("POST", "/v1/rank", json={"provider_ids": [FAILING, STEADY, "x"], "task_type": "search"}),
            asyncio.run(answers.rank([FAILING, STEADY, "x"], task_type="search")),
        ),
        (ask("POST", "/v1/rank", json={}), asyncio.run(answers.rank())),
        (
            ask("GET", "/v1/discover?text=demo&limit=1"),
            asyncio.run(answers.discover("demo", limit=1)),
        ),
    ]
    for answer, expected in pairs:
        assert (answer.status_code, answer.json()) == (200, expected.model_dump(mode="json"))


def test_rest_unknown_provider_is_404_with_the_closest_id(ask: Ask) -> None:
    for suffix in ("", "/explain", "/history"):
        answer = ask("GET", f"/v1/providers/demo-stedy{suffix}")
        found = facts(answer)
        assert (answer.status_code, found["code"], found["field"]) == (404, "unknown_provider", "provider_id")
        assert found["next"] == "did you mean demo-steady?"


def test_rest_catalog_entry_nobody_reported_is_200_with_nulls(ask: Ask) -> None:
    answer = ask("GET", "/v1/providers/brave")
    assert answer.status_code == 200
    assert (answer.json()["trust_score"], answer.json()["known"]) == (None, True)


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "code", "field"),
    [
        ("GET", "/v1/providers/", {}, 422, "invalid_request", "provider_id"),
        ("GET", "/v1/providers/a%20b", {}, 422, "invalid_request", "provider_id"),
        ("GET", f"/v1/providers/{STEADY}?colour=red", {}, 422, "invalid_request", "colour"),
        ("GET", f"/v1/providers/{STEADY}/history?bucket=week", {}, 422, "invalid_request", "bucket"),
        ("GET", f"/v1/providers/{STEADY}/history?since=yesterday", {}, 422, "invalid_request", "since"),
        ("GET", "/v1/discover?limit=0", {}, 422, "invalid_request", "limit"),
        ("POST", "/v1/rank", {"json": {"limit": "many"}}, 422, "invalid_request", "limit"),
        ("POST", "/v1/rank", {"json": {"provider_ids": ["a", ""]}}, 422, "invalid_request", "provider_ids[1]"),
        ("POST", "/v1/rank", {"content": b"{", "headers": JSON}, 422, "invalid_request", "body"),
        ("POST", "/v1/rank", {"json": [1]}, 422, "invalid_request", "body"),
        ("POST", "/v1/rank", {"content": b"{}"}, 415, "unsupported_media_type", None),
        ("POST", "/v1/reports", {"content": b"{", "headers": JSON}, 422, "invalid_request", "body"),
        ("POST", "/v1/reports", {"json": {"outcome": "success"}}, 422, "invalid_report", "provider_id"),
        ("POST", "/v1/reports", {"json": []}, 422, "invalid_report", "reports"),
        ("POST", "/v1/reports", {"content": b"x", "headers": {"content-type": ARROW}}, 422, "invalid_report", "body"),
        ("POST", "/v1/reports", {"content": b"a=1"}, 415, "unsupported_media_type", None),
        ("GET", "/v1/nothing", {}, 404, "not_found", None),
        ("GET", "/elsewhere", {}, 404, "not_found", None),
        ("DELETE", "/v1/reports", {}, 405, "method_not_allowed", None),
        ("GET", "/v1/rank", {}, 405, "method_not_allowed", None),
    ],
)
def test_rest_errors_have_one_shape(
    ask: Ask, method: str, path: str, sent: dict[str, Any], status: int, code: str, field: str | None
) -> None:
    answer = ask(method, path, **sent)
    found = facts(answer)
    assert (answer.status_code, found["code"], found["field"]) == (status, code, field)
    assert found["message"]
    assert found["next"]


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"latency_ms": -12.0}, "latency_ms must be a number from 0 to 3,600,000 ms; got -12.0; "),
        ({"provider_id": ""}, "provider_id must be 1 to 200 characters of "),
        (
            {"details": {"text": "x" * 5_120}},
            "details must be a JSON object of at most 4096 bytes; got an object of 5,",
        ),
    ],
)
def test_rest_bad_report_gets_its_sentence_alone_and_among_many(
    ask: Ask, change: dict[str, Any], sentence: str
) -> None:
    good = {"provider_id": STEADY, "outcome": "success"}
    one = facts(ask("POST", "/v1/reports", json={**good, **change}))
    many = facts(ask("POST", "/v1/reports", json=[good, {**good, **change}]))
    assert one["message"].startswith(sentence)
    assert many["message"].startswith(f"[1].{sentence}")
    assert (one["field"], many["field"]) == (next(iter(change)), f"[1].{next(iter(change))}")


def test_rest_describes_itself_with_examples_and_errors(ask: Ask) -> None:
    described = ask("GET", "/openapi.json").json()
    assert set(described["paths"]) == {
        "/v1/reports", "/v1/providers/{provider_id}", "/v1/providers/{provider_id}/history",
        "/v1/providers/{provider_id}/explain", "/v1/rank", "/v1/discover", "/v1/reporters/{reporter_id}",
        "/health/live", "/health/ready", "/metrics",
    }  # fmt: skip
    report = described["paths"]["/v1/reports"]["post"]
    assert set(report["responses"]) == {"202", "413", "415", "422", "503"}
    assert set(report["requestBody"]["content"]) == {"application/json", ARROW}
    assert set(report["requestBody"]["content"]["application/json"]["examples"]) == {"one", "many"}
    for path, methods in described["paths"].items():
        if path.startswith("/v1"):
            for operation in methods.values():
                schema = operation["responses"]["422"]["content"]["application/json"]["schema"]
                assert schema == {"$ref": "#/components/schemas/ErrorAnswer"}


TEXT = st.text(max_size=40) | st.sampled_from(
    [STEADY, SLASHED, "", "\x00", "\ud800", "a\nb", "../..", "%2F", "x" * 300]
)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@given(
    path=TEXT, query=st.dictionaries(st.sampled_from(["bucket", "since", "until", "limit", "task_type", "text"]), TEXT)
)
@settings(max_examples=60)
def test_rest_never_crashes_on_any_address(ask: Ask, path: str, query: dict[str, str]) -> None:
    clean = {name: value.encode("utf-8", "replace").decode() for name, value in query.items()}
    quoted = quote(path.encode("utf-8", "replace"), safe="")
    for address in (f"/v1/providers/{quoted}", f"/v1/providers/{quoted}/history", "/v1/discover"):
        answer = ask("GET", address, params=clean)
        assert answer.status_code in (200, 404, 422), answer.text
        if answer.status_code != 200:
            facts(answer)


@given(body=st.binary(max_size=100) | st.text(string.printable, max_size=60).map(str.encode))
@settings(max_examples=60)
def test_rest_never_crashes_on_any_bytes(ask: Ask, body: bytes) -> None:
    for path, kind in (("/v1/rank", "application/json"), ("/v1/reports", "application/json"), ("/v1/reports", ARROW)):
        answer = ask("POST", path, content=body, headers={"content-type": kind})
        assert answer.status_code == 422, answer.text
        facts(answer)


@given(value=VALUE)
@settings(max_examples=60)
def test_rest_never_crashes_on_any_json(ask: Ask, value: object) -> None:
    # Python's own writer lets through what others would not: NaN and lone surrogates.
    question = {"provider_ids": value, "task_type": value, "limit": value}
    unusable = {"provider_id": STEADY, "outcome": "none of them", "details": value, "quality": value}
    for path, sent in (
        ("/v1/rank", question),
        ("/v1/rank", value),
        ("/v1/reports", unusable),
        ("/v1/reports", [value]),
    ):
        answer = ask("POST", path, content=json.dumps(sent).encode(), headers=JSON)
        assert answer.status_code in (200, 422), answer.text
        if answer.status_code != 200:
            facts(answer)
