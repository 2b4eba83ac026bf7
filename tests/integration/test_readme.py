"""What the README tells a newcomer to run runs, against a real broker, worker and server."""

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import pytest

from tests.support.running_service import CLI, RunningService, eventually, running_service
from tests.support.small_answers import reports

ROOT: Final = Path(__file__).resolve().parents[2]
README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK: Final = re.compile(r"^```(python|sh)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PROGRAMS: Final = [code for language, code in BLOCK.findall(README) if language == "python"]
LINES: Final = [line for language, code in BLOCK.findall(README) if language == "sh" for line in code.splitlines()]
REPORTED: Final = "weather-mcp"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    root = tmp_path_factory.mktemp("readme")
    with running_service(root, os.environ, reports(time.time())) as running:
        (root / "trustscore-data").mkdir()
        (root / "trustscore-data" / "latest").symlink_to(root / "data", target_is_directory=True)
        yield running


def here(code: str, service: RunningService) -> str:
    """The same with this run's addresses instead of those of the defaults."""
    addressed = code.replace("http://127.0.0.1:8080", service.url)
    return addressed.replace("127.0.0.1:9092", service.env["TRUSTSCORE_BROKER"])


def run(command: list[str], service: RunningService, **settings: str) -> str:
    """What a command says on stdout; it must succeed."""
    root = Path(service.env["TRUSTSCORE_LAKE"]).parents[1]
    env = {**service.env, **settings}
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def requested(line: str, service: RunningService) -> httpx.Response:
    """The answer to a line of curl, without needing curl."""
    words = shlex.split(here(line, service))
    body = words[words.index("--json") + 1] if "--json" in words else None
    if body is None:
        return httpx.get(words[-1], timeout=20)
    return httpx.post(words[-1], content=body, headers={"content-type": "application/json"}, timeout=20)


def test_the_programs_of_the_readme_run(service: RunningService) -> None:
    before = service.sample_size(REPORTED)
    said = [run([sys.executable, "-c", here(program, service)], service) for program in PROGRAMS]
    reporting = [program for program in PROGRAMS if REPORTED in program]
    assert len(reporting) == 2
    eventually(lambda: service.sample_size(REPORTED) >= before + len(reporting) or None, "both reports in the score")
    assert "trust_score" in said[-1]


def test_the_lines_of_the_readme_run(service: RunningService) -> None:
    curls = [line for line in LINES if line.startswith("curl ")]
    commands = [line for line in LINES if line not in curls]
    assert len(curls) == 2
    answers = [requested(line, service) for line in curls]
    assert [answer.status_code for answer in answers] == [202, 200]
    assert answers[0].json()["accepted"] is True
    eventually(lambda: service.sample_size(REPORTED) or None, "the report in the score")
    for line in commands:
        words = shlex.split(here(line, service))
        settings = dict(word.split("=", 1) for word in words if word.startswith("TRUSTSCORE_"))
        assert run([*CLI, *words[words.index("trustscore") + 1 :]], service, **settings), line
