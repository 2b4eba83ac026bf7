"""What does not move although there is work: Faust agents are known to stall after rebalances.

Two things are looked at in each partition: how far was fetched, while the log goes on behind it, and the first chunk
that was handed over and is not committed. In recovery it is how far the changelogs were read. Whoever waits on purpose
(the lake is away, Kafka is, a flood of rejects) is not looked at.
"""

import os
import sys
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

import faust
import structlog

from streams.chunks import ChunkConsumer
from streams.fencing import Fence
from streams.tables import BookTable
from streams.telemetry import Telemetry

__all__ = ["RESTARTS", "Watchdog", "restart_in_place", "restarts", "work_of"]

log = structlog.get_logger()
RESTARTS: Final = "TRUSTSCORE_RESTARTS"
"""Variable in which a worker tells the one it becomes how often it restarted, and how often in a row."""
MOST_DOUBLINGS: Final = 6
COMMIT: Final = " to commit"
FETCH: Final = " to fetch"


@dataclass(slots=True)
class Watchdog:
    """Keeps since when each piece of work has not moved.

    Parameters
    ----------
    patience_s
        How long work may stand still.
    """

    patience_s: float
    has_seen_progress: bool = False
    """Whether anything was ever committed."""
    _since: dict[str, tuple[Hashable, float]] = field(default_factory=dict)

    def stalled(self, work: Mapping[str, Hashable], now_s: float) -> dict[str, float]:
        """What stands still for too long, with the seconds; ``work`` names how far each piece is that is not done.

        >>> dog = Watchdog(60)
        >>> [dog.stalled({"trust.reports-0": at}, now_s) for at, now_s in ((5, 0), (6, 59), (6, 118), (6, 119))]
        [{}, {}, {}, {'trust.reports-0': 60}]
        """
        before, self._since = self._since, {}
        self.has_seen_progress |= any(name.endswith(COMMIT) and work.get(name) != before[name][0] for name in before)
        for name, place in work.items():
            known, since_s = before.get(name, (None, now_s))
            self._since[name] = (place, since_s if known == place else now_s)
        still = {name: now_s - since_s for name, (_, since_s) in self._since.items()}
        return {name: seconds for name, seconds in still.items() if seconds >= self.patience_s}

    def rest(self) -> None:
        """Look away: the worker waits on purpose, or for the group."""
        self._since.clear()


def work_of(app: faust.App) -> dict[str, Hashable]:
    """How far the worker is in each partition that has work for it."""
    consumer, recovery = app.consumer, app.tables.recovery  # type: ignore[attr-defined]  # Faust's interface lacks it
    assert isinstance(consumer, ChunkConsumer)
    if app.rebalancing or not recovery.completed.is_set():
        tables = [table for table in app.tables.values() if isinstance(table, BookTable)]
        return {"recovery": tuple(table.progress() for table in tables)}
    work: dict[str, Hashable] = {}
    for tp in consumer.assignment():
        if tp.topic not in consumer.transport.chunked:
            continue
        handed_over = consumer._handed_over.get(tp)
        if handed_over:
            work[f"{tp.topic}-{tp.partition}{COMMIT}"] = handed_over[0]
        position, end = _fetched(consumer, tp)
        if end is not None and (position is None or position < end):
            work[f"{tp.topic}-{tp.partition}{FETCH}"] = position
    return work


def _fetched(consumer: ChunkConsumer, tp: Any) -> tuple[int | None, int | None]:
    """Offset that is fetched next, and the end of what may be read: an open transaction holds that back."""
    subscription = consumer._thread._ensure_consumer()._subscription.subscription
    assignment = None if subscription is None else subscription.assignment
    state = None if assignment is None else assignment.state_value(tp)
    if state is None:
        return None, None
    end = state.highwater if state.lso in (None, -1) else state.lso
    return state._position, end


def may_wait(telemetry: Telemetry, fence: Fence) -> bool:
    """Whether standing still has a reason that is told elsewhere, or is none of a stall."""
    return bool(telemetry.trouble) or not fence.holds()


# ---------------------------------------------------------------------------------------------------------- restarting
@dataclass(frozen=True, slots=True)
class Restarts:
    """How often this worker has begun anew in the same process."""

    total: int = 0
    in_a_row: int = 0
    """Without any progress between."""

    @property
    def patience_factor(self) -> int:
        """A restart that did not help doubles the patience: what is slow by itself must get through some day."""
        return 1 << min(self.in_a_row, MOST_DOUBLINGS)

    def next(self, progressed: bool) -> "Restarts":
        """After one more."""
        return Restarts(self.total + 1, 1 if progressed else self.in_a_row + 1)


def restarts(value: str | None) -> Restarts:
    """What the worker before said in its environment.

    >>> restarts("3,2"), restarts(None)
    (Restarts(total=3, in_a_row=2), Restarts(total=0, in_a_row=0))
    """
    return Restarts(*(int(number) for number in value.split(","))) if value else Restarts()


def restart_in_place(after: Restarts) -> NoReturn:
    """Become a new worker: same process id, arguments and environment, nothing else. Does not return."""
    os.environ[RESTARTS] = f"{after.total},{after.in_a_row}"
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
