"""The background thread's work: batches from the buffer to the link, again and again until they are settled."""

import itertools
import logging
import random
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from trustscore_client.buffer import Buffer
from trustscore_client.transports.protocol import Delivery, Link, Transport

__all__ = ["Retry", "Sender"]

log = logging.getLogger("trustscore_client")


@dataclass(frozen=True, slots=True)
class Retry:
    """The pauses between attempts: doubling, with jitter, without end (the buffer's bound is what gives up)."""

    first_s: float = 0.1
    longest_s: float = 30.0

    def pause_s(self, attempt: int, jitter: float, asked_s: float | None = None) -> float:
        """Seconds to wait after failed attempt number ``attempt`` (from 0); ``jitter`` in [0, 1) takes up to half off.

        What the other side asked for is kept to, up to ten minutes.

        >>> [Retry().pause_s(attempt, 0.0) for attempt in (0, 1, 2, 20)]
        [0.1, 0.2, 0.4, 30.0]
        """
        if asked_s is not None:
            return min(asked_s, 600.0)
        return float(min(self.first_s * 2 ** min(attempt, 30), self.longest_s)) * (1 - jitter / 2)


class Sender:
    """Takes batches, completes their reports, sends them and says once when that stops or starts working."""

    def __init__(self, buffer: Buffer, transport: Transport, defaults: Mapping[str, Any], retry: Retry) -> None:
        self._buffer = buffer
        self._transport = transport
        self._defaults = dict(defaults)
        self._retry = retry
        self._jitter = random.Random()
        self._link: Link | None = None
        self._in_trouble = False
        self._said_refused = self._said_dropped = False
        # 16 hex digits of a random number name this process's run, the count goes on from there.
        self._run, self._count = uuid.uuid4().hex[:16], itertools.count()

    def run(self) -> None:
        """Work until the buffer is closed and empty, or abandoned."""
        while batch := self._buffer.take():
            self._say_dropped()
            self._deliver([self._completed(report) for report in batch])
        self._hang_up()

    def _completed(self, report: dict[str, Any]) -> dict[str, Any]:
        return {"report_id": f"{self._run}-{next(self._count):x}", **self._defaults, **report}

    def _deliver(self, left: list[dict[str, Any]]) -> None:
        for attempt in itertools.count():
            delivery = self._attempt(left)
            failed, unsent = len(delivery.refused), len(delivery.unsent)
            self._say(delivery, len(left))
            self._buffer.settle(sent=len(left) - failed - unsent, failed=failed, error=delivery.error)
            if not unsent:
                return
            left = [left[place] for place in delivery.unsent]
            if not self._buffer.pause(self._retry.pause_s(attempt, self._jitter.random(), delivery.retry_after_s)):
                self._buffer.settle(dropped=len(left))
                return

    def _attempt(self, batch: Sequence[Mapping[str, Any]]) -> Delivery:
        try:
            if self._link is None:
                self._link = self._transport.connect()
            return self._link.send(batch)
        except Exception as error:  # noqa: BLE001 - the thread's edge: whatever a link raises, the agent lives on
            self._hang_up()
            return Delivery(unsent=tuple(range(len(batch))), error=f"{type(error).__name__}: {error}")

    def _hang_up(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            try:
                link.close()
            except Exception as error:  # noqa: BLE001 - a link that cannot even be closed is left behind
                log.debug("closing the link failed: %s", error)

    def _say(self, delivery: Delivery, count: int) -> None:
        if delivery.unsent and not self._in_trouble:
            log.warning(
                "%d reports could not be sent and wait for another attempt: %s", len(delivery.unsent), delivery.error
            )
        elif self._in_trouble and not delivery.unsent:
            log.warning("reports are sent again")
        self._in_trouble = bool(delivery.unsent)
        if delivery.refused and not self._said_refused:
            self._said_refused = True
            log.warning(
                "%d of %d reports were refused and are not sent again (further refusals are only counted in stats): %s",
                len(delivery.refused), count, delivery.error,
            )  # fmt: skip

    def _say_dropped(self) -> None:
        dropped = self._buffer.stats.dropped
        if dropped and not self._said_dropped:
            self._said_dropped = True
            log.warning(
                "the buffer was full: the %d oldest reports were dropped (further ones are only counted)", dropped
            )
