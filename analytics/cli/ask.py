"""``trustscore check|rank|discover|explain|history``: the questions, put to a server or else to the lake."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer
from pydantic import BaseModel
from rich.console import RenderableType

from analytics.cli import tables
from analytics.cli.output import FAILED, JsonOption, emit
from analytics.cli.source import UrlOption, answers_at, complete_provider
from analytics.models import Bucket, CheckAnswer
from analytics.settings import load_settings

if TYPE_CHECKING:
    from analytics.answers import AnswersLike

__all__ = ["check", "discover", "explain", "history", "rank"]

_Answer = TypeVar("_Answer", bound=BaseModel)

ProviderArgument = Annotated[
    str, typer.Argument(metavar="PROVIDER_ID", help="Id as reported.", autocompletion=complete_provider)
]
TaskOption = Annotated[
    str | None, typer.Option("--task-type", "--task", help="Judge by reports of this kind of work only.")
]
RegionOption = Annotated[str | None, typer.Option(help="Judge by reports from this region only.")]


def check(
    provider_id: ProviderArgument,
    task_type: TaskOption = None,
    region: RegionOption = None,
    reporter_id: Annotated[
        str | None,
        typer.Option("--reporter-id", "--reporter", help="Who would call: adds what its next call may expect."),
    ] = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say how far one provider can be trusted now. Exit code 1: nobody knows it."""

    async def question(answers: "AnswersLike") -> CheckAnswer:
        return await answers.check(provider_id, task_type=task_type, region=region, reporter_id=reporter_id)

    answer = _ask(question, url, as_json, tables.check_view)
    if not answer.known:
        raise typer.Exit(FAILED)


def rank(
    provider_ids: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PROVIDER_ID]...", help="Ids to choose among; without one, all.", autocompletion=complete_provider
        ),
    ] = None,
    task_type: TaskOption = None,
    limit: Annotated[int, typer.Option(help="Places to show at most.")] = 10,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Order providers for a task, the safest choice first."""
    _ask(lambda answers: answers.rank(provider_ids, task_type=task_type, limit=limit), url, as_json, tables.rank_view)


def discover(
    text: Annotated[list[str] | None, typer.Argument(help="Words to look for.")] = None,
    task_type: TaskOption = None,
    category: Annotated[str | None, typer.Option(help="Only this category of the catalog.")] = None,
    limit: Annotated[int, typer.Option(help="Providers to show at most.")] = 20,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find providers by words, task type or category."""
    words = " ".join(text) if text else None
    _ask(
        lambda answers: answers.discover(words, task_type=task_type, category=category, limit=limit),
        url, as_json, tables.discover_view,
    )  # fmt: skip


def explain(
    provider_id: ProviderArgument,
    task_type: TaskOption = None,
    region: RegionOption = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show what a score is made of, part by part."""
    _ask(
        lambda answers: answers.explain(provider_id, task_type=task_type, region=region),
        url, as_json, tables.explain_view,
    )  # fmt: skip


def history(
    provider_id: ProviderArgument,
    bucket: Annotated[Bucket, typer.Option(help="Length of time of one row.")] = "hour",
    since: Annotated[str | None, typer.Option(help="RFC 3339 time with zone, or epoch seconds.")] = None,
    until: Annotated[str | None, typer.Option(help="RFC 3339 time with zone, or epoch seconds.")] = None,
    task_type: TaskOption = None,
    region: RegionOption = None,
    limit: Annotated[int, typer.Option(help="Rows to show at most, the newest ones.")] = 1_000,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show how a provider did over time, from the lake."""
    _ask(
        lambda answers: answers.history(
            provider_id, bucket=bucket, since=_moment(since), until=_moment(until), task_type=task_type, region=region,
            limit=limit,
        ),
        url, as_json, tables.history_view,
    )  # fmt: skip


def _ask(
    question: Callable[["AnswersLike"], Awaitable[_Answer]],
    url: str | None,
    as_json: bool,
    render: Callable[[_Answer], RenderableType],
) -> _Answer:
    async def run() -> _Answer:
        async with answers_at(load_settings(url=url)) as answers:
            return await question(answers)

    answer = asyncio.run(run())
    emit(answer, as_json, lambda: render(answer))
    return answer


def _moment(text: str | None) -> str | float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return text
