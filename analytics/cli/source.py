"""Where the command line gets its answers: a running server, else the lake and Kafka themselves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Final

import typer

from analytics.settings import Settings, load_settings

if TYPE_CHECKING:  # it brings DuckDB, Delta and numpy, which a question to a server does not need
    from analytics.answers import AnswersLike

__all__ = ["UrlOption", "answers_at", "complete_provider"]

UrlOption = Annotated[
    str | None,
    typer.Option(
        help="Server to ask (or TRUSTSCORE_URL). Without one: the server of this machine if it runs, else the lake."
    ),
]
_COMPLETIONS: Final = 50


@asynccontextmanager
async def answers_at(settings: Settings) -> AsyncIterator["AnswersLike"]:
    """The answers of the server that ``settings`` names, of this machine's if it runs, else of the lake."""
    from analytics.cli.remote import RemoteAnswers, is_answering

    url = settings.url or None
    host = f"[{settings.http_host}]" if ":" in settings.http_host else settings.http_host
    here = f"http://{host}:{settings.http_port}"
    if url is None and await is_answering(here):
        url = here
    if url is not None:
        async with RemoteAnswers(url) as remote:
            yield remote
    else:
        from analytics.cli.local import lake_answers

        async with lake_answers(settings, f"no server answers at {here}") as local:
            yield local


def complete_provider(incomplete: str) -> list[str]:
    """Ids of the catalog that start with what was typed."""
    from analytics.catalog import Catalog, CatalogError

    settings = load_settings()
    try:
        entries = Catalog.open(settings.data_dir, settings.database_url).all()
    except CatalogError:  # a shell that completes is no place to speak of a broken database
        return []
    return [entry.provider_id for entry in entries if entry.provider_id.startswith(incomplete)][:_COMPLETIONS]
