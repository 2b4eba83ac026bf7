"""Fetched records taken a batch at a time, those of reports without an object for each.

aiokafka makes two objects of a record on the way out, at 1.7 µs; that is half of what a report may cost here. This is
its ``Fetcher.fetched_records`` for whole batches, read where they stand. It uses private parts of aiokafka 0.14, which
``tests/unit/streams/test_runs.py`` holds against the public way.
"""

import asyncio
import ctypes
import time
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from aiokafka import codec
from aiokafka.consumer import fetcher as aiokafka_fetcher
from aiokafka.consumer.fetcher import READ_COMMITTED, Fetcher, FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.memory_records import MemoryRecords
from faust.types import TP

from compiled.library import address_of, library
from streams.records import Run, behind, joined, of_batch

__all__ = ["ISOLATION", "KeptRecords", "fetched_runs", "records_in", "take"]

ISOLATION: Final = "read_committed"
"""Reports of a transaction count once it is committed, those of an aborted one never."""
_LENGTH_AT, _AFTER_LENGTH, _CRC_AT, _AFTER_CRC, _COUNT_AT, _HEADER = 8, 12, 17, 21, 57, 61
"""Places in a batch of message format 2: its length, what that counts, its checksum, of what that is, how many records
there are, the records."""
_FORMAT: Final = 2
_UNPACKED: Final = {
    1: codec.gzip_decode,
    2: codec.snappy_decode,
    3: codec.lz4_decode,
    4: codec.zstd_decode,
}


class KeptRecords(MemoryRecords):
    """Batches of a fetch, and their bytes."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.data = data
        self.place = 0
        """Where the next batch begins."""

    def pass_batch(self) -> int:
        """Where the batch begins that ``next_batch`` gives next; goes on to the one behind it."""
        begin = self.place
        length = int.from_bytes(self.data[begin + _LENGTH_AT : begin + _AFTER_LENGTH], "big")
        self.place = begin + _AFTER_LENGTH + length
        return begin


aiokafka_fetcher.MemoryRecords = KeptRecords  # it keeps the bytes out of reach; other readers get what they got


async def fetched_runs(
    fetcher: Fetcher,
    partitions: Collection[TP] | None,
    chunked: Collection[str],
    timeout_s: float,
    most: int,
    columnar: Collection[str] = (),
) -> dict[TP, Sequence[Any]]:
    """Records by partition, as soon as there are any, at the latest after ``timeout_s``.

    Parameters
    ----------
    fetcher
        Of a started consumer.
    partitions
        Those to read; ``None`` for all.
    chunked
        Topics whose records come as parsed; those of others come as ``ConsumerRecord``.
    timeout_s
        Longest time to wait.
    most
        Records after which no further batch is taken.
    columnar
        Those of ``chunked`` whose records come as a ``Run`` where the compiled part can read them.
    """
    deadline_s = time.monotonic() + timeout_s
    while True:
        if fetcher._subscriptions.reassignment_in_progress:
            await fetcher._subscriptions.wait_for_assignment()
        runs = _drained(fetcher, partitions, chunked, most, columnar)
        left_s = deadline_s - time.monotonic()
        if runs or left_s <= 0:
            return runs
        waiter = fetcher._create_fetch_waiter()
        done, _ = await asyncio.wait([waiter], timeout=left_s)
        if not done or fetcher._closed:
            waiter.cancel()
            return {}
        waiter.result()  # raises where reading is not allowed


def _drained(
    fetcher: Fetcher,
    partitions: Collection[TP] | None,
    chunked: Collection[str],
    most: int,
    columnar: Collection[str],
) -> dict[TP, Sequence[Any]]:
    runs: dict[TP, Sequence[Any]] = {}
    for tp, result in list(fetcher._records.items()):
        if partitions and tp not in partitions:
            if not fetcher._subscriptions.is_assigned(tp):
                del fetcher._records[tp]
            continue
        if type(result) is not FetchResult:
            if runs:  # an error is raised by the next call
                return runs
            _let_go(fetcher, tp)
            result.check_raise()
            continue
        run = take(result, most, tp.topic in columnar) if tp.topic in chunked else result.getall(most)
        if not result.has_more():
            _let_go(fetcher, tp)
        if run:
            runs[tp] = run
            most -= len(run)
            if most <= 0:
                break
    return runs


def _let_go(fetcher: Fetcher, tp: TP) -> None:
    """Of what was fetched of a partition, so that more of it is fetched."""
    del fetcher._records[tp]
    fetcher._notify(fetcher._wait_consume_future)


def take(result: FetchResult, most: int, is_columnar: bool = False) -> Sequence[Any]:
    """Records of the next batches, until they are ``most`` or more; none when the partition has left or was sought."""
    if not result.has_more() or not result.check_assignment(result._topic_partition):
        return []
    batches: list[Sequence[Any]] = []
    taken = 0
    for batch in _batches(result._partition_records, is_columnar):
        batches.append(batch)
        taken += len(batch)
        if taken >= most:
            break
    result._update_position()
    if not result._partition_records._records.has_next():
        # Records and iterator hold one another. The collector looks rarely, and a worker grew by 100 MB a minute.
        result._partition_records._records_iterator = None
        result._partition_records = None
    return joined(batches) if is_columnar and batches else [record for batch in batches for record in batch]


def _batches(given: PartitionRecords, is_columnar: bool) -> Iterator[Sequence[Any]]:
    """Records of each batch that a reader may see, from the offset that was asked for."""
    while given._records.has_next():
        records: KeptRecords = given._records
        begin = records.pass_batch()
        batch = records.next_batch()
        if given._check_crcs and not _is_intact(batch, records, begin):
            raise CorruptRecordException(f"Invalid CRC - {given._tp}")
        asked = given.next_fetch_offset
        given.next_fetch_offset = max(asked, batch.next_offset)
        if _is_hidden(given, batch):
            continue
        run = _run_of(batch, records, begin) if is_columnar else None
        found = list(batch) if run is None else run
        yield found if batch.base_offset >= asked else behind(found, asked - 1)


def records_in(fetched: bytes) -> Run:
    """All records of some batches, for measurements: without a partition, and without regard to transactions."""
    records, runs = KeptRecords(fetched), []
    while records.has_next():
        begin = records.pass_batch()
        batch = records.next_batch()
        if not _is_intact(batch, records, begin):
            raise CorruptRecordException("Invalid CRC")
        run = _run_of(batch, records, begin)
        runs.append(list(batch) if run is None else run)
    return joined(runs)


def _is_intact(batch: Any, records: KeptRecords, begin: int) -> bool:
    """Whether a batch is what its checksum says; aiokafka's own look takes four times as long, and Python's lock."""
    compiled = library()
    if compiled is not None and batch.magic == _FORMAT:
        size = ctypes.c_int64(records.place - begin - _AFTER_CRC)
        found = compiled.trustscore_crc32c(ctypes.c_void_p(address_of(records.data) + begin + _AFTER_CRC), size)
        if found >= 0:
            return bool(found == int.from_bytes(records.data[begin + _CRC_AT : begin + _AFTER_CRC], "big"))
    return bool(batch.validate_crc())


def _run_of(batch: Any, records: KeptRecords, begin: int) -> Run | None:
    """The records of a batch where they stand; ``None`` where they are to be read one by one."""
    if batch.magic < _FORMAT:
        return None
    data, first, size = records.data, begin + _HEADER, records.place - begin - _HEADER
    count = int.from_bytes(data[begin + _COUNT_AT : first], "big")
    unpack = _UNPACKED.get(batch.compression_type)
    if unpack:
        data = bytes(unpack(data[first : records.place]))
        first, size = 0, len(data)
    append_ms = batch.max_timestamp if batch.timestamp_type else -1
    return of_batch(data, first, size, count, batch.base_offset, batch.first_timestamp, append_ms)


def _is_hidden(given: PartitionRecords, batch: Any) -> bool:
    """Whether a batch holds markers of transactions, or reports of one that was aborted."""
    if given._isolation_level == READ_COMMITTED and batch.producer_id is not None:
        given._consume_aborted_up_to(batch.base_offset)
        if batch.is_control_batch and given._contains_abort_marker(batch):
            given._aborted_producers.discard(batch.producer_id)
        if batch.is_transactional and batch.producer_id in given._aborted_producers:
            return True
    return bool(batch.is_control_batch)
