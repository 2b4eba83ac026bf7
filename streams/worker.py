"""``python -m streams.worker``, the one module here that acts: reads the environment, starts, stops cleanly."""

import streams.allocators  # noqa: F401  # before any library that reads what it says
from streams.unneeded import leave_out

if __name__ == "__main__":
    leave_out("pandas")  # pyarrow loads it where it is installed: 64 MiB, and half a second of the start

# isort: split
import asyncio
import gc
import logging
import os
import shutil
import signal
import sys
import threading
import time
from typing import Final

import structlog
from faust.tables.recovery import Recovery
from pydantic import ValidationError

from compiled.library import library
from streams.app import Parts, build_app
from streams.chunks import ChunkConsumer
from streams.crash import VARIABLE, arm
from streams.fencing import NotMember
from streams.memory import give_back_large
from streams.settings import PREFIX, WorkerSettings
from streams.telemetry import serve
from streams.topics import ensure_topics
from streams.watchdog import RESTARTS, Restarts, Watchdog, may_wait, restart_in_place, restarts, work_of

__all__ = ["main"]

log = structlog.get_logger()
STOP_S: Final = 15.0
"""Longest time for the last flush, and again for leaving the group."""
LAST_SCORES_S: Final = STOP_S / 5
"""Of it, what may go into scores. 10,000 providers with their facets take longer; the next owner scores all anyway."""
LOOK_S: Final = 0.2


def main() -> int:
    """Run a worker until SIGINT or SIGTERM; exit code 0, or 1 after a failure, 2 for bad settings."""
    give_back_large()
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("faust.topics").setLevel(logging.ERROR)  # a line for each message, with its bytes; the loops tell
    logging.getLogger("mode.timers").setLevel(logging.ERROR)  # "Timer commit is overlapping" under load
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    try:
        settings = WorkerSettings()
    except ValidationError as error:
        for fault in error.errors():
            name = PREFIX + "_".join(str(part) for part in fault["loc"]).upper()
            log.error("bad_setting", name=name, wanted=fault["msg"], got=fault["input"])
        return 2
    try:
        arm(os.environ.get(VARIABLE))
    except ValueError as fault_of_place:
        log.error("bad_setting", name=VARIABLE, wanted=str(fault_of_place), got=os.environ[VARIABLE])
        return 2
    _calm_collector()
    ended = asyncio.run(_run(settings, restarts(os.environ.get(RESTARTS))))
    return restart_in_place(ended) if isinstance(ended, Restarts) else ended


async def _run(settings: WorkerSettings, before: Restarts) -> int | Restarts:
    """Exit code; or, after a stall, what the next worker in this process is to know."""
    await ensure_topics(settings)
    parts = build_app(settings)
    parts.telemetry.restarts.inc(before.total)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    web = serve(parts.telemetry, settings.worker_host, settings.worker_port) if settings.worker_port else None
    log.info("worker_starting", broker=settings.broker, lake=settings.lake or None, group=settings.application_id)
    starting = asyncio.create_task(parts.app.start())  # never done where the broker goes away meanwhile
    starting.add_done_callback(lambda task: stop.set() if task.exception() else None)
    watch = asyncio.create_task(_watch(parts, settings.stall_s, before))
    watch.add_done_callback(lambda task: stop.set())
    await stop.wait()
    again = watch.result() if watch.done() else None
    watch.cancel()
    code = await _stop(parts, starting, again)
    if web:
        web.shutdown()
    ended = code if again is None else again
    _end_within(STOP_S, ended)
    return ended


def _end_within(seconds: float, ended: int | Restarts) -> None:
    """See to it that the process ends: asyncio waits for ever for a task that does not let itself be cancelled."""

    def end() -> None:
        log.error("stop_took_too_long", step="tasks", seconds=seconds)
        if isinstance(ended, Restarts):
            restart_in_place(ended)
        os._exit(ended)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()


async def _watch(parts: Parts, stall_s: float, before: Restarts) -> Restarts | None:
    """Say when the worker is ready; keep the lag; end when it cannot go on, or stands still."""
    dog, lapses = Watchdog(stall_s * before.patience_factor), 0
    while True:
        await asyncio.sleep(LOOK_S)
        app, telemetry = parts.app, parts.telemetry
        if _failure(parts):
            return None
        recovery: Recovery = app.tables.recovery  # type: ignore[attr-defined]  # Faust's interface leaves it out
        recovered = recovery.completed.is_set() and not app.rebalancing
        if recovered and not telemetry.ready:
            _calm_collector()
            telemetry.ready = True
            log.info("worker_ready", partitions=len(app.consumer.assignment()), compiled=library() is not None)
        if recovered:
            _measure_lag(parts)
        lapses = _tell_membership(parts, recovered, lapses)
        if may_wait(telemetry, parts.fence):
            dog.rest()
        elif stalled := dog.stalled(work_of(app), time.monotonic()):
            log.error("worker_stalled", seconds=stalled, restarts=before.total, next="it restarts by itself")
            return before.next(dog.has_seen_progress)


def _tell_membership(parts: Parts, recovered: bool, lapses: int) -> int:
    """Say that the worker has stopped writing because the group is silent; how often that was so far."""
    fence, telemetry = parts.fence, parts.telemetry
    if not recovered or fence.holds():  # in a rebalance nobody writes
        telemetry.trouble.pop("group", None)
    elif "group" not in telemetry.trouble:
        telemetry.trouble["group"] = str(NotMember(fence.silent_s, fence.session_s))
        log.warning("membership_unsure", reason=telemetry.trouble["group"])
    telemetry.lapses.inc(fence.lapses - lapses)
    return fence.lapses


def _failure(parts: Parts) -> BaseException | None:
    """Why the worker cannot go on."""
    refusals = [table.refusal for table in parts.tables if table.refusal]
    if refusals or parts.fold.flood:
        return refusals[0] if refusals else parts.fold.flood
    return parts.app.crash_reason if parts.app.crashed else None


def _calm_collector() -> None:
    """Let the garbage collector look rarely, and never again at what is there: most of it is libraries.

    Done before the start and when all is there: a collection that looks at everything stops a worker for .3 s, just
    when it has begun to read.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)


def _measure_lag(parts: Parts) -> None:
    consumer = parts.app.consumer
    assert isinstance(consumer, ChunkConsumer)
    lags = {(tp.topic, str(tp.partition)): consumer.lag(tp) for tp in consumer.assignment()}
    parts.telemetry.tell_lag({place: lag for place, lag in lags.items() if lag is not None})


async def _stop(parts: Parts, starting: asyncio.Task[None], again: Restarts | None) -> int:
    """Flush what was read, commit it, leave the group.

    Without its broker a step may never end, not even when cancelled. Then the process does, or begins anew: what was
    not flushed is read again at the next start.
    """
    failure = _failure(parts)
    if starting.done() and starting.exception():
        failure = starting.exception()
    for act in (_last_flush, _leave):
        step = asyncio.create_task(act(parts))
        done, _ = await asyncio.wait([step], timeout=STOP_S)
        if not done:
            log.error("stop_took_too_long", step=act.__name__.strip("_"), seconds=STOP_S)
            if again:
                restart_in_place(again)
            os._exit(1)
        if error := step.exception():
            failure = failure or error
            log.error("stop_failed", step=act.__name__.strip("_"), exc_info=error)
    if failure is not None:
        log.error("worker_failed", reason=str(failure) or repr(failure))
        return 1
    log.info("worker_stopped")
    return 0


async def _last_flush(parts: Parts) -> None:
    if _failure(parts) or not parts.telemetry.ready:
        return
    if not parts.fence.holds():
        log.warning("not_flushed", reason="the group may have gone on without this worker")
        return
    parts.telemetry.ready = False  # the loops pause, and nothing is sent behind the last flush
    try:
        await parts.fold.flush()
        await parts.score.finish(LAST_SCORES_S)
        await parts.score.flush()
        if parts.lake:
            await parts.lake.flush()
    except NotMember as refusal:  # a rebalance began meanwhile: whoever gets the partitions reads it again
        log.warning("not_flushed", reason=str(refusal))
        return
    await parts.app.consumer.commit()


async def _leave(parts: Parts) -> None:
    await parts.app.stop()
    shutil.rmtree(parts.app.conf.datadir, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
