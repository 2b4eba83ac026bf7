"""A partition's log of reports with ids; which of them count, said plainly; and a reader of it that can crash."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from streams.id_codec import entries, restored, settled
from streams.steps.duplicates import BUCKETS, Seen, bucket_ms_of, counted

__all__ = ["Message", "Reader", "counts", "first_of_each", "key_of"]

PARTITION = 3
SECRET = bytes(range(32))


class Message(NamedTuple):
    """One record of the log."""

    received_ms: int
    ids: list[int]
    """Of its reports; an Arrow message holds many."""


def key_of(number: int) -> int:
    """A key as a hash gives them: spread over 64 bits."""
    return (number + 1) * 0x9E3779B97F4A7C15 % 2**64


def counts(log: Sequence[Message], window_s: float) -> list[list[bool]]:
    """Whether each report of each message counts: one after the other, everything remembered for ever."""
    bucket_ms = bucket_ms_of(window_s)
    before: dict[int, list[int]] = {}
    answer = []
    for message in log:
        bucket, row = message.received_ms // bucket_ms, []
        for number in message.ids:
            near = any(bucket - BUCKETS <= other for other in before.get(number, ()))
            row.append(not near)
            if not near:
                before.setdefault(number, []).append(bucket)
        answer.append(row)
    return answer


def first_of_each(reports: pa.Table, window_s: float) -> pa.Table:
    """The reports of one partition that count, in order of offset and row, said as plainly as ``counts``."""
    ordered = reports.sort_by([("offset", "ascending"), ("row", "ascending")])
    names = ("provider_id", "reporter_id", "report_id")
    ids = list(zip(*(ordered[name].to_pylist() for name in names), strict=True))
    numbers = {one: number for number, one in enumerate(dict.fromkeys(ids))}
    received_ms = (ordered["received_at"].cast(pa.int64()).to_numpy() // 1_000).tolist()
    log = [
        Message(at_ms, [numbers[one]] if one[-1] is not None else [])
        for at_ms, one in zip(received_ms, ids, strict=True)
    ]
    return ordered.filter(pa.array([row != [False] for row in counts(log, window_s)], pa.bool_()))


@dataclass
class Reader:
    """Reads a log by chunks, writes what it has seen to a changelog, acknowledges, crashes, and reads it back."""

    log: Sequence[Message]
    window_s: float
    table: dict[bytes, bytes] = field(default_factory=dict)
    """What the changelog holds."""
    said: dict[int, set[tuple[bool, ...]]] = field(default_factory=dict)
    """By offset, every answer that was ever given."""
    acknowledged: int = 0
    read: int = 0
    term: int = 0

    def __post_init__(self) -> None:
        self.seen = self._start()

    def _start(self) -> Seen:
        self.read = self.acknowledged
        self.term += 1
        return restored(self.table, PARTITION, self.window_s, SECRET)

    def chunk(self, n: int) -> None:
        """The next ``n`` messages."""
        messages = self.log[self.read : self.read + n]
        lengths = [len(message.ids) for message in messages]
        offset = np.repeat(np.arange(self.read, self.read + len(messages)), lengths)
        received_ms = np.repeat(np.array([message.received_ms for message in messages], np.int64), lengths)
        keys = np.array([key_of(number) for message in messages for number in message.ids], np.uint64)
        fresh = counted(self.seen, keys, offset, received_ms)
        for at in range(self.read, self.read + len(messages)):
            self.said.setdefault(at, set()).add(tuple(fresh[offset == at].tolist()))
        self.read += len(messages)

    def flush(self, meanwhile: int, takes: int | None) -> None:
        """Write what is new, reading ``meanwhile`` more messages; crash behind ``takes`` entries."""
        through = self.read
        if through == self.acknowledged:
            return
        made = self.made()
        self.chunk(meanwhile)
        self.write(made if takes is None else made[:takes])
        if takes is not None and takes < len(made):
            self.crash()
            return
        settled(self.seen)
        self.acknowledged = through

    def fail(self, takes: int) -> None:
        """A flush of which the changelog takes some entries only; the worker lives on."""
        if self.read > self.acknowledged:
            self.write(self.made()[:takes])

    def made(self) -> list[tuple[bytes, bytes | None]]:
        """What a flush writes now."""
        return entries(self.seen, PARTITION, self.log[self.acknowledged].received_ms, self.term)

    def write(self, made: Sequence[tuple[bytes, bytes | None]]) -> None:
        """What the changelog takes."""
        for name, value in made:
            if value is None:
                self.table.pop(name, None)
            else:
                self.table[name] = value

    def crash(self) -> None:
        """``kill -9`` and a new start behind what was acknowledged."""
        self.seen = self._start()

    def rebalance(self) -> None:
        """The partition stays: what was seen is kept, and what was not acknowledged comes again, in another term."""
        self.read = self.acknowledged
        self.term += 1

    def finish(self) -> None:
        """Read the rest and flush."""
        self.chunk(len(self.log))
        self.flush(0, None)
