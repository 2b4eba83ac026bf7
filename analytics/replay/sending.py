"""Sending reports at the pace of their own time, or as fast as Kafka takes them."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from analytics.errors import InvalidRequest
from analytics.replay.errors import NotAcknowledged
from analytics.replay.publisher import Publisher

__all__ = ["Sent", "check_all_acknowledged", "due", "parse_speed", "send"]

TICK_S: Final = 0.25
"""Reports of this much wall time leave together."""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a replay has done so far."""

    read: int
    acknowledged: int
    first_s: float | None
    """Event time of the first report, epoch seconds; None before it."""
    last_s: float | None
    """Latest event time."""
    elapsed_s: float

    def then(self, later: "Sent") -> "Sent":
        """Both, one after the other."""
        return Sent(
            self.read + later.read,
            self.acknowledged + later.acknowledged,
            later.first_s if self.first_s is None else self.first_s,
            self.last_s if later.last_s is None else later.last_s,
            self.elapsed_s + later.elapsed_s,
        )


def parse_speed(text: str) -> float | None:
    """Seconds of event time per second; None: as fast as possible.

    Examples
    --------
    >>> parse_speed("max"), parse_speed("10x"), parse_speed("0.5")
    (None, 10.0, 0.5)
    """
    if text == "max":
        return None
    try:
        speed = float(text.lower().removesuffix("x").removesuffix("×"))
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise InvalidRequest("--speed", "max or a number above 0, such as 10x", repr(text), "correct it")
    return speed


def due(reports: list[dict[str, Any]], first_s: float, speed: float) -> Iterator[tuple[float, list[dict[str, Any]]]]:
    """Runs of reports that leave together, each with its moment in seconds after the start.

    Examples
    --------
    >>> [(at_s, len(run)) for at_s, run in due([{"timestamp": t} for t in (0.0, 1.0, 100.0)], 0.0, 100.0)]
    [(0.25, 2), (1.25, 1)]
    """

    def tick(report: dict[str, Any]) -> int:
        return int((report["timestamp"] - first_s) / speed // TICK_S) + 1

    for number, run in itertools.groupby(reports, tick):
        yield number * TICK_S, list(run)


async def send(
    chunks: Iterable[list[dict[str, Any]]],
    publisher: Publisher,
    speed: float | None = None,
    first_s: float | None = None,
    late_s: float = 0.0,
    progress: Callable[[Sent], None] = lambda sent: None,
    stop: asyncio.Event | None = None,
) -> Sent:
    """What was sent, once Kafka has acknowledged it or failed to.

    Parameters
    ----------
    chunks
        Reports in event time.
    publisher
        Started.
    speed
        Seconds of event time per second; None: as fast as possible.
    first_s
        Event time that belongs to the start; default the first report's.
    late_s
        How long ago the start was: what was due since leaves at once.
    progress
        Called after each run of reports.
    stop
        Once set, no further run leaves; what has left is still waited for.
    """
    stop = stop or asyncio.Event()
    started_s = time.monotonic() - late_s
    read, before, latest_s, origin_s = 0, publisher.acknowledged, None, first_s

    def so_far() -> Sent:
        return Sent(read, publisher.acknowledged - before, origin_s, latest_s, time.monotonic() - started_s)

    for chunk in chunks:
        if not chunk:
            continue
        origin_s = chunk[0]["timestamp"] if origin_s is None else origin_s
        for at_s, run in [(0.0, chunk)] if speed is None else due(chunk, origin_s, speed):
            await _sleep(started_s + at_s - time.monotonic(), stop)
            if stop.is_set():
                break
            await publisher.publish(run)
            if speed is not None:
                await publisher.flush()
            read += len(run)
            newest_s = max(report["timestamp"] for report in run)
            latest_s = newest_s if latest_s is None else max(latest_s, newest_s)
            progress(so_far())
        if stop.is_set():
            break
    await publisher.flush()
    progress(so_far())
    return so_far()


async def _sleep(seconds: float, stop: asyncio.Event) -> None:
    """Let others run, and wait that long unless ``stop`` is set before."""
    if seconds <= 0:
        await asyncio.sleep(0)
        return
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


def check_all_acknowledged(sent: Sent, publisher: Publisher) -> None:
    """Raise ``NotAcknowledged`` unless Kafka confirmed every report that was read."""
    if sent.acknowledged != sent.read:
        raise NotAcknowledged(publisher.broker, sent.read, sent.acknowledged, publisher.fault or "no reason given")
