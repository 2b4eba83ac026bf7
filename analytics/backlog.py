"""Reports that wait for a worker: whether the scores on the board hold what was reported by now.

Pure: no IO and no clock. ``backlog_watch.py`` fills it from Kafka.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Final

__all__ = ["Backlog", "Place", "Waiting"]

Place = tuple[str, int]
"""(topic, partition)."""
_MOST: Final = 512
"""Ends remembered of a partition: while nobody takes anything in, there is a new one every second."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """The place at which the oldest message waits."""

    topic: str
    partition: int
    offset: int
    """Of the first message that nobody has taken in."""
    since_s: float
    """When it was first seen there, epoch seconds."""


@dataclass(slots=True)
class _Partition:
    done: int = 0
    """Offset of the first message that is not taken in."""
    ends: deque[tuple[float, int]] = field(default_factory=deque)
    """(when it was first seen, end of the topic), for ends behind ``done``, in order."""
    apart_s: float = 0.0
    """Shortest time between two of them."""


class Backlog:
    """Since when the oldest message of each partition waits, as far as it was watched.

    Parameters
    ----------
    patience_s
        How long a message of a topic may wait, seconds, by topic: until then it is on its way.
    settle_s
        How long one that was overdue counts as such after it was taken in: the first score that holds an offset says
        so for its whole partition, and those of other providers follow it.
    """

    def __init__(self, patience_s: Mapping[str, float], settle_s: float = 0.0) -> None:
        self._patience_s, self._settle_s = patience_s, settle_s
        self._partitions: dict[Place, _Partition] = {}
        self._latest: tuple[float, Waiting] | None = None
        """(when it was last overdue, what)."""

    def saw(self, now_s: float, place: Place, end: int, done: int) -> None:
        """A partition ends at ``end``, and all before ``done`` is taken in.

        One that ends before where it ended is another one of the same name.
        """
        known = self._partitions.setdefault(place, _Partition())
        if known.ends and end < known.ends[-1][1]:
            known.ends.clear()
        known.done = done
        while known.ends and known.ends[0][1] <= done:
            known.ends.popleft()
        if not known.ends:
            known.apart_s = 0.0
        last_s, last = known.ends[-1] if known.ends else (-inf, done)
        if end > last and now_s - last_s >= known.apart_s:
            known.ends.append((now_s, end))
        if len(known.ends) > _MOST:  # a message before one left out seems to wait since the next
            known.ends = deque(list(known.ends)[::2])
            known.apart_s = 2 * max(1.0, known.apart_s)

    def empty(self, place: Place) -> None:
        """What waits at a place is no message: an aborted transaction, or the marker that ends one."""
        self._partitions[place].ends.clear()
        self._latest = None

    def overdue(self, now_s: float) -> Waiting | None:
        """The message that has waited longest beyond the patience with its topic; None: none has."""
        waiting = [
            Waiting(*place, known.done, known.ends[0][0])
            for place, known in self._partitions.items()
            if known.ends and now_s - known.ends[0][0] >= self._patience_s[place[0]]
        ]
        if waiting:
            self._latest = now_s, min(waiting, key=lambda one: one.since_s)
        elif self._latest and now_s - self._latest[0] >= self._settle_s:
            self._latest = None
        return self._latest and self._latest[1]
