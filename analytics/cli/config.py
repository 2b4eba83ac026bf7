"""``trustscore config``: the settings in force, and configurations that make an MCP client find this server."""

import json
import os
import re
import sys
from collections.abc import Mapping
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple

import typer
from rich.table import Table

from analytics.cli.output import BAD_INPUT, JsonOption, emit_json, note, refuse, say
from analytics.settings import Settings, load_settings

__all__ = ["Client", "Launch", "client_configuration", "config", "launch", "python_snippet"]


_PASSWORD: Final = re.compile(r"(://[^:/@]*:)[^@]*@")


class Client(StrEnum):
    """An MCP client whose configuration is known."""

    CLAUDE_DESKTOP = "claude-desktop"
    CURSOR = "cursor"
    VSCODE = "vscode"
    PYTHON = "python"


_PLACE: Final = {
    Client.CLAUDE_DESKTOP: "Merge it into claude_desktop_config.json (Settings, Developer, Edit Config).",
    Client.CURSOR: "Merge it into ~/.cursor/mcp.json, or into .cursor/mcp.json of one project.",
    Client.VSCODE: "Merge it into .vscode/mcp.json of a workspace, or run `MCP: Open User Configuration`.",
    Client.PYTHON: "Save it as a file and run it with a Python that has `mcp>=2.3`.",
}


class Launch(NamedTuple):
    """How a client starts ``trustscore mcp``."""

    command: str
    args: list[str]
    env: dict[str, str]


def launch(settings: Settings, environment: Mapping[str, str]) -> Launch:
    """How to start ``trustscore mcp`` from any directory, with the settings in force here.

    Clients start servers in a directory and with an environment of their own: paths are made absolute, and every
    ``TRUSTSCORE_`` variable of this environment goes along.
    """
    env = {name: value for name, value in sorted(environment.items()) if name.startswith("TRUSTSCORE_")}
    env["TRUSTSCORE_BROKER"] = settings.broker
    env["TRUSTSCORE_DATA_DIR"] = str(Path(settings.data_dir).absolute())
    lake = settings.lake or ""
    env["TRUSTSCORE_LAKE"] = str(Path(lake).absolute()) if lake and "://" not in lake else lake
    script = Path(sys.executable).with_name("trustscore")
    if script.exists():
        return Launch(str(script), ["mcp"], env)
    try:
        distribution("trustscore")
    except PackageNotFoundError:  # run from its source: the client's directory is another one
        env["PYTHONPATH"] = str(Path(__file__).absolute().parents[2])
    return Launch(sys.executable, ["-m", "analytics.cli.main", "mcp"], env)


def client_configuration(client: Client, start: Launch, url: str | None) -> dict[str, Any]:
    """The JSON that ``client`` reads: start the server over stdio, or connect to ``url``."""
    stdio = {"command": start.command, "args": start.args, "env": start.env}
    if client is Client.VSCODE:
        return {"servers": {"trustscore": {"type": "http", "url": url} if url else {"type": "stdio", **stdio}}}
    return {"mcpServers": {"trustscore": {"url": url} if url else stdio}}


def python_snippet(start: Launch, url: str | None) -> str:
    """A program that connects, lists the tools and asks one question."""
    parts = f"    command={start.command!r},\n    args={start.args!r},\n    env={start.env!r},\n"
    target = f"{url!r}" if url else f"StdioServerParameters(\n{parts})"
    imports = "from mcp import Client" if url else "from mcp import Client, StdioServerParameters"
    return f"""import asyncio

{imports}

server = {target}


async def main() -> None:
    async with Client(server) as client:
        print(", ".join(tool.name for tool in (await client.list_tools()).tools))
        answer = await client.call_tool("trustscore_rank", {{"limit": 3}})
        print(answer.structured_content or answer.content[0].text)


asyncio.run(main())
"""


def config(
    client: Annotated[
        Client | None, typer.Argument(help="Client to configure; without one, the settings in force.")
    ] = None,
    http: Annotated[
        str | None, typer.Option("--http", help="Connect to a running server instead, e.g. http://127.0.0.1:8080/mcp.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Print settings, or a client's MCP configuration.

    The configuration goes to stdout, ready to be pasted or redirected; where it belongs is said on stderr.
    """
    settings = load_settings()
    if client is None:
        _settings(settings, as_json)
        return
    if http is not None and not http.startswith(("http://", "https://")):
        refuse(f"--http must be an address with http:// or https://; got {http!r}; add the scheme", BAD_INPUT)
    if http is not None and client is Client.CLAUDE_DESKTOP:
        wanted = "left out for claude-desktop, whose file starts servers over stdio only"
        refuse(f"--http must be {wanted}; got {http!r}; add the address in its Settings, Connectors instead", BAD_INPUT)
    start = launch(settings, os.environ)
    if client is Client.PYTHON:
        snippet = python_snippet(start, http)
        emit_json(json.dumps({"client": "python", "program": snippet})) if as_json else emit_json(snippet.rstrip("\n"))
    else:
        emit_json(json.dumps(client_configuration(client, start, http), indent=2))
    if not as_json:
        note(_PLACE[client])


def _settings(settings: Settings, as_json: bool) -> None:
    values = settings.model_dump(mode="json")
    if values.get("database_url"):
        values["database_url"] = _PASSWORD.sub(r"\1***@", values["database_url"])
    if as_json:
        emit_json(json.dumps(values, indent=2))
        return
    table = Table("variable", "value", "from", box=None, header_style="dim")
    for name in Settings.model_fields:
        shown = "" if values[name] is None else str(values[name])
        table.add_row(
            f"TRUSTSCORE_{name.upper()}", shown, "environment" if name in settings.model_fields_set else "default"
        )
    say(table)
    note("Their meaning: docs/reference/settings.md")
