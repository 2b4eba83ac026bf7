"""The parts of a server, put together once: catalog, lake, live view, feed, producer, answers."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version
from typing import Literal

from pydantic import BaseModel

from analytics.answers import Answers
from analytics.backlog_watch import BacklogWatch
from analytics.board import Board
from analytics.catalog import Catalog
from analytics.consumers import ended
from analytics.errors import Unavailable
from analytics.feed import ScoreFeed
from analytics.foresight import Foresight
from analytics.lake import Lake
from analytics.lake_access import LakeAccess, LakeStatus
from analytics.live import View, Views
from analytics.producer import ReportProducer
from analytics.reporters import ReporterBook
from analytics.settings import Settings

__all__ = ["BrokerState", "LakeState", "Readiness", "Service", "WorkerState"]


class BrokerState(BaseModel):
    """Connection to Kafka."""

    status: Literal["ok", "catching_up", "away"]
    address: str
    silence_s: float | None
    """Since it last answered; None: never."""
    lag: int | None
    """Offsets of trust.scores not yet on the board; None: unknown."""
    problem: str | None


class WorkerState(BaseModel):
    """Whether the workers are with the reports, as far as Kafka tells."""

    status: Literal["ok", "behind", "unknown"]
    waiting_s: float | None
    """How long a report has waited for a worker; None while none waits too long."""
    problem: str | None


class LakeState(BaseModel):
    """Access to the lake."""

    status: LakeStatus
    """missing: nothing is there yet, as before a worker's first write."""
    tables: dict[str, int]
    """Rows by table."""
    problem: str | None


class Readiness(BaseModel):
    """Whether questions can be answered: ready (live), degraded (from the lake or memory), unavailable."""

    status: Literal["ready", "degraded", "unavailable"]
    uptime_s: float
    version: str
    providers: int
    """On the board that answers."""
    broker: BrokerState
    workers: WorkerState
    lake: LakeState


class Service:
    """Everything behind the surfaces. Built without touching the network; ``running`` connects it.

    Parameters
    ----------
    settings
        Where broker, lake and catalog are.
    clock
        Epoch seconds of now.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.time) -> None:
        self.settings, self.clock = settings, clock
        self.version = _version()
        self.catalog = Catalog.open(settings.data_dir, settings.database_url)
        self.board = Board()
        self.feed = ScoreFeed(self.board, settings, clock)
        self.lake = LakeAccess(settings.lake)
        self.producer = ReportProducer(settings)
        self.backlog = BacklogWatch(self.board, settings, clock)
        self.views = Views(
            self.board, self.feed.state, self.lake, self._category, settings.away_s, lambda: self.backlog.overdue
        )
        self.foresight = Foresight(settings, self.lake, clock)
        self.reporters = ReporterBook(settings, self.lake, clock)
        self.answers = Answers(
            self.views, self.lake, self.catalog, self.producer, clock, settings.explore_share, self.foresight,
            self.reporters,
        )  # fmt: skip
        self.started_s = clock()

    @asynccontextmanager
    async def running(self, wait_s: float = 0.0) -> AsyncIterator["Service"]:
        """The service with its feed following Kafka, after at most ``wait_s`` of waiting for a first word from it."""
        self.started_s = self.clock()
        following = [
            asyncio.create_task(self.feed.run(), name="score-feed"),
            asyncio.create_task(self.backlog.run(), name="backlog-watch"),
        ]
        try:
            if wait_s > 0:
                await self.feed.wait_for_first_word(wait_s)
            async with self.foresight.listening(), self.reporters.listening():
                yield self
        finally:
            await ended(*following)
            await self.producer.stop()
            self.lake.close()

    async def readiness(self) -> Readiness:
        """State of every part at this moment."""
        now_s, feed, away_s = self.clock(), self.feed.state, self.settings.away_s
        view = await self._view(now_s)
        if feed.is_in_contact(now_s, away_s):
            broker: Literal["ok", "catching_up", "away"] = "ok" if feed.is_caught_up else "catching_up"
        else:
            broker = "away"
        return Readiness(
            status="unavailable" if view is None else "degraded" if view.origin.stale else "ready",
            uptime_s=now_s - self.started_s,
            version=self.version,
            providers=0 if view is None else view.board.provider_count,
            broker=BrokerState(
                status=broker,
                address=self.settings.broker,
                silence_s=None if feed.contact_s is None else now_s - feed.contact_s,
                lag=feed.lag,
                problem=feed.problem,
            ),
            workers=self._worker_state(now_s),
            lake=await self._lake_state(),
        )

    def _worker_state(self, now_s: float) -> WorkerState:
        waiting, problem = self.backlog.overdue, self.backlog.problem
        status: Literal["ok", "behind", "unknown"] = "unknown" if problem else "behind" if waiting else "ok"
        return WorkerState(status=status, waiting_s=now_s - waiting.since_s if waiting else None, problem=problem)

    async def _view(self, now_s: float) -> View | None:
        try:
            return await self.views.current(now_s)
        except Unavailable:
            return None

    async def _lake_state(self) -> LakeState:
        try:
            states = await self.lake.ask(Lake.states)
        except Unavailable:
            return LakeState(status=self.lake.status, tables={}, problem=self.lake.problem)
        return LakeState(status="ok", tables={state.name: state.rows for state in states}, problem=None)

    def _category(self, provider_id: str) -> str | None:
        entry = self.catalog.get(provider_id)
        return entry.category if entry else None


def _version() -> str:
    try:
        return version("trustscore")
    except PackageNotFoundError:
        return "0+source"
