"""A real MCP client, over stdio and over HTTP, against a real broker, worker and server."""

import ast
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, MCPError, StdioServerParameters
from mcp.types import TextContent, TextResourceContents

from analytics.models import CheckAnswer, HistoryAnswer, RankAnswer, ReportAnswer
from tests.support.running_service import RunningService, eventually, running_service
from tests.support.small_answers import FAILING, SLASHED, STEADY, reports

TOOLS = {
    "trustscore_check", "trustscore_report", "trustscore_rank", "trustscore_discover", "trustscore_explain",
    "trustscore_history",
}  # fmt: skip
TRANSPORTS = ("stdio", "stdio-to-server", "http")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    root = tmp_path_factory.mktemp("mcp")
    with running_service(root, os.environ, reports(time.time())) as running:
        yield running


def stdio(service: RunningService, **env: str) -> StdioServerParameters:
    """The command of the printed Claude Desktop configuration, started in another directory as clients do."""
    printed = service.cli("config", "claude-desktop", **env)
    assert printed.returncode == 0, printed.stderr
    server = json.loads(printed.stdout)["mcpServers"]["trustscore"]
    return StdioServerParameters(command=server["command"], args=server["args"], env=server["env"], cwd="/")


@pytest.fixture(scope="module", params=TRANSPORTS)
def target(request: pytest.FixtureRequest, service: RunningService) -> StdioServerParameters | str:
    match request.param:
        case "http":
            return f"{service.url}/mcp"
        case "stdio-to-server":
            return stdio(service, TRUSTSCORE_URL=service.url)
        case _:
            return stdio(service)


def asked(target: StdioServerParameters | str, question: Callable[[Client], Awaitable[Any]]) -> Any:
    async def session() -> Any:
        async with Client(target) as client:
            return await question(client)

    return asyncio.run(session())


async def refusal(client: Client, tool: str, arguments: dict[str, Any]) -> str:
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    assert isinstance(result.content[0], TextContent)
    return result.content[0].text


def test_a_client_lists_the_tools_and_calls_each_one(target: StdioServerParameters | str) -> None:
    async def question(client: Client) -> None:
        tools = (await client.list_tools()).tools
        assert {tool.name for tool in tools} == TOOLS
        assert all(tool.output_schema and tool.annotations for tool in tools)
        calls: dict[str, dict[str, Any]] = {
            "trustscore_check": {"provider_id": SLASHED},
            "trustscore_rank": {"provider_ids": [FAILING, STEADY]},
            "trustscore_discover": {"text": "demo-"},
            "trustscore_explain": {"provider_id": STEADY, "task_type": "search"},
            "trustscore_history": {"provider_id": STEADY, "bucket": "minute"},
            "trustscore_report": {"provider_id": "called-once", "outcome": "success", "latency_ms": 12.5},
        }
        found = {}
        for tool, arguments in calls.items():
            result = await client.call_tool(tool, arguments)
            assert not result.is_error, result.content
            found[tool] = result.structured_content
        check = CheckAnswer.model_validate(found["trustscore_check"])
        assert (check.provider_id, check.sample_size, check.stale, check.source) == (SLASHED, 120, False, "live")
        rank = RankAnswer.model_validate(found["trustscore_rank"])
        assert [item.provider_id for item in rank.ranked] == [STEADY, FAILING]
        assert HistoryAnswer.model_validate(found["trustscore_history"]).n == 120
        report = ReportAnswer.model_validate(found["trustscore_report"])
        assert (report.accepted, report.provider_id) == (True, "called-once")

    asked(target, question)


def test_a_report_over_mcp_reaches_the_score_through_kafka(
    target: StdioServerParameters | str, service: RunningService
) -> None:
    before = service.sample_size("reported-over-mcp")
    report = {"provider_id": "reported-over-mcp", "outcome": "success"}
    asked(target, lambda client: client.call_tool("trustscore_report", report))
    eventually(lambda: service.sample_size("reported-over-mcp") == before + 1 or None, "the report in the score")


def test_bad_input_gets_a_sentence(target: StdioServerParameters | str) -> None:
    async def question(client: Client) -> None:
        unknown = await client.call_tool("trustscore_check", {"provider_id": "demo-stead"})
        answer = CheckAnswer.model_validate(unknown.structured_content)
        assert not answer.known
        assert answer.summary.startswith("demo-stead is neither in the catalog nor in any report")
        assert STEADY in answer.closest
        for tool in ("trustscore_explain", "trustscore_history"):
            sentence = await refusal(client, tool, {"provider_id": "zzzzzzzz.9"})
            assert sentence.startswith("provider zzzzzzzz.9 is neither in the catalog nor in any report; ")
        for tool in ("trustscore_check", "trustscore_explain", "trustscore_history"):
            sentence = await refusal(client, tool, {"provider_id": ""})
            assert sentence.startswith("provider_id must be 1 to 200 characters of A-Z a-z 0-9 . _ : / @ -; got ")
        good = {"provider_id": STEADY, "outcome": "success", "report_id": "bad-1"}
        for field, value, wanted in (
            ("provider_id", "", "must be 1 to 200 characters of A-Z a-z 0-9 . _ : / @ -; got ''; "),
            (
                "details",
                {"log": "x" * 5 * 1024},
                "must be a JSON object of at most 4096 bytes; got an object of 5,130 bytes; ",
            ),
            ("latency_ms", -12.0, "must be a number from 0 to 3,600,000 ms; got -12.0; "),
        ):
            sentence = await refusal(client, "trustscore_report", {**good, field: value})
            assert sentence.startswith(field)
            assert wanted in sentence

    asked(target, question)


def test_resources_and_prompts_are_served(target: StdioServerParameters | str) -> None:
    async def question(client: Client) -> None:
        templates = (await client.list_resource_templates()).resource_templates
        assert "trustscore://providers/{id}" in [template.uri_template for template in templates]
        for address in ("npm%3A%40acme%2Fsearch", SLASHED):
            content = (await client.read_resource(f"trustscore://providers/{address}")).contents[0]
            assert isinstance(content, TextResourceContents)
            assert CheckAnswer.model_validate_json(content.text).provider_id == SLASHED
        with pytest.raises(MCPError, match="neither in the catalog"):
            await client.read_resource("trustscore://providers/zzzzzzzz.9")
        assert {prompt.name for prompt in (await client.list_prompts()).prompts} == {"choose_provider", "explain_score"}

    asked(target, question)


def test_while_kafka_is_away_answers_are_stale_and_reports_are_refused(service: RunningService) -> None:
    target = stdio(service, TRUSTSCORE_BROKER="127.0.0.1:9", TRUSTSCORE_PRODUCE_TIMEOUT_S="1")

    async def question(client: Client) -> None:
        result = await client.call_tool("trustscore_check", {"provider_id": STEADY})
        answer = CheckAnswer.model_validate(result.structured_content)
        assert (answer.stale, answer.source, answer.sample_size) == (True, "lake", 120)
        assert answer.age_s is not None
        sentence = await refusal(client, "trustscore_report", {"provider_id": STEADY, "outcome": "success"})
        assert sentence.startswith("Kafka at 127.0.0.1:9 acknowledged 0 of 1 reports")

    asked(target, question)


def test_nothing_but_the_protocol_is_on_stdout(service: RunningService) -> None:
    server = stdio(service, TRUSTSCORE_BROKER="127.0.0.1:9")
    hello = {
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "raw", "version": "0"}},
    }  # fmt: skip
    done = subprocess.run(
        [server.command, *server.args], env={**os.environ, **(server.env or {})}, input=json.dumps(hello) + "\n",
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["result"]["serverInfo"]["name"] == "trustscore"


@pytest.mark.parametrize(("client", "section"), [("cursor", "mcpServers"), ("vscode", "servers")])
def test_the_printed_http_configuration_points_at_a_server_that_answers(
    service: RunningService, client: str, section: str
) -> None:
    printed = json.loads(service.cli("config", client, "--http", f"{service.url}/mcp").stdout)
    listed = asked(printed[section]["trustscore"]["url"], lambda connected: connected.list_tools())
    assert {tool.name for tool in listed.tools} == TOOLS


@pytest.mark.parametrize(("client", "section"), [("cursor", "mcpServers"), ("vscode", "servers")])
def test_the_printed_stdio_configuration_starts_a_server_that_answers(
    service: RunningService, client: str, section: str
) -> None:
    server = json.loads(service.cli("config", client).stdout)[section]["trustscore"]
    target = StdioServerParameters(command=server["command"], args=server["args"], env=server["env"], cwd="/")
    assert {tool.name for tool in asked(target, lambda connected: connected.list_tools()).tools} == TOOLS


@pytest.mark.parametrize("over", ["stdio", "http"])
def test_the_printed_python_program_runs(service: RunningService, over: str, tmp_path: Path) -> None:
    chosen = ["--http", f"{service.url}/mcp"] if over == "http" else []
    program = tmp_path / "ask.py"
    program.write_text(service.cli("config", "python", *chosen).stdout, encoding="utf-8")
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    tools, answer = done.stdout.splitlines()
    assert set(tools.split(", ")) == TOOLS
    assert RankAnswer.model_validate(ast.literal_eval(answer)).recommendation in (STEADY, SLASHED)
