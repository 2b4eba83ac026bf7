"""The worker's parts and how they hang together: every topic, table, agent and sink once, as a report walks."""

import asyncio
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import faust
from faust.types import TP, ProducerT

from streams.agents import FoldLoop, LakeLoop, ScoreLoop
from streams.chunks import ChunkConsumer, use_chunks
from streams.crash import crash_point
from streams.doubts import Doubts
from streams.fencing import Fence, keep_fence
from streams.memory import give_back_free
from streams.pace import BEHIND, Pause
from streams.recovery import OwnReading
from streams.rounds import Rounds, Wake
from streams.settings import WorkerSettings
from streams.sinks import LakeSinks
from streams.tables import BookTable
from streams.telemetry import Telemetry
from streams.topics import FOLD_TABLE, PANES, REJECTS, REPORTS, SCORE_TABLE, SCORES

__all__ = ["Parts", "build_app"]

LOOK_S: Final = 0.005
"""Seconds between two looks at who is to be scored, and from panes that came in to the next one: the messages of one
tick come together."""
SCORES_PAUSE: Final = Pause(LOOK_S, 2.0, times=1.0, busy_times=6.0)
"""Of the scores: half of the time is theirs while nothing waits, a seventh while folding keeps up. With a quarter, they
and what follows from them, in the lake and at the servers, kept reports waiting of which nobody had seen a score."""
PANES_TIMES: Final = 1.0
PANES_BUSY_TIMES: Final = 3.0
"""Of the panes: half of the time is theirs where a round takes long, on a slow machine or with many providers, and a
quarter while folding keeps up. More would delay what they tell."""
LINGER_S: Final = 0.0
"""For which a message waits for others to be sent with. What is to go together is handed over in one turn of the loop,
and a timer comes late in a busy one."""
BATCH_BYTES: Final = 1 << 19
"""Most bytes sent at once to a partition, below what a broker takes by default. A full batch is waited for until the
broker has answered the one before: with the usual 16 KiB that is every third score."""
MEMORY_PAUSE: Final = Pause(2.0, 10.0, times=100.0)
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
    fold = FoldLoop(
        settings, fold_table, panes, rejects, sinks, telemetry, clock, partial(committed_reports, app), doubts
    )
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

    async def give_back() -> None:
        await asyncio.to_thread(give_back_free)

    app.producer.buffer.max_messages = SEND_AHEAD

    flushes = Pause(settings.lake_flush_s, settings.lake_flush_s)
    every = Rounds(app, fence, telemetry, partial(waiting_reports, app, fold)).every
    every(Pause(settings.tick_s, 2.0, times=PANES_TIMES, busy_times=PANES_BUSY_TIMES), "panes", fold.tick)
    every(SCORES_PAUSE, "scores", score.tick, Wake(score.merged, LOOK_S, makes_up=True, quiet_s=score.quiet_s))
    every(flushes, "reports", fold.flush, Wake(fold.is_full))
    every(flushes, "state", score.flush)
    if lake:
        every(flushes, "lake", lake.flush)
    every(MEMORY_PAUSE, "memory", give_back)
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
        producer_linger=LINGER_S,
        producer_max_batch_size=BATCH_BYTES,
        producer_compression_type=settings.compression,
    )


def _table(app: faust.App, name: str, settings: WorkerSettings) -> BookTable:
    table = app.Table(name, partitions=settings.partitions, key_type=bytes, value_type=bytes)
    assert isinstance(table, BookTable)
    return table


def committed_reports(app: faust.App, partition: int) -> int:
    """Offset behind the last record of a partition of the report topic that is not read again."""
    consumer = app.consumer
    return consumer.committed(TP(REPORTS, partition)) if isinstance(consumer, ChunkConsumer) else 0


def waiting_reports(app: faust.App, fold: FoldLoop) -> int:
    """Reports that wait to be read, in the assigned partitions of the report topic and on their way to the fold.

    A partition of which the broker has not said yet counts as one that is far behind: at the start whoever would go
    first looks at all windows, which takes seconds with 10,000 providers, while nothing of a backlog is read.
    """
    consumer, waiting = app.consumer, 0
    if isinstance(consumer, ChunkConsumer):
        for tp in consumer.assignment():
            if tp.topic == REPORTS:
                lag = consumer.lag(tp)
                waiting += BEHIND + 1 if lag is None else fold.waiting(tp.partition, lag, consumer.highwater(tp) or 0)
    return waiting
