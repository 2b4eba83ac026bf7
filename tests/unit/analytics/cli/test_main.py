import subprocess
import sys
from inspect import getdoc
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.testing import CliRunner

from analytics.cli.main import COMMANDS, app, load

ROOT = Path(__file__).resolve().parents[4]
HEAVY = {
    "scipy",
    "numpy",
    "mcp",
    "deltalake",
    "duckdb",
    "pyarrow",
    "fastapi",
    "aiokafka",
    "sqlalchemy",
    "httpx",
    "faust",
}
ISSUE = "up worker serve mcp report check rank discover explain history replay simulate lake catalog config verify"
ADDED = "backtest attack-cost credibility weights reporters"

run = CliRunner()


def loaded_by(*arguments: str) -> set[str]:
    code = f"""
import sys
from analytics.cli.main import app
try:
    app({list(arguments)!r})
finally:
    sys.stderr.write(" ".join({{name.partition(".")[0] for name in sys.modules}}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stderr.split())


def test_every_command_is_there() -> None:
    assert set(COMMANDS) == {*ISSUE.split(), *ADDED.split()}


def test_help_lists_every_command_with_its_sentence() -> None:
    done = run.invoke(app, ["--help"], env={"COLUMNS": "200"})
    assert done.exit_code == 0
    for name, entry in COMMANDS.items():
        assert f" {name} " in done.output
        assert entry.help in done.output


def test_help_loads_no_heavy_library() -> None:
    loaded = loaded_by("--help")
    assert "typer" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_help_of_a_question_loads_no_heavy_library() -> None:
    assert loaded_by("check", "--help").isdisjoint(HEAVY)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_a_command_loads_and_explains_itself(name: str) -> None:
    command = load(name)
    assert command.name == name
    words = command.help or ""
    assert words, f"{name} has no help"
    done = run.invoke(app, [name, "--help"])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("name", ["worker", "serve", "mcp", "check", "rank", "discover", "explain", "report", "config"])
def test_the_sentence_in_the_table_is_the_commands_own(name: str) -> None:
    command = load(name)
    assert not isinstance(command, TyperGroup)
    assert (getdoc(command.callback) or "").startswith(COMMANDS[name].help)


def test_an_unknown_command_is_bad_input() -> None:
    done = run.invoke(app, ["chek"])
    assert done.exit_code == 2
    assert "chek" in done.output


def test_version_is_printed() -> None:
    done = run.invoke(app, ["--version"])
    assert done.exit_code == 0
    assert done.output.startswith("trustscore ")


def test_settings_that_cannot_be_used_are_listed_together() -> None:
    done = run.invoke(app, ["config"], env={"TRUSTSCORE_BROKER": "nonsense", "TRUSTSCORE_HTTP_PORT": "99999"})
    assert done.exit_code == 2
    assert "TRUSTSCORE_BROKER" in done.stderr
    assert "TRUSTSCORE_HTTP_PORT" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("trustscore che", "check"),
        ("trustscore check anthropic-git-", "anthropic-git-011"),
        ("trustscore report gi", "git"),
    ],
)
def test_commands_and_ids_of_the_catalog_are_completed_in_the_shell(typed: str, completed: str, tmp_path: Path) -> None:
    env = {
        "_TRUSTSCORE_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": typed, "TRUSTSCORE_DATA_DIR": str(tmp_path),
    }  # fmt: skip
    done = run.invoke(app, [], env=env, prog_name="trustscore")
    assert completed in done.output
    assert "weather" not in done.output


def test_every_command_is_documented() -> None:
    text = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"| `{name}" not in text] == []
