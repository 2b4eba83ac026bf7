"""A real service over a real lake and a live board, and a client of its app in this process; no sockets."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
from fastapi import FastAPI

from analytics.server import create_app
from analytics.service import Service
from analytics.settings import load_settings
from scoring.records import ScoreRecord
from tests.support.lake_maker import LakeMaker
from tests.support.small_answers import NOW_S, reports

__all__ = ["Clock", "client", "small_records", "small_service"]


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self, now_s: float = NOW_S) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


def small_records(root: Path) -> list[ScoreRecord]:
    """Scores of ``small_answers.reports`` at ``NOW_S``; their lake is ``root / "lake"``."""
    return LakeMaker(root / "lake").add(reports(), NOW_S)


def small_service(
    root: Path, records: Iterable[ScoreRecord] = (), *, live: bool = True, clock: Clock | None = None
) -> Service:
    """A service whose lake is ``root / "lake"``, with ``records`` on its board; never connected to a broker."""
    settings = load_settings(lake=str(root / "lake"), data_dir=root, broker="127.0.0.1:9", explore_share=0.0)
    service = Service(settings, clock or Clock())
    for record in records:
        service.board.put(record)
    if live:
        service.feed.state.contact_s, service.feed.state.is_caught_up = service.clock(), True
    return service


@asynccontextmanager
async def client(service: Service, app: FastAPI | None = None) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the service's app (made anew when not given); a crash inside is answered as a server would."""
    transport = httpx.ASGITransport(app or create_app(service), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as found:
        yield found
