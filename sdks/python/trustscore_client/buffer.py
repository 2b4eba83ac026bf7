"""Reports on their way out: the one place where the agent's threads and the sender meet.

Every critical section is a few operations long, and the lock is re-entrant, so that a report made by a signal handler
or a finalizer in the middle of another one does not deadlock.
"""

import sys
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

from trustscore_client.stats import Stats

__all__ = ["Bounds", "Buffer"]

_NOBODY_WAITS: Final = sys.maxsize
_FLUSHING_PAUSE_S: Final = 0.25
"""While somebody waits in ``flush``, a longer pause between attempts would eat their time."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may wait and how much is sent at once; bytes are of memory, about."""

    max_reports: int = 50_000
    max_bytes: int = 32 * 1024 * 1024
    batch_reports: int = 1_000
    batch_bytes: int = 2 * 1024 * 1024
    linger_s: float = 0.005
    """How long the first report of a batch waits for company."""


class Buffer:
    """A bounded first-in-first-out queue that drops its oldest when full, and counts what became of each report.

    A batch under way is outside the bounds: at most ``batch_reports`` more are held.
    """

    def __init__(self, bounds: Bounds) -> None:
        self._bounds = bounds
        self._waiting: deque[tuple[int, dict[str, Any]]] = deque()
        self._waiting_bytes = 0
        self._under_way = 0
        self._under_way_first = 0  # place in the order of queueing, from 0
        self._queued = self._sent = self._dropped = self._failed = self._invalid = 0
        self._last_error = ""
        self._flushing = 0
        self._closed = self._abandoned = False
        self._sender_wants = _NOBODY_WAITS
        lock = threading.RLock()
        self._lock = lock
        self._something_to_do = threading.Condition(lock)
        self._settled = threading.Condition(lock)

    @property
    def stats(self) -> Stats:
        with self._lock:
            pending = len(self._waiting) + self._under_way
            return Stats(
                self._queued, self._sent, self._dropped, self._failed, self._invalid, pending, self._last_error
            )

    def put(self, weight: int, report: dict[str, Any]) -> bool:
        """Queue a report, dropping the oldest when that is too many; False after ``close``."""
        with self._lock:
            self._queued += 1
            if self._closed:
                self._dropped += 1
                return False
            waiting = self._waiting
            waiting.append((weight, report))
            self._waiting_bytes += weight
            while len(waiting) > self._bounds.max_reports or self._waiting_bytes > self._bounds.max_bytes:
                self._waiting_bytes -= waiting.popleft()[0]
                self._dropped += 1
            if len(waiting) >= self._sender_wants:
                self._sender_wants = _NOBODY_WAITS
                self._something_to_do.notify()
            return True

    def turn_away(self, error: str) -> None:
        """Count a report that was not fit to be queued."""
        with self._lock:
            self._invalid += 1
            self._last_error = error

    def take(self) -> list[dict[str, Any]]:
        """The next batch, once it is full or has waited long enough; empty when closed and drained, or abandoned."""
        with self._lock:
            while not self._waiting and not self._closed:
                self._await_reports(1, None)
            gives_up_s = time.monotonic() + self._bounds.linger_s
            while not self._is_batch() and (left_s := gives_up_s - time.monotonic()) > 0:
                self._await_reports(self._bounds.batch_reports, left_s)
            self._sender_wants = _NOBODY_WAITS
            if self._abandoned:
                return []
            self._under_way_first = self._queued - len(self._waiting)
            batch: list[dict[str, Any]] = []
            batch_bytes = 0
            while self._waiting and len(batch) < self._bounds.batch_reports and batch_bytes < self._bounds.batch_bytes:
                weight, report = self._waiting.popleft()
                batch_bytes += weight
                batch.append(report)
            self._waiting_bytes -= batch_bytes
            self._under_way = len(batch)
            return batch

    def settle(self, *, sent: int = 0, failed: int = 0, dropped: int = 0, error: str = "") -> None:
        """Count what became of reports of the batch under way."""
        with self._lock:
            self._under_way -= sent + failed + dropped
            self._sent += sent
            self._failed += failed
            self._dropped += dropped
            self._last_error = error or self._last_error
            self._settled.notify_all()

    def pause(self, seconds: float) -> bool:
        """Wait before the next attempt, shorter when somebody flushes; False when there shall be none."""
        with self._lock:
            if not self._abandoned:
                self._something_to_do.wait(min(seconds, _FLUSHING_PAUSE_S) if self._flushing else seconds)
            return not self._abandoned

    def flush(self, timeout_s: float) -> bool:
        """Wait until every report queued before this call is settled; False when time ran out."""
        with self._lock:
            through = self._queued
            self._flushing += 1
            self._something_to_do.notify()
            try:
                return self._settled.wait_for(lambda: self._abandoned or self._is_through(through), timeout_s)
            finally:
                self._flushing -= 1

    def close(self) -> None:
        """Take no more reports; what waits can still be taken and sent."""
        with self._lock:
            self._closed = True
            self._something_to_do.notify_all()

    def abandon(self) -> int:
        """Drop what waits and let the sender stop after its present attempt; how many reports were left."""
        with self._lock:
            self._closed = self._abandoned = True
            left = len(self._waiting) + self._under_way
            self._dropped += len(self._waiting)
            self._waiting.clear()
            self._waiting_bytes = 0
            self._something_to_do.notify_all()
            self._settled.notify_all()
            return left

    def _await_reports(self, count: int, timeout_s: float | None) -> None:
        self._sender_wants = count
        self._something_to_do.wait(timeout_s)

    def _is_batch(self) -> bool:
        full = len(self._waiting) >= self._bounds.batch_reports or self._waiting_bytes >= self._bounds.batch_bytes
        return full or self._closed or self._flushing > 0

    def _is_through(self, count: int) -> bool:
        """Whether none of the first ``count`` reports queued is waiting or under way."""
        under_way = self._under_way > 0 and self._under_way_first < count
        return not under_way and (not self._waiting or self._queued - len(self._waiting) >= count)
