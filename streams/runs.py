"""Fetched records taken a batch at a time, as the record parser made them.

aiokafka gives each record an object of its own on the way out, at 1.7 µs each; that is half of what a report may cost
here. This is its ``Fetcher.fetched_records`` for whole batches. It reads private parts of aiokafka 0.14, which
``tests/unit/streams/test_runs.py`` holds against the public way.
"""

import asyncio
import time
from collections.abc import Collection, Iterator
from typing import Any, Final

from aiokafka.consumer.fetcher import READ_COMMITTED, Fetcher, FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException
from faust.types import TP

__all__ = ["ISOLATION", "fetched_runs", "take"]

ISOLATION: Final = "read_committed"
"""Reports of a transaction count once it is committed, those of an aborted one never."""


async def fetched_runs(
    fetcher: Fetcher, partitions: Collection[TP] | None, chunked: Collection[str], timeout_s: float, most: int
) -> dict[TP, list[Any]]:
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
    """
    deadline_s = time.monotonic() + timeout_s
    while True:
        if fetcher._subscriptions.reassignment_in_progress:
            await fetcher._subscriptions.wait_for_assignment()
        runs = _drained(fetcher, partitions, chunked, most)
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
    fetcher: Fetcher, partitions: Collection[TP] | None, chunked: Collection[str], most: int
) -> dict[TP, list[Any]]:
    runs: dict[TP, list[Any]] = {}
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
        run = take(result, most) if tp.topic in chunked else result.getall(most)
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


def take(result: FetchResult, most: int) -> list[Any]:
    """Records of the next batches, until they are ``most`` or more; none when the partition has left or was sought."""
    if not result.has_more() or not result.check_assignment(result._topic_partition):
        return []
    run: list[Any] = []
    for batch in _batches(result._partition_records):
        run += batch
        if len(run) >= most:
            break
    result._update_position()
    if not result._partition_records._records.has_next():
        # Records and iterator hold one another. The collector looks rarely, and a worker grew by 100 MB a minute.
        result._partition_records._records_iterator = None
        result._partition_records = None
    return run


def _batches(given: PartitionRecords) -> Iterator[list[Any]]:
    """Records of each batch that a reader may see, from the offset that was asked for."""
    while given._records.has_next():
        batch = given._records.next_batch()
        if given._check_crcs and not batch.validate_crc():
            raise CorruptRecordException(f"Invalid CRC - {given._tp}")
        asked = given.next_fetch_offset
        given.next_fetch_offset = max(asked, batch.next_offset)
        if _is_hidden(given, batch):
            continue
        records = list(batch)
        yield records if records and records[0].offset >= asked else [r for r in records if r.offset >= asked]


def _is_hidden(given: PartitionRecords, batch: Any) -> bool:
    """Whether a batch holds markers of transactions, or reports of one that was aborted."""
    if given._isolation_level == READ_COMMITTED and batch.producer_id is not None:
        given._consume_aborted_up_to(batch.base_offset)
        if batch.is_control_batch and given._contains_abort_marker(batch):
            given._aborted_producers.discard(batch.producer_id)
        if batch.is_transactional and batch.producer_id in given._aborted_producers:
            return True
    return bool(batch.is_control_batch)
