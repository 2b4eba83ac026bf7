"""Whole batches are taken as aiokafka's own reader would give their records."""

import gc
import weakref
from collections.abc import Iterable
from random import Random
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

import streams.runs
from streams.records import ARROW_TYPE, Run, is_arrow
from streams.runs import KeptRecords, take

TP = TopicPartition("trust.reports", 0)
PRODUCER = 7


class _State:
    paused = False

    def __init__(self, position: int) -> None:
        self.position = position

    def consumed_to(self, position: int) -> None:
        self.position = position


class _Assignment:
    """What a result asks of the consumer it belongs to."""

    active = True

    def __init__(self, position: int) -> None:
        self.state = _State(position)

    def state_value(self, tp: TopicPartition) -> _State:
        assert tp == TP
        return self.state


def _batch(first: int, values: Iterable[bytes | None], *, transactional: bool = False, compression: int = 0) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=compression, is_transactional=int(transactional),
        producer_id=PRODUCER if transactional else -1, producer_epoch=0, base_sequence=0, batch_size=1 << 20,
    )  # fmt: skip
    for at, value in enumerate(values):
        builder.append(at, timestamp=1_000 + at, key=b"k", value=value, headers=[("h", b"1")])
    data = bytearray(bytes(builder.build()))
    data[0:8] = first.to_bytes(8, "big")  # the broker gives the batch its place
    return bytes(data)


def _result(data: bytes, asked: int = 0, aborted: Any = None, isolation: int = 1) -> FetchResult:
    records = PartitionRecords(TP, KeptRecords(data), aborted, asked, None, None, True, isolation)
    return FetchResult(TP, partition_records=records, assignment=_Assignment(asked), backoff=0)


def _seen(records: Iterable[Any]) -> list[Any]:
    return [(r.offset, r.timestamp, r.key, r.value, list(r.headers)) for r in records]


LAST = _batch(6, [b"e", b"f"])
LOG = _batch(0, [b"a", b"b", b"c"]) + _batch(3, [b"d"]) + LAST


columnar = pytest.mark.parametrize("is_columnar", [True, False], ids=["columnar", "records"])


@columnar
@pytest.mark.parametrize(("log", "asked"), [(LOG, 0), (LOG, 1), (LAST, 6), (LAST, 7)], ids=["0", "1", "6", "7"])
def test_a_run_holds_what_aiokafka_gives_one_by_one(log: bytes, asked: int, is_columnar: bool) -> None:
    ours, theirs = _result(log, asked), _result(log, asked)
    run = take(ours, 100, is_columnar)
    assert isinstance(run, Run) == is_columnar
    assert _seen(run) == _seen(theirs.getall())
    assert run[0].offset == asked
    assert ours._assignment.state.position == theirs._assignment.state.position == 8
    assert not ours.has_more()


@pytest.mark.parametrize("compression", range(5), ids=["none", "gzip", "snappy", "lz4", "zstd"])
def test_records_are_read_where_they_stand_however_they_are_compressed(compression: int) -> None:
    long = bytes(range(256)) * 300
    log = _batch(0, [b"a", None, b"", long], compression=compression) + _batch(4, [long, b"{}"])
    run = take(_result(log), 100, is_columnar=True)
    assert isinstance(run, Run)
    assert _seen(run) == _seen(_result(log).getall())
    assert [run.value(at) for at in range(len(run))] == [record.value for record in run]
    assert _seen(run[2:5]) == _seen(run)[2:5]
    assert _seen([run.with_offset(4)]) == _seen(run)[4:5]


def test_the_header_of_an_arrow_message_is_seen_whatever_stands_beside_it() -> None:
    wanted = [("content-type", ARROW_TYPE)]
    headers = [
        [],
        wanted,
        [("Content-Type", ARROW_TYPE), ("x", b"")],
        [("x", b"1"), *wanted],
        [("content-type", b"no")],
    ]
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=0, is_transactional=0, producer_id=-1, producer_epoch=0, base_sequence=0,
        batch_size=1 << 20,
    )  # fmt: skip
    for at, given in enumerate(headers):
        builder.append(at, timestamp=at, key=None, value=b"v", headers=given)
    run = take(_result(bytes(builder.build())), 100, is_columnar=True)
    assert isinstance(run, Run)
    assert run.is_arrow.tolist() == [is_arrow(record) for record in run] == [False, True, True, True, False]


def test_times_are_the_brokers_where_it_sets_them() -> None:
    batch = bytearray(_batch(0, [b"a", b"b"]))
    batch[22] |= 8  # the attribute for the time of appending
    batch[17:21] = calc_crc32c(bytes(batch[21:])).to_bytes(4, "big")
    run = take(_result(bytes(batch)), 100, is_columnar=True)
    assert isinstance(run, Run)
    assert run.time_ms.tolist() == [record.timestamp for record in _result(bytes(batch)).getall()] == [1_001, 1_001]


@pytest.mark.parametrize("seed", range(200))
def test_a_batch_that_is_none_is_refused_as_aiokafka_refuses_it(seed: int) -> None:
    """Its checksum fits: it was made wrong, not damaged on the way."""
    rng = Random(seed)
    batch = bytearray(_batch(0, [b"abc", None, b"defg" * 50]))
    for _ in range(rng.randrange(1, 4)):
        batch[rng.randrange(57, len(batch))] = rng.randrange(256)
    batch[17:21] = calc_crc32c(bytes(batch[21:])).to_bytes(4, "big")
    outcomes: list[Any] = []
    for is_columnar in (False, True):
        try:
            outcomes.append([(r.offset, r.key, r.value) for r in take(_result(bytes(batch)), 1_000, is_columnar)])
        except (CorruptRecordException, UnicodeDecodeError, MemoryError, OverflowError) as error:
            outcomes.append(type(error))
    ours, theirs = outcomes[1], outcomes[0]
    assert ours == theirs or theirs is UnicodeDecodeError, "the name of a header is not read unless it is asked for"


def test_a_run_ends_with_the_batch_that_makes_it_long_enough_and_the_next_goes_on_there() -> None:
    result = _result(LOG)
    assert [r.value for r in take(result, 2)] == [b"a", b"b", b"c"]
    assert result._assignment.state.position == 3
    assert [r.value for r in take(result, 2)] == [b"d", b"e", b"f"]
    assert take(result, 2) == []


def test_reports_of_an_aborted_transaction_are_left_out_and_their_place_is_passed() -> None:
    data = LAST + _batch(8, [b"x", b"y"], transactional=True)
    ours, theirs = (_result(data, 6, aborted=[(PRODUCER, 8)]) for _ in range(2))
    assert _seen(take(ours, 100)) == _seen(theirs.getall())
    assert ours._assignment.state.position == 10
    assert [r.value for r in take(_result(data, 6), 100)] == [b"e", b"f", b"x", b"y"]


def test_nothing_is_taken_of_a_partition_that_was_sought_elsewhere() -> None:
    result = _result(LOG)
    result._assignment.state.position = 5
    assert take(result, 100) == []


@pytest.mark.parametrize("by", ["the library", "aiokafka"])
@pytest.mark.parametrize("place", [-1, -9, -30])
def test_a_damaged_batch_is_refused(by: str, place: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if by == "aiokafka":
        monkeypatch.setattr(streams.runs, "library", lambda: None)
    damaged = bytearray(LOG)
    damaged[place] ^= 1
    with pytest.raises(CorruptRecordException, match="Invalid CRC"):
        take(_result(bytes(damaged)), 100)


def test_what_was_taken_is_freed_without_the_collector() -> None:
    result = _result(_batch(0, [b"a", b"b"]))
    records = weakref.ref(result._partition_records)
    gc.disable()
    try:
        assert len(take(result, 10)) == 2
        assert records() is None
    finally:
        gc.enable()
