"""Reports over a span of event time, as when a fleet's past is sent in after the fact: seeded, keyed by provider."""

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.support.load import templates
from benchmarks.support.reports import EVEN, Shape
from benchmarks.support.topics import PARTITIONS, Message
from scoring.book import KEEP_S

__all__ = ["HISTORY_S", "Timeline"]

HISTORY_S: Final = 89.9 * 86_400.0
"""What a worker takes: reports older than 90 days are rejects, and a run itself takes minutes."""
POOL: Final = 200_000
BLOCK: Final = 200_000


class Timeline:
    """``count`` reports whose event times ascend evenly from ``start_s`` to ``end_s``.

    Parameters
    ----------
    providers
        How many, drawn evenly; by default each has one task type and is called from three regions.
    count
        Reports.
    start_s, end_s
        First and last event time, epoch seconds.
    run
        Goes into every ``report_id``: two timelines of one run must differ in it.
    shape
        How many tasks and regions there are.
    partitions
        Of the topic.
    """

    def __init__(
        self,
        providers: int,
        count: int,
        start_s: float,
        end_s: float,
        run: str,
        shape: Shape = EVEN,
        partitions: int = PARTITIONS,
    ) -> None:
        self.count, self._start_s, self._end_s, self._run = count, start_s, end_s, run
        self._pool = templates(min(POOL, count), providers, shape, partitions)

    def messages(self) -> Iterator[Message]:
        """One JSON message a report."""
        size = len(self._pool)
        for first in range(0, self.count, BLOCK):
            times = self.times_s(first, min(first + BLOCK, self.count)).tolist()
            for number, time_s in enumerate(times, first):
                one = self._pool[number % size]
                yield one.partition, one.key, one.value(time_s, f"{self._run}-{number:x}")

    def times_s(self, first: int, end: int) -> NDArray[np.float64]:
        """Event times of the reports ``first`` up to ``end``, to the millisecond."""
        step_s = (self._end_s - self._start_s) / self.count
        return np.round(self._start_s + np.arange(first, end) * step_s, 3)

    def pane_rows(self, now_s: float) -> int:
        """Panes that one stage of a worker keeps of it: of provider, provider at its task, provider in each region.

        >>> Timeline(1, 1, 0.0, 9.0, "a").pane_rows(10.0)  # three entities, and a minute, an hour and a day of each
        9
        """
        providers = _numbered(one.key for one in self._pool)
        regions = _numbered(one.tail.partition(b'"region":"')[2].partition(b'"')[0] for one in self._pool)
        times, index = self.times_s(0, self.count), np.arange(self.count) % len(self._pool)
        rows = 0
        for length_s, kept_s in KEEP_S.items():
            shown = times >= now_s - kept_s
            pane, at = (times[shown] // length_s).astype(np.int64), index[shown]
            pane -= int(self._start_s // length_s)
            ours = pane * (int(providers.max()) + 1) + providers[at]
            in_region = ours * (int(regions.max()) + 1) + regions[at]
            rows += 2 * np.unique(ours).size + np.unique(in_region).size
        return rows


def _numbered(names: Iterable[bytes]) -> NDArray[np.int64]:
    """A number for each name, the same for the same."""
    return np.unique(list(names), return_inverse=True)[1].astype(np.int64)
