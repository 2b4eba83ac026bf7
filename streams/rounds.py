"""The loops of a worker beside reading: round after round of one thing, with a rest between two."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from typing import Final

import faust
import structlog

from streams.fencing import Fence, NotMember
from streams.pace import BEHIND, BEHIND_S, BUSY, Pause
from streams.telemetry import Telemetry

__all__ = ["Rounds", "Wake"]

log = structlog.get_logger()
STEP_S: Final = 0.1
"""Seconds after which a loop that rests looks again at how many reports wait."""


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
    quiet_s: Callable[[], float] = float
    """For how long a round would find nothing to do, unless the event comes."""


class Rounds:
    """Loops of one worker, which go round while it holds its partitions.

    Parameters
    ----------
    app, fence, telemetry
        Of the worker.
    waiting
        How many reports wait to be folded.
    """

    def __init__(self, app: faust.App, fence: Fence, telemetry: Telemetry, waiting: Callable[[], int]) -> None:
        self._app, self._fence, self._telemetry, self._waiting = app, fence, telemetry, waiting

    def every(self, pause: Pause, part: str, act: Callable[[], Awaitable[None]], wake: Wake | None = None) -> None:
        """Run ``act`` again and again; a failure is said, kept as trouble of ``part`` and tried again.

        Its rest ends early when something wakes it, unless it failed the last time.
        """
        rest = _Rest(self._app, pause, self._waiting, wake)

        async def loop() -> None:
            took_s = 0.0
            while not self._app.should_stop:
                await rest.after(took_s, failed=part in self._telemetry.trouble)
                if wake is not None:
                    wake.event.clear()  # what it was for is dealt with now, or after a rest if nothing may be done yet
                if self._may_act():
                    started = time.perf_counter()
                    await self._tried(part, act)
                    took_s = time.perf_counter() - started

        loop.__name__ = f"every_{part}"
        self._app.task(loop)

    def _may_act(self) -> bool:
        app = self._app
        return self._telemetry.ready and self._fence.holds() and not app.rebalancing and not app.in_recovery

    async def _tried(self, part: str, act: Callable[[], Awaitable[None]]) -> None:
        telemetry = self._telemetry
        try:
            await act()
            telemetry.trouble.pop(part, None)
        except NotMember as refusal:  # told by the watch; what was refused is another worker's by now, or waits
            log.info("not_written", part=part, reason=str(refusal))
        except Exception as error:  # a loop's edge: told, counted, tried again
            if telemetry.trouble.get(part) != repr(error):  # told once, not at every try
                log.exception("step_failed", part=part)
            telemetry.trouble[part] = repr(error)
            telemetry.failures.labels(part).inc()


class _Rest:
    """The rests of one loop: each as long as is right for what waits while resting, and for the rests before it."""

    def __init__(self, app: faust.App, pause: Pause, waiting: Callable[[], int], wake: Wake | None) -> None:
        self._app, self._pause, self._waiting, self._wake = app, pause, waiting, wake
        self._owed_s = 0.0
        """Seconds that were cut off the rest before."""
        self._behind_s = -inf
        """When the worker was last seen to be far behind, where that is not worked off."""

    async def after(self, took_s: float, failed: bool) -> None:
        """Rest after a round that took ``took_s``.

        What waited at the start may be gone long before: the last reports of a backlog would wait for nothing. Who
        failed does not wait for a backlog, which may wait for what failed; nor does anything wake it.
        """
        started, rested_s, waiting, is_woken = time.perf_counter(), 0.0, 0, False
        owed_s, self._owed_s = self._owed_s, 0.0
        wake = None if failed else self._wake
        while not self._app.should_stop:
            waiting = self._waiting()
            was_behind = not failed and self._was_behind(waiting)
            usual_s = self._pause.after(took_s, waiting, was_behind)
            rest_s = usual_s + min(owed_s, usual_s) - rested_s  # nothing is owed once a backlog is worked off
            if rest_s <= 0:
                break
            step_s = min(rest_s, STEP_S) if waiting else rest_s
            if wake is None:
                await self._app.sleep(step_s)
            elif not is_woken:
                is_woken = await self._woken(wake, step_s)
            elif not wake.makes_up:
                break
            elif was_behind and waiting > BUSY:
                await self._app.sleep(step_s)
            elif rest_s > usual_s:
                await self._app.sleep(min(step_s, rest_s - usual_s))
            else:
                self._owed_s = rest_s
                break
            rested_s = time.perf_counter() - started
        if wake is not None and not is_woken and (quiet_s := wake.quiet_s()) > 0:
            await self._woken(wake, min(quiet_s, STEP_S))
        if failed or waiting <= BUSY:
            self._behind_s = -inf

    async def _woken(self, wake: Wake, within_s: float) -> bool:
        """Whether the event came within this time; what comes a little later is waited for, too."""
        with suppress(TimeoutError):
            await asyncio.wait_for(wake.event.wait(), within_s)
            if wake.after_s:
                await self._app.sleep(wake.after_s)
            return True
        return False

    def _was_behind(self, waiting: int) -> bool:
        """Whether a backlog is being worked off; at more reports a second than ``BUSY``, some may wait all the time."""
        now_s = time.perf_counter()
        if waiting > BEHIND:
            self._behind_s = now_s
        return now_s - self._behind_s < BEHIND_S
