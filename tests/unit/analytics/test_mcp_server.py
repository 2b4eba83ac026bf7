import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from mcp import Client, MCPError
from mcp.types import CallToolResult, ResourceTemplateReference, TextContent, TextResourceContents
from pydantic import BaseModel

from analytics.mcp_server import build_mcp
from analytics.models import (
    CheckAnswer,
    DiscoverAnswer,
    ExplainAnswer,
    HistoryAnswer,
    RankAnswer,
    ReportAnswer,
    ReporterAnswer,
)
from scoring.reports import FIELDS
from tests.support.small_answers import FAILING, SLASHED, STEADY, small_answers

ANSWERS: dict[str, type[BaseModel]] = {
    "trustscore_check": CheckAnswer,
    "trustscore_rank": RankAnswer,
    "trustscore_discover": DiscoverAnswer,
    "trustscore_explain": ExplainAnswer,
    "trustscore_history": HistoryAnswer,
    "trustscore_report": ReportAnswer,
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("answers")


@pytest.fixture(scope="module")
def asked(root: Path) -> Callable[[Callable[[Client], Awaitable[Any]]], Any]:
    """Runs a question with the mcp package's own client, connected in memory."""
    answers = small_answers(root)

    def run(question: Callable[[Client], Awaitable[Any]]) -> Any:
        async def session() -> Any:
            async with Client(build_mcp(answers, "1.2.3")) as client:
                return await question(client)

        return asyncio.run(session())

    return run


Asked = Callable[[Callable[[Client], Awaitable[Any]]], Any]


def text_of(result: CallToolResult) -> str:
    assert isinstance(result.content[0], TextContent)
    return result.content[0].text


def refusal(asked: Asked, tool: str, arguments: dict[str, Any]) -> str:
    result = asked(lambda client: client.call_tool(tool, arguments))
    assert result.is_error
    assert result.structured_content is None
    return text_of(result)


def test_each_tool_states_its_output_schema_and_what_it_does_to_the_world(asked: Asked) -> None:
    tools = {tool.name: tool for tool in asked(lambda client: client.list_tools()).tools}
    assert set(tools) == set(ANSWERS)
    for name, model in ANSWERS.items():
        schema = tools[name].output_schema
        assert schema is not None
        assert set(schema["properties"]) == set(model.model_fields)
        hints = tools[name].annotations
        assert hints.read_only_hint is (name != "trustscore_report")
        assert hints.destructive_hint is False
        assert tools[name].title
        assert tools[name].description


def test_every_argument_is_described(asked: Asked) -> None:
    for tool in asked(lambda client: client.list_tools()).tools:
        for name, schema in tool.input_schema["properties"].items():
            assert schema.get("description"), f"{tool.name}.{name}"


def test_the_report_tool_takes_every_field_of_a_report_with_its_bounds(asked: Asked) -> None:
    tools = {tool.name: tool for tool in asked(lambda client: client.list_tools()).tools}
    schema = tools["trustscore_report"].input_schema
    assert list(schema["properties"]) == [field.name for field in FIELDS]
    assert schema["required"] == ["provider_id", "outcome"]
    assert schema["properties"]["outcome"]["enum"] == ["success", "failure", "timeout", "error"]
    assert schema["properties"]["latency_ms"]["minimum"] == 0
    assert schema["properties"]["security"]["items"]["enum"][0] == "tls_invalid"


def test_check_answers_with_score_interval_and_dimensions(asked: Asked) -> None:
    result = asked(lambda client: client.call_tool("trustscore_check", {"provider_id": STEADY}))
    answer = CheckAnswer.model_validate(result.structured_content)
    assert not result.is_error
    assert answer.sample_size == 120
    assert answer.interval is not None
    assert answer.trust_score is not None
    assert answer.interval.lower <= answer.trust_score <= answer.interval.upper
    assert answer.dimensions["reliability"].n == 120
    assert CheckAnswer.model_validate_json(text_of(result)) == answer


def test_an_unknown_provider_is_said_plainly_with_the_closest_ids(asked: Asked) -> None:
    result = asked(lambda client: client.call_tool("trustscore_check", {"provider_id": "demo-stead"}))
    answer = CheckAnswer.model_validate(result.structured_content)
    assert (answer.known, answer.trust_score, answer.confidence) == (False, None, "none")
    assert STEADY in answer.closest
    assert "neither in the catalog nor in any report" in answer.summary


def test_rank_puts_the_steady_provider_before_the_failing_one(asked: Asked) -> None:
    chosen = {"provider_ids": [FAILING, STEADY], "task_type": "search"}
    result = asked(lambda client: client.call_tool("trustscore_rank", chosen))
    answer = RankAnswer.model_validate(result.structured_content)
    assert [item.provider_id for item in answer.ranked] == [STEADY, FAILING]
    assert answer.recommendation == STEADY
    assert answer.data_freshness.source == "live"


def test_discover_finds_reported_providers_by_a_part_of_their_id(asked: Asked) -> None:
    result = asked(lambda client: client.call_tool("trustscore_discover", {"text": "demo-"}))
    found = DiscoverAnswer.model_validate(result.structured_content)
    assert [item.provider_id for item in found.providers][:2] == [STEADY, FAILING]


def test_a_reporter_is_a_resource_with_what_its_reports_count(asked: Asked) -> None:
    found = asked(lambda client: client.read_resource("trustscore://reporters/tests"))
    answer = ReporterAnswer.model_validate_json(found.contents[0].text)
    assert (answer.reporter_id, answer.known, answer.weight) == ("tests", True, 1.0)
    assert answer.reports == 360


def test_explained_contributions_add_up_to_the_score(asked: Asked) -> None:
    result = asked(lambda client: client.call_tool("trustscore_explain", {"provider_id": FAILING}))
    answer = ExplainAnswer.model_validate(result.structured_content)
    total = sum(item.contribution for item in answer.contributions) + answer.evidence_adjustment
    assert total == pytest.approx(answer.trust_score, abs=1e-12)


def test_history_counts_every_report_once(asked: Asked) -> None:
    wanted = {"provider_id": STEADY, "bucket": "hour", "limit": 50}
    result = asked(lambda client: client.call_tool("trustscore_history", wanted))
    answer = HistoryAnswer.model_validate(result.structured_content)
    assert answer.n == sum(point.n for point in answer.points) == 120
    assert [point.start for point in answer.points] == sorted(point.start for point in answer.points)


@pytest.mark.parametrize("tool", ["trustscore_explain", "trustscore_history"])
def test_explaining_an_unknown_provider_names_the_next_step(asked: Asked, tool: str) -> None:
    sentence = refusal(asked, tool, {"provider_id": "zzzzzzzz.9"})
    assert sentence == (
        "provider zzzzzzzz.9 is neither in the catalog nor in any report; "
        "call trustscore_discover for ids that are known"
    )


@pytest.mark.parametrize("tool", ["trustscore_check", "trustscore_explain", "trustscore_history", "trustscore_report"])
def test_an_empty_id_gets_its_sentence(asked: Asked, tool: str) -> None:
    outcome = {"outcome": "success"} if tool == "trustscore_report" else {}
    sentence = refusal(asked, tool, {"provider_id": "", **outcome})
    assert sentence.startswith("provider_id")
    assert "must be 1 to 200 characters of A-Z a-z 0-9 . _ : / @ -; got " in sentence


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (
            {"latency_ms": -12.0},
            "latency_ms of report r1 must be a number from 0 to 3,600,000 ms; got -12.0; "
            "send it within bounds or leave it out",
        ),
        (
            {"details": {"log": "x" * 5 * 1024}},
            "details of report r1 must be a JSON object of at most 4096 bytes; got an object of 5,130 bytes; "
            "send it within bounds or leave it out",
        ),
        (
            {"outcome": "ok"},
            "outcome of report r1 must be one of success, failure, timeout, error; got 'ok'; correct it",
        ),
        (
            {"schema_valid": "yes"},
            "schema_valid of report r1 must be true or false; got 'yes'; send it within bounds or leave it out",
        ),
        (
            {"mood": "x" * 5 * 1024},
            "details of report r1 must be a JSON object of at most 4096 bytes; got an object of 5,131 bytes; "
            "send it within bounds or leave it out",
        ),
    ],
)
def test_a_report_that_cannot_be_used_says_field_wanted_got_and_next_step(
    asked: Asked, fields: dict[str, Any], sentence: str
) -> None:
    report = {"provider_id": STEADY, "outcome": "success", "report_id": "r1", **fields}
    assert refusal(asked, "trustscore_report", report) == sentence


@pytest.mark.parametrize(
    ("tool", "arguments", "sentence"),
    [
        (
            "trustscore_check", {},
            "provider_id must be 1 to 200 characters of A-Z a-z 0-9 . _ : / @ -; got nothing; add it",
        ),
        ("trustscore_check", {"provider_id": 5}, "provider_id must be string; got 5; correct it and call again"),
        (
            "trustscore_rank", {"limit": "many"},
            "limit must be integer, unable to parse string as an integer; got 'many'; "
            "correct it and call again",
        ),
        (
            "trustscore_check", {"provider_id": STEADY, "task": "search"},
            "arguments of trustscore_check must be among provider_id, task_type, region, reporter_id; got task; "
            "correct the names",
        ),
        (
            "trustscore_history", {"provider_id": STEADY, "bucket": "week"},
            "bucket must be 'minute', 'hour' or 'day'; got 'week'; correct it and call again",
        ),
    ],
)  # fmt: skip
def test_a_wrong_argument_gets_one_sentence(asked: Asked, tool: str, arguments: dict[str, Any], sentence: str) -> None:
    assert refusal(asked, tool, arguments) == sentence


def test_an_unknown_tool_is_answered_with_the_tools_there_are(asked: Asked) -> None:
    sentence = refusal(asked, "trust_check", {})
    assert sentence.startswith("tool must be one of trustscore_check, ")
    assert "got 'trust_check'" in sentence


@pytest.mark.parametrize("address", [SLASHED, quote(SLASHED, safe=""), STEADY])
def test_a_provider_is_a_resource_whatever_its_id_holds(asked: Asked, address: str) -> None:
    read = asked(lambda client: client.read_resource(f"trustscore://providers/{address}"))
    content = read.contents[0]
    assert isinstance(content, TextResourceContents)
    assert content.mime_type == "application/json"
    expected = STEADY if address == STEADY else SLASHED
    assert CheckAnswer.model_validate_json(content.text).provider_id == expected


@pytest.mark.parametrize(
    ("address", "words"), [("zzzzzzzz.9", "neither in the catalog"), ("%20", "provider_id must be")]
)
def test_a_resource_that_is_not_there_says_why(asked: Asked, address: str, words: str) -> None:
    async def question(client: Client) -> None:
        with pytest.raises(MCPError, match=words):
            await client.read_resource(f"trustscore://providers/{address}")

    asked(question)


def test_the_resource_template_is_listed_as_documented(asked: Asked) -> None:
    templates = asked(lambda client: client.list_resource_templates()).resource_templates
    assert "trustscore://providers/{id}" in [template.uri_template for template in templates]


def test_prompts_name_the_task_and_the_tools_to_use(asked: Asked) -> None:
    chosen = asked(lambda client: client.get_prompt("choose_provider", {"task": "find flights"}))
    explained = asked(lambda client: client.get_prompt("explain_score", {"provider_id": SLASHED}))
    assert "find flights" in chosen.messages[0].content.text
    assert "trustscore_rank" in chosen.messages[0].content.text
    assert SLASHED in explained.messages[0].content.text
    assert "trustscore_explain" in explained.messages[0].content.text


def test_ids_are_completed(asked: Asked) -> None:
    template = ResourceTemplateReference(uri="trustscore://providers/{id}")
    done = asked(lambda client: client.complete(template, {"name": "id", "value": "demo-"}))
    assert done.completion.values == [STEADY, FAILING]


def test_the_server_says_who_it_is_and_how_to_use_it(asked: Asked) -> None:
    async def question(client: Client) -> Any:
        return client.server_info, client.instructions

    info, instructions = asked(question)
    assert (info.name, info.version) == ("trustscore", "1.2.3")
    assert "trustscore_report" in instructions


def test_every_tool_and_prompt_is_documented(asked: Asked) -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "mcp.md").read_text(encoding="utf-8")
    tools = [tool.name for tool in asked(lambda client: client.list_tools()).tools]
    prompts = [prompt.name for prompt in asked(lambda client: client.list_prompts()).prompts]
    assert [name for name in (*tools, *prompts) if f"| `{name}" not in text] == []
