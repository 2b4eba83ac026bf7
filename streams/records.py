"""Records of one partition that follow one another, read where they stand: nobody makes an object of each.

A Python object for each record takes longer than to read what it says. Here a record is made when it is asked for, as
those are that cannot be used.
"""

import ctypes
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate
from typing import Any, Final, NamedTuple, Protocol, overload

import numpy as np
from numpy.typing import NDArray

from compiled.library import address_of, library, pointer
from scoring.arrays import Bools, Ints
from streams.places import Places, places_of

__all__ = ["ARROW_TYPE", "Record", "Run", "behind", "is_arrow", "joined", "of_batch", "run_of"]

ARROW_TYPE: Final = b"application/vnd.apache.arrow.stream"


class Record(Protocol):
    """One Kafka record, as aiokafka gives it."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


class Made(NamedTuple):
    """A record of a run."""

    offset: int
    timestamp: int
    value: bytes | None
    key: bytes | None
    headers: list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True, eq=False)
class Run(Sequence[Record]):
    """Records in ascending order of offset; a record itself is made when it is asked for."""

    offset: Ints
    """[N]"""
    time_ms: Ints
    """[N] when the broker took each, or what its producer says, by the topic."""
    values: Places
    is_arrow: Bools
    """[N] whether a header says that the value is an Arrow stream."""
    record: Callable[[int], Record]
    """The record at a place."""

    def __len__(self) -> int:
        return len(self.offset)

    @overload
    def __getitem__(self, at: int) -> Record: ...
    @overload
    def __getitem__(self, at: slice) -> "Run": ...
    def __getitem__(self, at: int | slice) -> "Record | Run":
        if isinstance(at, slice):
            first, _, step = at.indices(len(self))
            if step != 1:
                raise ValueError(f"a run is cut into stretches, not by steps of {step}")
            record = partial(_shifted, self.record, first)
            return Run(self.offset[at], self.time_ms[at], self.values.at(at), self.is_arrow[at], record)
        return self.record(range(len(self))[at])

    def value(self, at: int) -> bytes | None:
        """The value at a place."""
        return self.values.text(at)

    def with_offset(self, offset: int) -> Record:
        """The record with an offset, which must be in the run."""
        return self[int(np.searchsorted(self.offset, offset))]


def _shifted(record: Callable[[int], Record], by: int, at: int) -> Record:
    return record(by + at)


def run_of(records: Sequence[Record]) -> Run:
    """A run of records that are there already."""
    if isinstance(records, Run):
        return records
    return Run(
        np.array([record.offset for record in records], np.int64),
        np.array([record.timestamp for record in records], np.int64),
        places_of([record.value for record in records]),
        np.array([is_arrow(record) for record in records], np.bool_),
        records.__getitem__,
    )


def is_arrow(record: Record) -> bool:
    """Whether a record says that it is an Arrow stream."""
    return any(name.lower() == "content-type" and value == ARROW_TYPE for name, value in record.headers)


def of_batch(
    data: bytes, first: int, size: int, records: int, base_offset: int, first_ms: int, append_ms: int
) -> Run | None:
    """The records of a batch of Kafka's message format 2; ``None`` where there is no compiled part that reads them.

    Parameters
    ----------
    data
        Bytes, of which ``size`` from ``first`` on are what follows on the batch's header, uncompressed.
    records
        How many there are to be; where the bytes are not so many, ``None`` too.
    append_ms
        The broker's time for all of them, or -1 where each has its producer's.
    """
    compiled = library()
    if compiled is None or not 0 <= first <= first + size <= len(data) or not 0 <= records <= size:
        return None
    offset, time_ms, start, key = (np.empty(records, np.int64) for _ in range(4))
    length, is_arrow = np.empty(records, np.int32), np.empty(records, np.bool_)
    numbers = (address_of(data) + first, size, records, base_offset, first_ms, append_ms)
    wrong = compiled.trustscore_records(
        *map(ctypes.c_int64, numbers), ARROW_TYPE, pointer(offset), pointer(time_ms), pointer(start), pointer(length),
        pointer(key), pointer(is_arrow),
    )  # fmt: skip
    if wrong:
        return None
    values = Places((data,), start, length)
    return Run(offset, time_ms, values, is_arrow, partial(_made, offset, time_ms, values, key))


def _made(offset: Ints, time_ms: Ints, values: Places, key: Ints, at: int) -> Made:
    """A record of a batch that was found to be in order."""
    (data,) = values.held
    name, place = _bytes(data, int(key[at]) - address_of(data))
    value, place = _bytes(data, place)
    count, place = _varint(data, place)
    headers: list[tuple[str, Any]] = []
    for _ in range(count):
        header, place = _bytes(data, place)
        text, place = _bytes(data, place)
        headers.append(((header or b"").decode("utf-8", "replace"), text))
    return Made(int(offset[at]), int(time_ms[at]), value, name, headers)


def _bytes(data: bytes, at: int) -> tuple[bytes | None, int]:
    length, at = _varint(data, at)
    return (None, at) if length < 0 else (data[at : at + length], at + length)


def _varint(data: bytes, at: int) -> tuple[int, int]:
    raw = shift = 0
    while True:
        byte = data[at]
        raw |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return (raw >> 1) ^ -(raw & 1), at


def behind(run: Sequence[Any], offset: int) -> Sequence[Any]:
    """The records of a run that come after an offset."""
    if isinstance(run, Run):
        return run[int(np.searchsorted(run.offset, offset, side="right")) :]
    return [record for record in run if record.offset > offset]


def joined(runs: Iterable[Sequence[Record]]) -> Run:
    """Runs that follow one another, as one."""
    parts = [run_of(run) for run in runs]
    if len(parts) == 1:
        return parts[0]
    ends = list(accumulate(map(len, parts)))
    return Run(
        _concatenated([part.offset for part in parts], np.int64),
        _concatenated([part.time_ms for part in parts], np.int64),
        Places(
            tuple({id(text): text for part in parts for text in part.values.held}.values()),
            _concatenated([part.values.start for part in parts], np.int64),
            _concatenated([part.values.length for part in parts], np.int32),
        ),
        _concatenated([part.is_arrow for part in parts], np.bool_),
        partial(_of_parts, parts, ends),
    )


def _of_parts(parts: list[Run], ends: list[int], at: int) -> Record:
    part = bisect_right(ends, at)
    return parts[part].record(at - (ends[part - 1] if part else 0))


def _concatenated(parts: list[NDArray[Any]], kind: Any) -> NDArray[Any]:
    return np.concatenate(parts) if parts else np.empty(0, kind)
