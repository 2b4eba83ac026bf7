import ast
import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from analytics.cli.config import Client, client_configuration, launch, python_snippet
from analytics.cli.main import app
from analytics.settings import Settings

run = CliRunner()
SETTINGS = Settings(broker="kafka.example:9092", lake="some/lake", data_dir=Path("some"))
START = launch(SETTINGS, {"TRUSTSCORE_AWAY_S": "7", "HOME": "/nowhere"})


def test_a_client_starts_this_interpreters_server_from_any_directory() -> None:
    assert Path(START.command).is_absolute()
    assert Path(START.command).parent == Path(sys.executable).parent
    assert START.args[-1] == "mcp"
    assert START.env["TRUSTSCORE_LAKE"] == str(Path.cwd() / "some/lake")
    assert START.env["TRUSTSCORE_DATA_DIR"] == str(Path.cwd() / "some")


def test_every_setting_of_this_environment_goes_along_and_nothing_else() -> None:
    assert START.env["TRUSTSCORE_BROKER"] == "kafka.example:9092"
    assert START.env["TRUSTSCORE_AWAY_S"] == "7"
    assert "HOME" not in START.env


@pytest.mark.parametrize(("lake", "expected"), [(None, ""), ("s3://bucket/lake", "s3://bucket/lake")])
def test_a_lake_that_is_off_or_elsewhere_stays_so(lake: str | None, expected: str) -> None:
    assert launch(Settings(lake=lake), {}).env["TRUSTSCORE_LAKE"] == expected


@pytest.mark.parametrize("client", [Client.CLAUDE_DESKTOP, Client.CURSOR])
def test_claude_and_cursor_read_the_same_shape(client: Client) -> None:
    server = client_configuration(client, START, None)["mcpServers"]["trustscore"]
    assert server == {"command": START.command, "args": START.args, "env": START.env}


def test_vscode_wants_the_type_of_a_server() -> None:
    server = client_configuration(Client.VSCODE, START, None)["servers"]["trustscore"]
    assert server["type"] == "stdio"
    over_http = client_configuration(Client.VSCODE, START, "http://127.0.0.1:8080/mcp")["servers"]["trustscore"]
    assert over_http == {"type": "http", "url": "http://127.0.0.1:8080/mcp"}


@pytest.mark.parametrize("url", [None, "http://127.0.0.1:8080/mcp"])
def test_the_python_program_parses_and_names_its_server(url: str | None) -> None:
    program = python_snippet(START, url)
    ast.parse(program)
    assert (url or START.command) in program


@pytest.mark.parametrize("client", list(Client))
def test_only_the_configuration_is_on_stdout(client: Client) -> None:
    done = run.invoke(app, ["config", client.value])
    assert done.exit_code == 0
    if client is Client.PYTHON:
        ast.parse(done.stdout)
    else:
        json.loads(done.stdout)
    assert done.stderr


def test_claude_desktop_has_no_http_servers_in_its_file() -> None:
    done = run.invoke(app, ["config", "claude-desktop", "--http", "http://127.0.0.1:8080/mcp"])
    assert done.exit_code == 2
    assert "--http must be left out for claude-desktop" in done.stderr
    assert done.stdout == ""


def test_an_address_without_scheme_is_bad_input() -> None:
    done = run.invoke(app, ["config", "cursor", "--http", "127.0.0.1:8080/mcp"])
    assert done.exit_code == 2
    assert "http://" in done.stderr


def test_settings_are_shown_with_their_passwords_masked() -> None:
    done = run.invoke(
        app, ["config", "--json"], env={"TRUSTSCORE_DATABASE_URL": "postgresql://reader:secret@db.example/trust"}
    )
    shown = json.loads(done.stdout)
    assert shown["database_url"] == "postgresql://reader:***@db.example/trust"
    assert shown["http_port"] == 8080


def test_settings_are_shown_with_where_they_come_from() -> None:
    done = run.invoke(app, ["config"], env={"COLUMNS": "200", "TRUSTSCORE_HTTP_PORT": "9999"})
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["TRUSTSCORE_HTTP_PORT", "9999", "environment"] in rows
    assert ["TRUSTSCORE_HTTP_HOST", "127.0.0.1", "default"] in rows
