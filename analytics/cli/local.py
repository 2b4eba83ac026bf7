"""Answers without a server: scores from the lake, reports straight to Kafka."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from analytics.answers import Answers
from analytics.board import Board
from analytics.catalog import Catalog
from analytics.cli.output import quiet_logs
from analytics.errors import Unavailable
from analytics.feed import FeedState
from analytics.lake_access import LakeAccess
from analytics.live import Views
from analytics.producer import ReportProducer
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
    lake, producer = LakeAccess(settings.lake), ReportProducer(settings)
    catalog = Catalog.open(settings.data_dir, settings.database_url)

    def category_of(provider_id: str) -> str | None:
        entry = catalog.get(provider_id)
        return entry.category if entry else None

    # A feed that never ran: the views take Kafka for away and read the lake.
    views = Views(Board(), FeedState(), lake, category_of, settings.away_s)
    try:
        yield Answers(views, lake, catalog, producer, time.time, settings.explore_share)
    except Unavailable as error:
        if error.part not in ("scores", "lake"):
            raise
        reason = lake.problem or "the lake holds no score yet"
        step = "start a server with `trustscore up`, name one with --url, or set TRUSTSCORE_LAKE to a worker's lake"
        raise Unavailable("scores", f"{instead_of} and there is nothing to read instead: {reason}", step) from error
    finally:
        await producer.stop()
        lake.close()
