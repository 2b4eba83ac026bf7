"""``python -m streams.worker``, the one module here that acts: reads the environment, starts, stops cleanly."""

import asyncio
import gc
import logging
import os
import shutil
import signal
import sys
from typing import Final

import structlog
from faust.tables.recovery import Recovery
from pydantic import ValidationError

from streams.app import Parts, build_app
from streams.chunks import ChunkConsumer
from streams.settings import PREFIX, WorkerSettings
from streams.telemetry import serve
from streams.topics import ensure_topics

__all__ = ["main"]

log = structlog.get_logger()
STOP_S: Final = 15.0
"""Longest time for the last flush, and again for leaving the group."""


def main() -> int:
    """Run a worker until SIGINT or SIGTERM; exit code 0, or 1 after a failure, 2 for bad settings."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("mode.timers").setLevel(logging.ERROR)  # "Timer commit is overlapping" under load
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        settings = WorkerSettings()
    except ValidationError as error:
        for fault in error.errors():
            name = PREFIX + "_".join(str(part) for part in fault["loc"]).upper()
            log.error("bad_setting", name=name, wanted=fault["msg"], got=fault["input"])
        return 2
    return asyncio.run(_run(settings))


async def _run(settings: WorkerSettings) -> int:
    await ensure_topics(settings)
    parts = build_app(settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    web = serve(parts.telemetry, settings.worker_host, settings.worker_port) if settings.worker_port else None
    log.info("worker_starting", broker=settings.broker, lake=settings.lake or None, group=settings.application_id)
    starting = asyncio.create_task(parts.app.start())  # never done where the broker goes away meanwhile
    starting.add_done_callback(lambda task: stop.set() if task.exception() else None)
    watch = asyncio.create_task(_watch(parts, stop))
    await stop.wait()
    watch.cancel()
    code = await _stop(parts, starting)
    if web:
        web.shutdown()
    return code


async def _watch(parts: Parts, stop: asyncio.Event) -> None:
    """Say when the worker is ready; keep the lag; stop when it cannot go on."""
    while True:
        await asyncio.sleep(0.2)
        app = parts.app
        if parts.fold.flood or app.crashed:
            stop.set()
            return
        recovery: Recovery = app.tables.recovery  # type: ignore[attr-defined]  # Faust's interface leaves it out
        recovered = recovery.completed.is_set() and not app.rebalancing
        if recovered and not parts.telemetry.ready:
            _calm_collector()
            parts.telemetry.ready = True
            log.info("worker_ready", partitions=len(app.consumer.assignment()))
        if recovered:
            _measure_lag(parts)


def _calm_collector() -> None:
    """Let the garbage collector look rarely: a chunk is 20,000 tracked records that die without it.

    Looking after every 700 of them, as Python does by default, took a third of the interpreter's time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 20, 20)


def _measure_lag(parts: Parts) -> None:
    consumer = parts.app.consumer
    assert isinstance(consumer, ChunkConsumer)
    for tp in consumer.assignment():
        lag = consumer.lag(tp)
        if lag is not None:
            parts.telemetry.lag.labels(tp.topic, str(tp.partition)).set(lag)


async def _stop(parts: Parts, starting: asyncio.Task[None]) -> int:
    """Flush what was read, commit it, leave the group.

    Without its broker a step may never end, not even when cancelled. Then the process does: what was not flushed is
    read again at the next start.
    """
    failure = parts.app.crash_reason if parts.app.crashed else parts.fold.flood
    if starting.done() and starting.exception():
        failure = starting.exception()
    for act in (_last_flush, _leave):
        step = asyncio.create_task(act(parts))
        done, _ = await asyncio.wait([step], timeout=STOP_S)
        if not done:
            log.error("stop_took_too_long", step=act.__name__.strip("_"), seconds=STOP_S)
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
    if parts.app.crashed or not parts.telemetry.ready:
        return
    parts.telemetry.ready = False  # the loops pause, and nothing is sent behind the last flush
    for flush in (parts.fold.flush, parts.score.tick, parts.score.flush, *([parts.lake.flush] if parts.lake else [])):
        await flush()
    await parts.app.consumer.commit()


async def _leave(parts: Parts) -> None:
    await parts.app.stop()
    shutil.rmtree(parts.app.conf.datadir, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
