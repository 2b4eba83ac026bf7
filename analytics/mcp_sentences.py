"""The MCP server base that answers every mendable mistake with one sentence."""

from typing import Any

from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, InputRequiredResult
from pydantic import ValidationError

from analytics.errors import AnalyticsError, UnknownProvider
from scoring.errors import InvalidReport
from scoring.reports import FIELDS

__all__ = ["SentenceServer", "sentence_of"]

_WANTED = {field.name: field.wanted for field in FIELDS}


class SentenceServer(MCPServer[Any]):
    """An ``MCPServer`` whose failed calls read ``field must be wanted; got …; next step``.

    mcp 2.3 withholds the text of all errors but its own ``ToolError``, prefixes that with "Error executing tool …",
    shows pydantic's multi-line report for wrong arguments, and drops arguments it does not know. None of its hooks
    (middleware, ``Extension.intercept_tool_call``) sees the cause; ``call_tool`` does, hence the subclass.
    """

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Any, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool; what the caller can mend is raised as ``ToolError`` with its sentence."""
        schemas = {tool.name: tool.input_schema for tool in await self.list_tools()}
        if name not in schemas:
            raise ToolError(f"tool must be one of {', '.join(schemas)}; got {name!r}; call one of these")
        taken = schemas[name].get("properties", {})
        unknown = sorted(set(arguments) - set(taken))
        if unknown:
            arguments = _placed(name, arguments, unknown, taken)
        try:
            return await super().call_tool(name, arguments, context)
        except ToolError as error:
            sentence = sentence_of(error.__cause__)
            if sentence is None:  # a crash: its text stays in this process's log
                raise
            # The cause goes along without pydantic's report, from which the server would log the fields once more.
            raise ToolError(sentence) from None


def sentence_of(cause: BaseException | None) -> str | None:
    """What to tell the caller of ``cause``; null when it is no mistake of theirs and nothing they can wait for."""
    match cause:
        case ValidationError():
            # One sentence an argument: pydantic has an error for every member of a union.
            faults = {error["loc"][0]: error for error in reversed(cause.errors(include_url=False))}
            return "; ".join(_argument(str(name), faults[name]) for name in sorted(faults, key=str))
        case UnknownProvider() if not cause.closest:
            return f"{str(cause).removesuffix(cause.step)}call trustscore_discover for ids that are known"
        case AnalyticsError() | InvalidReport() | ToolError():
            return str(cause)
        case _:
            return None


def _placed(name: str, arguments: dict[str, Any], unknown: list[str], taken: dict[str, Any]) -> dict[str, Any]:
    """``arguments`` with those the tool does not know moved into ``details``; without that, a refusal."""
    if "details" not in taken:
        listed = ", ".join(unknown)
        raise ToolError(f"arguments of {name} must be among {', '.join(taken)}; got {listed}; correct the names")
    details = arguments.get("details") or {}
    if not isinstance(details, dict):
        return arguments  # refused with its own sentence further in
    known = {key: value for key, value in arguments.items() if key in taken}
    return {**known, "details": {**{key: arguments[key] for key in unknown}, **details}}


def _argument(name: str, error: Any) -> str:
    if error["type"] == "missing":
        return f"{name} must be {_WANTED.get(name, 'given')}; got nothing; add it"
    wanted = error["msg"].removeprefix("Input should be ").removeprefix("a valid ")
    got = ascii(error["input"])
    return f"{name} must be {wanted}; got {got if len(got) <= 60 else got[:57] + '...'}; correct it and call again"
