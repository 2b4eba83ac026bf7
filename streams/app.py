"""The worker's parts and how they hang together: every topic, table, agent and sink once, as a report walks."""

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from math import inf
from typing import Final, NamedTuple

import faust
import structlog
from faust.types import TP, ProducerT

from streams.agents import FoldLoop, LakeLoop, ScoreLoop
from streams.chunks import ChunkConsumer, use_chunks
from streams.crash import crash_point
from streams.doubts import Doubts
from streams.fencing import Fence, NotMember, keep_fence
from streams.memory import give_back_free
from streams.pace import BEHIND, BEHIND_S, BUSY, Pause
from streams.recovery import OwnReading
from streams.settings import WorkerSettings
from streams.sinks import LakeSinks
from streams.tables import BookTable
from streams.telemetry import Telemetry
from streams.topics import FOLD_TABLE, PANES, REJECTS, REPORTS, SCORE_TABLE, SCORES

__all__ = ["Parts", "build_app"]

log = structlog.get_logger()
LOOK_S: Final = 0.005
"""Seconds between two looks at who is to be scored, and from panes that came in to the next one: the messages of one
tick come together."""
SCORES_PAUSE: Final = Pause(LOOK_S, 2.0, times=1.0, busy_times=6.0)
"""Of the scores: half of the time is theirs while nothing waits, a seventh while folding keeps up. With a quarter, they
and what follows from them, in the lake and at the servers, kept reports waiting of which nobody had seen a score."""
PANES_REST: Final = 3.0
"""Rest between two rounds of the panes, beside what one takes, where that is more than ``tick_s``: a quarter of the
time is theirs. Where they take long, on a slow machine or with many providers, more would delay what they tell."""
BATCH_BYTES: Final = 1 << 19
"""Most bytes sent at once to a partition, below what a broker takes by default. A full batch is waited for until the
broker has answered the one before: with the usual 16 KiB that is every third score."""
REST_STEP_S: Final = 0.1
"""Seconds after which a loop that rests looks again at how many reports wait."""
GIVE_BACK_PAUSE: Final = Pause(2.0, 10.0, times=100.0)
"""Of giving back memory that nothing holds any more: a hundredth of the time, since the loop waits meanwhile. Scores
take theirs from ever new places between what is held: 30 MiB a second after the past of 10,000 providers, where 10 MiB
are in use at a time."""
SEND_AHEAD: Final = 100_000
"""Messages Faust may hold for sending; every one is waited for by the flush that sent it."""


class App(faust.App):
    """A Faust app that sends without a detour."""

    async def maybe_start_producer(self) -> ProducerT:
        """The producer, started.

        Faust's own lets all other tasks go first, three times for every message sent: a hundred scores took 0.3 to 1 s.
        """
        producer = self.producer
        if not producer.started:
            await super().maybe_start_producer()
        return producer


@dataclass(frozen=True, slots=True)
class Parts:
    """What ``build_app`` made."""

    app: faust.App
    fold: FoldLoop
    score: ScoreLoop
    lake: LakeLoop | None
    telemetry: Telemetry
    fence: Fence
    tables: tuple[BookTable, ...]


def build_app(settings: WorkerSettings, clock: Callable[[], float] = time.time) -> Parts:
    """A Faust app that turns ``trust.reports`` into ``trust.scores`` and the lake. Its topics must exist."""
    telemetry = Telemetry()
    app = _faust_app(settings)
    reports, panes, scores, rejects = (
        app.topic(name, key_serializer="raw", value_serializer="raw") for name in (REPORTS, PANES, SCORES, REJECTS)
    )
    fence = Fence(settings.session_timeout_s)
    tables = fold_table, score_table = [_table(app, name, settings) for name in (FOLD_TABLE, SCORE_TABLE)]
    for table in tables:
        table.fence, table.telemetry = fence, telemetry
    sinks = LakeSinks(settings.lake, REPORTS, SCORES, telemetry.lake) if settings.lake else None

    doubts = Doubts(settings) if settings.weigh_reporters else None
    if doubts is not None:
        app.task(doubts.run)
    fold = FoldLoop(settings, fold_table, panes, rejects, sinks, telemetry, clock, doubts)
    score = ScoreLoop(
        settings, score_table, scores, telemetry, clock, lambda number: app.consumer.highwater(TP(PANES, number))
    )
    score_table.prepare = score.prepare
    lake = LakeLoop(sinks) if sinks else None

    app.agent(reports, name="fold")(fold.run)  # type: ignore[arg-type]  # Faust hands over a Stream
    app.agent(panes, name="score")(score.run)  # type: ignore[arg-type]
    if lake:
        app.agent(scores, name="lake")(lake.run)  # type: ignore[arg-type]
    revoked = [fold.revoked, score.revoked, *([lake.revoked] if lake else []), *[table.revoked for table in tables]]
    use_chunks(app, [REPORTS, PANES, SCORES], [*revoked, lambda _: crash_point("rebalance")], columnar=[REPORTS])
    keep_fence(app, fence, settings.request_timeout_s)

    async def hold_and_score() -> None:
        score.hold(tp.partition for tp in app.consumer.assignment() if tp.topic == PANES)
        await score.tick()

    async def give_back() -> None:
        await asyncio.to_thread(give_back_free)

    app.producer.buffer.max_messages = SEND_AHEAD

    flush_s = Pause(settings.lake_flush_s, settings.lake_flush_s)
    every = partial(_every, app, fence, telemetry)
    every(Pause(settings.tick_s, 2.0, times=PANES_REST), "panes", fold.tick)
    every(SCORES_PAUSE, "scores", hold_and_score, Wake(score.merged, after_s=LOOK_S, makes_up=True))
    every(flush_s, "reports", fold.flush, Wake(fold.is_full))
    every(flush_s, "state", score.flush)
    if lake:
        every(flush_s, "lake", lake.flush)
    every(GIVE_BACK_PAUSE, "memory", give_back)
    return Parts(app, fold, score, lake, telemetry, fence, tuple(tables))


def _faust_app(settings: WorkerSettings) -> faust.App:
    return App(
        settings.application_id,
        broker=[f"kafka://{address}" for address in settings.broker.split(",")],
        Table=BookTable,
        TableManager=OwnReading,
        table_standby_replicas=0,
        store="memory://",
        datadir=tempfile.mkdtemp(prefix="trustscore-worker-"),
        key_serializer="raw",
        value_serializer="raw",
        web_enabled=False,
        topic_disable_leader=True,
        topic_allow_declare=False,
        stream_wait_empty=False,
        broker_max_poll_records=settings.poll_records,
        broker_commit_interval=1.0,
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=settings.session_timeout_s / 3,
        broker_request_timeout=settings.request_timeout_s,
        consumer_max_fetch_size=8 << 20,
        consumer_auto_offset_reset="earliest",
        producer_max_request_size=16 << 20,
        producer_linger=0.005,
        producer_max_batch_size=BATCH_BYTES,
        producer_compression_type=settings.compression,
    )


def _table(app: faust.App, name: str, settings: WorkerSettings) -> BookTable:
    table = app.Table(name, partitions=settings.partitions, key_type=bytes, value_type=bytes)
    assert isinstance(table, BookTable)
    return table


def waiting_reports(app: faust.App) -> int:
    """Reports that wait in the assigned partitions of the report topic.

    A partition of which the broker has not said yet counts as one that is far behind: at the start whoever would go
    first looks at all windows, which takes seconds with 10,000 providers, while nothing of a backlog is read.
    """
    consumer = app.consumer
    if not isinstance(consumer, ChunkConsumer):
        return 0
    lags = [consumer.lag(tp) for tp in consumer.assignment() if tp.topic == REPORTS]
    return sum(BEHIND + 1 if lag is None else lag for lag in lags)


def _every(
    app: faust.App,
    fence: Fence,
    telemetry: Telemetry,
    pause: Pause,
    part: str,
    act: Callable[[], Awaitable[None]],
    wake: "Wake | None" = None,
) -> None:
    """Run ``act`` again and again while the worker holds its partitions; a failure is said and tried again.

    Its rest ends early when something wakes it, unless it failed the last time.
    """

    async def loop() -> None:
        took_s, rested = 0.0, Rested()
        while not app.should_stop:
            failed = part in telemetry.trouble
            rested = await _rest(app, pause, took_s, rested, None if failed else wake, failed)
            if wake is not None:
                wake.event.clear()  # what it was for is dealt with now, or after a rest if nothing may be done yet
            if app.rebalancing or app.in_recovery or not telemetry.ready or not fence.holds():
                continue
            started = time.perf_counter()
            try:
                await act()
                telemetry.trouble.pop(part, None)
            except asyncio.CancelledError:
                raise
            except NotMember as refusal:  # told by the watch; what was refused is another worker's by now, or waits
                log.info("not_written", part=part, reason=str(refusal))
            except Exception as error:  # a loop's edge: told, counted, tried again
                if telemetry.trouble.get(part) != repr(error):  # told once, not at every try
                    log.exception("step_failed", part=part)
                telemetry.trouble[part] = repr(error)
                telemetry.failures.labels(part).inc()
            took_s = time.perf_counter() - started

    loop.__name__ = f"every_{part}"
    app.task(loop)


@dataclass(frozen=True, slots=True)
class Wake:
    """What ends a rest early."""

    event: asyncio.Event
    after_s: float = 0.0
    """How long after it, so that what comes together is dealt with together."""
    makes_up: bool = False
    """Whether the next rest is longer by what was cut off this one, so that the loop takes no more time. No more is
    owed than the length of a rest: who is woken sooner goes on resting until it is that. Nor does it end a rest while
    what was far behind is worked off."""


class Rested(NamedTuple):
    """What a rest leaves to the next one."""

    owed_s: float = 0.0
    """Seconds that were cut off it."""
    behind_s: float = -inf
    """When the worker was last seen to be far behind, where that is not worked off."""


async def _rest(app: faust.App, pause: Pause, took_s: float, before: Rested, wake: Wake | None, failed: bool) -> Rested:
    """Rest after a round that took ``took_s``, for as long as is right for what waits while resting.

    What waited at the start may be gone long before: the last reports of a backlog would wait for nothing. Who failed
    does not wait for a backlog, which may wait for what failed.
    """
    started, rested_s, is_woken = time.perf_counter(), 0.0, False
    owed_s, behind_s, waiting = before.owed_s, -inf if failed else before.behind_s, 0
    while not app.should_stop:
        waiting = waiting_reports(app)
        if waiting > BEHIND and not failed:
            behind_s = time.perf_counter()
        was_behind = time.perf_counter() - behind_s < BEHIND_S  # more reports a second than BUSY may wait all the time
        usual_s = pause.after(took_s, waiting, was_behind)
        rest_s = usual_s + min(owed_s, usual_s) - rested_s  # what was owed far behind is not, once that is worked off
        if rest_s <= 0:
            break
        step_s = min(rest_s, REST_STEP_S) if waiting else rest_s
        if wake is None:
            await app.sleep(step_s)
        elif not is_woken:
            with suppress(TimeoutError):
                is_woken = await asyncio.wait_for(wake.event.wait(), step_s)
            if is_woken and wake.after_s:
                await app.sleep(wake.after_s)
        elif not wake.makes_up:
            break
        elif was_behind and waiting > BUSY:
            await app.sleep(step_s)
        elif rest_s > usual_s:
            await app.sleep(min(step_s, rest_s - usual_s))
        else:
            return Rested(rest_s)
        rested_s = time.perf_counter() - started
    return Rested(0.0, behind_s if waiting > BUSY else -inf)
