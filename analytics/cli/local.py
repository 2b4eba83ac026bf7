"""Answers without a server: scores from the lake, reports straight to Kafka."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from analytics.answers import Answers
from analytics.cli.output import quiet_logs
from analytics.errors import Unavailable
from analytics.service import Service
from analytics.settings import Settings

__all__ = ["lake_answers"]


@asynccontextmanager
async def lake_answers(settings: Settings, instead_of: str) -> AsyncIterator[Answers]:
    """Answers from the lake alone, marked stale; reports go to Kafka.

    Parameters
    ----------
    settings
        Where lake, catalog and broker are.
    instead_of
        Why no server was asked, for the sentence that is said when there is no lake either.
    """
    quiet_logs()
    service = Service(settings)  # never ``running``: without its feed, the views take Kafka for away and read the lake
    try:
        yield service.answers
    except Unavailable as error:
        if error.part not in ("scores", "lake"):
            raise
        reason = service.lake.problem or "the lake holds no score yet"
        step = "start a server with `trustscore up`, name one with --url, or set TRUSTSCORE_LAKE to a worker's lake"
        raise Unavailable("scores", f"{instead_of} and there is nothing to read instead: {reason}", step) from error
    finally:
        await service.producer.stop()
        service.lake.close()
