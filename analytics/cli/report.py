"""``trustscore report``: one report, its options made from the report fields."""

import asyncio
import inspect
import json
from collections.abc import Callable
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from analytics.cli.output import JsonOption, emit
from analytics.cli.source import UrlOption, answers_at, complete_provider
from analytics.models import ReportAnswer
from analytics.settings import load_settings
from scoring.errors import InvalidReport
from scoring.reports import FIELDS, Field

__all__ = ["report"]

_NOTHING_FOUND: Final = "none"
"""What ``--security`` takes for a check that found nothing: no option can be an empty list."""
_TYPES: Final[dict[str, Any]] = {"number": float, "integer": int, "bool": bool, "strings": list[str]}


def _option(field: Field) -> Any:
    wanted = field.wanted if field.kind != "bool" else ""
    unit = f", {field.unit}" if field.unit and field.unit not in wanted else ""
    words = f"{field.meaning[0].upper()}{field.meaning[1:]}{unit}." + (f" Wanted: {wanted}." if wanted else "")
    words += {
        "strings": f" Once for each finding; `{_NOTHING_FOUND}`: checked, nothing found.",
        "time": " Default: now.",
    }.get(field.kind, "")
    return Annotated[_TYPES.get(field.kind, str) | None, typer.Option(help=words)]


def _value(name: str, value: Any) -> Any:
    if name == "details":
        try:
            return json.loads(value)
        except ValueError:
            step = "quote it for your shell, as in --details '{\"a\": 1}'"
            raise InvalidReport("details", "a JSON object", ascii(value)[:60], step) from None
    if name == "timestamp":
        try:
            return float(value)
        except ValueError:
            return value
    return [] if value == [_NOTHING_FOUND] else value


def _with_options(function: Callable[..., None]) -> Callable[..., None]:
    """``function`` with one option for every field of a report."""
    places = {
        "provider_id": typer.Argument(help="Id of the provider called.", autocompletion=complete_provider),
        "outcome": typer.Argument(help="What came of it: success, failure, timeout or error."),
    }
    annotations: dict[str, Any] = {name: Annotated[str, place] for name, place in places.items()}
    annotations |= {field.name: _option(field) for field in FIELDS if field.name not in places}
    annotations |= {"url": UrlOption, "as_json": JsonOption}
    defaults = dict.fromkeys(annotations) | {"as_json": False}
    parameters = [
        inspect.Parameter(
            name,
            inspect.Parameter.POSITIONAL_OR_KEYWORD,
            default=inspect.Parameter.empty if name in places else defaults[name],
            annotation=annotation,
        )
        for name, annotation in annotations.items()
    ]
    function.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    function.__annotations__ = annotations
    return function


@_with_options
def report(url: str | None, as_json: bool, **fields: Any) -> None:
    """Report what came of one call to a provider.

    It goes to the running server, else straight to Kafka, and counts once it is acknowledged.
    """
    given = {name: _value(name, value) for name, value in fields.items() if value is not None and value != []}

    async def run() -> ReportAnswer:
        async with answers_at(load_settings(url=url)) as answers:
            return await answers.report(given)

    answer = asyncio.run(run())
    emit(answer, as_json, lambda: Text(answer.summary))
