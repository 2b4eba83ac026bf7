"""The command line as a user runs it: subprocesses, their exit codes, their two streams."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from analytics.local.children import free_port
from analytics.models import CheckAnswer, DiscoverAnswer, ExplainAnswer, HistoryAnswer, RankAnswer, ReportAnswer
from tests.support.lake_maker import LakeMaker
from tests.support.running_service import CLI, RunningService, eventually, running_service
from tests.support.small_answers import FAILING, SLASHED, STEADY, reports

ANSWERS: dict[str, type[BaseModel]] = {
    "check": CheckAnswer, "rank": RankAnswer, "discover": DiscoverAnswer, "explain": ExplainAnswer,
    "history": HistoryAnswer,
}  # fmt: skip
QUESTIONS = {
    "check": [SLASHED], "rank": [FAILING, STEADY], "discover": ["demo-"], "explain": [STEADY], "history": [STEADY],
}  # fmt: skip


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    root = tmp_path_factory.mktemp("cli")
    with running_service(root, os.environ, reports(time.time())) as running:
        yield running


@pytest.fixture(scope="module")
def serverless(service: RunningService) -> RunningService:
    """The same broker and lake, with no server at the default address."""
    return RunningService(service.url, {**service.env, "TRUSTSCORE_HTTP_PORT": str(free_port())})


@pytest.mark.parametrize("where", ["server", "lake"])
@pytest.mark.parametrize("command", list(QUESTIONS))
def test_json_is_the_answer_and_nothing_else(
    service: RunningService, serverless: RunningService, command: str, where: str
) -> None:
    done = (service if where == "server" else serverless).cli(command, *QUESTIONS[command], "--json")
    assert done.returncode == 0, done.stderr
    answer = ANSWERS[command].model_validate_json(done.stdout)
    assert json.loads(done.stdout) == answer.model_dump(mode="json")
    if isinstance(answer, CheckAnswer | ExplainAnswer):
        assert answer.stale is (where == "lake")
        assert answer.sample_size == 120
    if isinstance(answer, HistoryAnswer):
        assert answer.n == 120


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("check", ["90% interval", "reliability", SLASHED]),
        ("rank", [f"Take {STEADY}", FAILING]),
        ("discover", [STEADY, FAILING]),
        ("explain", ["few reports", "trust score", "90d"]),
        ("history", ["success", "120"]),
    ],
)
def test_people_get_a_table(service: RunningService, command: str, words: list[str]) -> None:
    done = service.cli(command, *QUESTIONS[command], COLUMNS="160")
    assert done.returncode == 0, done.stderr
    for word in words:
        assert word in done.stdout
    assert done.stderr == ""


def test_an_answer_from_the_lake_is_marked(serverless: RunningService) -> None:
    done = serverless.cli("check", STEADY, COLUMNS="160")
    assert done.returncode == 0, done.stderr
    assert "stale, since the live stream was not asked; from the lake, " in done.stdout


@pytest.mark.parametrize("where", ["server", "lake"])
def test_an_unknown_provider_is_exit_code_1(service: RunningService, serverless: RunningService, where: str) -> None:
    asked = service if where == "server" else serverless
    check = asked.cli("check", "demo-stead", "--json")
    answer = CheckAnswer.model_validate_json(check.stdout)
    assert (check.returncode, answer.known, answer.trust_score) == (1, False, None)
    assert STEADY in answer.closest
    explain = asked.cli("explain", "zzzzzzzz.9")
    assert (explain.returncode, explain.stdout) == (1, "")
    assert explain.stderr == (
        "provider zzzzzzzz.9 is neither in the catalog nor in any report; "
        "`trustscore discover` lists the ids that are known\n"
    )


@pytest.mark.parametrize("where", ["server", "kafka"])
def test_a_report_reaches_the_score(service: RunningService, serverless: RunningService, where: str) -> None:
    provider_id = f"reported-to-{where}"
    arguments = [
        "report",
        provider_id,
        "success",
        "--latency-ms",
        "12.5",
        "--security",
        "none",
        "--details",
        '{"a": 1}',
    ]
    done = (service if where == "server" else serverless).cli(*arguments, "--reporter-id", provider_id, "--json")
    assert done.returncode == 0, done.stderr
    answer = ReportAnswer.model_validate_json(done.stdout)
    assert (answer.accepted, answer.contributor_status, answer.provider_id) == (True, "new", provider_id)
    eventually(lambda: service.sample_size(provider_id) == 1 or None, "the report in the score")


@pytest.mark.parametrize("where", ["server", "kafka"])
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["check", ""], "provider_id must be 1 to 200 characters of A-Z a-z 0-9 . _ : / @ -; got "),
        (["rank", STEADY, "--limit", "0"], "limit must be "),
        (["report", "", "success"], "provider_id"),
        (["report", STEADY, "fine"], "must be one of success, failure, timeout, error; got 'fine'"),
        (["report", STEADY, "success", "--latency-ms", "-12"], "must be a number from 0 to 3,600,000 ms; got -12.0"),
        (
            ["report", STEADY, "success", "--details", json.dumps({"log": "x" * 5 * 1024})],
            "must be a JSON object of at most 4096 bytes; got an object of 5,130 bytes",
        ),
        (["report", STEADY, "success", "--details", "{a: 1}"], "details must be a JSON object; got '{a: 1}'; quote it"),
    ],
    ids=lambda part: part[0] if isinstance(part, list) else "",
)
def test_bad_input_is_exit_code_2_with_its_sentence(
    service: RunningService, serverless: RunningService, arguments: list[str], sentence: str, where: str
) -> None:
    done = (service if where == "server" else serverless).cli(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_server_that_does_not_answer_is_exit_code_1(service: RunningService) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    done = service.cli("check", STEADY, "--url", url)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"the server at {url} does not answer (ConnectError")


def test_an_address_of_something_else_is_said_plainly(service: RunningService) -> None:
    done = service.cli("check", STEADY, "--url", f"{service.url}/docs/of/something")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr


def test_without_server_and_lake_the_next_step_is_named(service: RunningService, tmp_path: Path) -> None:
    port = str(free_port())
    done = service.cli("rank", TRUSTSCORE_HTTP_PORT=port, TRUSTSCORE_LAKE=str(tmp_path / "none"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"no server answers at http://127.0.0.1:{port} and there is nothing to read instead")
    assert "trustscore up" in done.stderr


def test_without_a_broker_a_report_is_refused_and_stdout_stays_clean(serverless: RunningService) -> None:
    done = serverless.cli(
        "report", STEADY, "success", "--json", TRUSTSCORE_BROKER="127.0.0.1:9", TRUSTSCORE_PRODUCE_TIMEOUT_S="1"
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Kafka at 127.0.0.1:9 acknowledged 0 of 1 reports within 1 s")


def test_a_reader_that_leaves_early_gets_no_traceback(service: RunningService) -> None:
    command = [*CLI, "history", STEADY, "--bucket", "minute", "--json"]
    with subprocess.Popen(command, env=dict(service.env), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        assert b"Traceback" not in child.stderr.read()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_the_mcp_server_ends_with_its_signal_and_no_traceback(
    service: RunningService, number: signal.Signals, code: int
) -> None:
    hello = {
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "raw", "version": "0"}},
    }  # fmt: skip
    pipe = subprocess.PIPE
    with subprocess.Popen([*CLI, "mcp"], env=dict(service.env), stdin=pipe, stdout=pipe, stderr=pipe) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdin.write(json.dumps(hello).encode() + b"\n")
        child.stdin.flush()
        assert child.stdout.readline()
        child.send_signal(number)
        assert child.wait(20) == code
        assert b"Traceback" not in child.stderr.read()


def test_scores_of_a_lake_alone_are_read_without_any_process(tmp_path: Path) -> None:
    lake = tmp_path / "lake"
    now_s = time.time()
    LakeMaker(lake).add(reports(now_s), now_s)
    env = {**os.environ, "TRUSTSCORE_LAKE": str(lake), "TRUSTSCORE_DATA_DIR": str(tmp_path)}
    alone = RunningService("", {**env, "TRUSTSCORE_HTTP_PORT": str(free_port()), "TRUSTSCORE_BROKER": "127.0.0.1:9"})
    answer = RankAnswer.model_validate_json(alone.cli("rank", STEADY, FAILING, "--json").stdout)
    assert answer.recommendation == STEADY
    assert answer.data_freshness.stale
