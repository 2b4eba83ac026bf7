"""What lies on the topic before a run: reports of one shape, as a broker holds them after some time.

Event times ascend over ten minutes, each behind the moment it was sent by a few seconds (exponential, mean 2 s), one in
a hundred by up to ten minutes. Every report has an id of its own. The same load gives the same reports to all who read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

import numpy as np
from aiokafka.partitioner import murmur2

from benchmarks.peers.peer import Totals
from benchmarks.support.reports import AGO_S, ARROW_ROWS, POOL, Shape, reports
from benchmarks.support.topics import PARTITIONS, Message

__all__ = ["Backlog", "event_times", "partition_of"]

DELAY_S: Final = 2.0
LATE: Final = 0.01
LATE_S: Final = 600.0


def partition_of(key: bytes, partitions: int = PARTITIONS) -> int:
    """Where Kafka's own clients put a key."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)


def event_times(count: int, of: tuple[int, int], now_s: float, rng: np.random.Generator, *, ordered: bool) -> Any:
    """Epoch seconds, to the millisecond, of reports ``of[0]`` up to ``of[1]`` of ``count``, sent until ``now_s``."""
    number = of[1] - of[0]
    if not ordered:
        return np.round(now_s - rng.random(number) * AGO_S, 3)
    sent_s = now_s - AGO_S * (1.0 - np.arange(of[0] + 1, of[1] + 1) / count)
    behind_s = np.where(rng.random(number) < LATE, rng.random(number) * LATE_S, rng.exponential(DELAY_S, number))
    return np.round(sent_s - behind_s, 3)


@dataclass(frozen=True, slots=True)
class _Row:
    """One report of the pool, ready to be given a time and an id."""

    template: bytes
    key: bytes | None
    partition: int | None


class Backlog:
    """The messages of one shape.

    Parameters
    ----------
    shape
        Who reports about whom.
    count
        Reports in all.
    now_s
        When the last one was sent, epoch seconds.
    seed
        Same seed, same reports.
    """

    def __init__(self, shape: Shape, count: int, now_s: float, seed: int = 1) -> None:
        self.shape, self.count, self._now_s, self._seed = shape, count, now_s, seed
        self._pool = reports(min(POOL, count), shape.providers, now_s, seed, shape)

    def totals(self, count: int | None = None) -> Totals:
        """Sums over the first ``count`` reports (all of them when not given)."""
        wanted = self.count if count is None else count
        rounds, rest = divmod(wanted, len(self._pool))
        whole, part = _sums(self._pool), _sums(self._pool[:rest])
        return Totals(wanted, *(rounds * every + some for every, some in zip(whole, part, strict=True)))

    def json_messages(self, count: int | None = None) -> Iterator[Message]:
        """One message a report; the first ``count`` of the backlog."""
        rows = [self._row(report) for report in self._pool]
        for first, last, times in self._blocks(count):
            for number, time_s, row in zip(range(first, last), times.tolist(), rows, strict=False):
                yield row.partition, row.key, row.template % (time_s, number)

    def arrow_messages(self) -> Iterator[Message]:
        """One message, without key, for every 500 reports."""
        import pyarrow as pa

        pool = pa.Table.from_pylist(self._pool)
        for first, last, times in self._blocks(None):
            for at in range(0, last - first, ARROW_ROWS):
                rows = min(ARROW_ROWS, last - first - at)
                ids = pa.array([f"{number:08x}" for number in range(first + at, first + at + rows)])
                yield None, None, _arrow(pool.slice(at, rows), times[at : at + rows], ids)

    def _blocks(self, count: int | None) -> Iterator[tuple[int, int, Any]]:
        """First and past-the-last number, and the event times, of every turn through the pool."""
        end = self.count if count is None else count
        for first in range(0, end, len(self._pool)):
            full = min(first + len(self._pool), self.count)
            rng = np.random.default_rng((self._seed, first))
            times = event_times(self.count, (first, full), self._now_s, rng, ordered=self.shape.ordered)
            yield first, min(full, end), times[: min(full, end) - first]

    def _row(self, report: dict[str, Any]) -> _Row:
        key = str(report["provider_id"]).encode()
        if not self.shape.is_keyed(report["provider_id"]):
            return _Row(_template(report), None, None)
        return _Row(_template(report), key, partition_of(key))


def _template(report: dict[str, Any]) -> bytes:
    from analytics.replay.wire import as_json

    escaped = as_json({**report, "timestamp": 0.125, "report_id": "?"}).replace(b"%", b"%%")
    timed = escaped.replace(b'"timestamp":0.125', b'"timestamp":%.3f')
    return timed.replace(b'"report_id":"?"', b'"report_id":"%08x"')


def _sums(rows: Sequence[dict[str, Any]]) -> tuple[int, int]:
    successes = sum(row["outcome"] == "success" for row in rows)
    return successes, sum(round(row["latency_ms"] * 1_000) for row in rows)


def _arrow(table: Any, times: Any, ids: Any) -> bytes:
    import pyarrow as pa

    for name, column in (("timestamp", pa.array(times)), ("report_id", ids)):
        table = table.set_column(table.schema.get_field_index(name), name, column)
    sink = BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()
