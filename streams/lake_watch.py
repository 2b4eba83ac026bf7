"""Whether the lake takes what it is given: since when not, how long a commit has been running, when to try again."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from streams.lake_faults import Fault, LakeUnwritable

__all__ = ["SLOW_S", "LakeWatch"]

SLOW_S: Final = 10.0
"""A commit that has been running for longer is worth a word in the health: 20 ms is usual."""
REST_S: Final = 5.0
"""Longest pause after a try that failed."""
_REST_PER_TRY: Final = 8
"""A try that failed after a second is followed by eight of rest: encoding a million rows in vain costs the folding."""


class LakeWatch:
    """What the commits of one worker came to, by part (``reports``, ``scores``). Threads may share it.

    Parameters
    ----------
    failed
        Told the kind of each failure.
    clock
        Seconds of a clock that never goes back.
    """

    def __init__(
        self, failed: Callable[[Fault], None] = lambda _: None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._failed, self._clock, self._lock = failed, clock, threading.Lock()
        self._began_s: dict[str, float] = {}
        self._down_s: dict[str, float] = {}
        self._rest: dict[str, tuple[float, LakeUnwritable]] = {}

    def check(self, part: str) -> None:
        """Return when a commit is worth trying.

        Raises
        ------
        LakeUnwritable
            The last one of that part, while it rests.
        """
        until_s, error = self._rest.get(part, (0.0, None))
        if error is not None and self._clock() < until_s:
            raise LakeUnwritable(error.table, error.place, error.fault, error.got, error.step)

    @contextmanager
    def commit(self, part: str) -> Iterator[None]:
        """Around a commit: notes how it ends. Refused without a try while the last one rests.

        Raises
        ------
        LakeUnwritable
            As ``check``, or from within.
        """
        self.check(part)
        began_s = self._clock()
        with self._lock:
            self._began_s[part] = began_s
        try:
            yield
        except LakeUnwritable as error:
            now_s = self._clock()
            with self._lock:
                self._down_s.setdefault(part, began_s)
                self._rest[part] = (now_s + min(REST_S, _REST_PER_TRY * (now_s - began_s)), error)
            self._failed(error.fault)
            raise
        else:
            with self._lock:
                self._down_s.pop(part, None)
                self._rest.pop(part, None)
        finally:
            with self._lock:
                self._began_s.pop(part, None)

    def down_s(self) -> float:
        """Seconds since the first commit of those that fail began; 0 while all are taken."""
        return self._since(self._down_s)

    def running_s(self) -> float:
        """Seconds that the oldest commit under way has taken so far; 0 without one."""
        return self._since(self._began_s)

    def trouble(self) -> dict[str, str]:
        """What is to be said of commits that do not end; of those that fail the loops tell."""
        took_s = self.running_s()
        if took_s < SLOW_S:
            return {}
        said = f"a commit has been running for {took_s:.0f} s; what is read meanwhile is kept: look at the storage"
        return {"lake_slow": said}

    def _since(self, moments: dict[str, float]) -> float:
        with self._lock:
            return max(0.0, self._clock() - min(moments.values())) if moments else 0.0
