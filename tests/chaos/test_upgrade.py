"""State that another version of the worker wrote: a layout before is taken over, a later one is refused."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import cramjam
import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from scoring.book import Part
from scoring.sums import dense
from streams.changelog import TERM_HEADER, term_of
from streams.codec import decode_part
from tests.support.fault_line import FaultLine
from tests.support.kafka_clients import producer
from tests.support.recomputation import read_whole

pytestmark = [pytest.mark.usefixtures("kafka_runnable"), pytest.mark.timeout(300)]

LOGS: Final = ("trustscore-fold_panes_v1-changelog", "trustscore-score_panes_v1-changelog")


def _packed(message: list[Any]) -> bytes:
    return bytes(cramjam.lz4.compress_block(msgspec.msgpack.encode(message)))


def _stated(part: Part) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which statistics of a part hold anything, and these row by row."""
    stats = dense(part.sums, len(part.rows))
    used = np.flatnonzero(stats.any(axis=0)).astype(np.int64)
    return used, np.ascontiguousarray(stats[:, used])


def as_layout_1(value: bytes) -> bytes:
    """A part as version 0.1 wrote it: every integer in 8 bytes."""
    part = decode_part(value)
    used, stats = _stated(part)
    fields = (part.rows, part.offset, used, stats, part.latency_keys, part.latency_counts)
    return _packed([1, *(field.astype("<i8").tobytes() for field in fields)])


def as_layout_2(value: bytes) -> bytes:
    """A part with statistics all as wide as the widest, and latency keys of row and bucket together."""
    part = decode_part(value)
    used, stats = _stated(part)
    fields = (part.rows, part.offset, used, stats, part.latency_keys, part.latency_counts)
    return _packed([2, *(b"i8" + np.ascontiguousarray(field).astype("<i8").tobytes() for field in fields)])


def as_lz4(value: bytes) -> bytes:
    """A part of today's layout as it was packed before."""
    return bytes(cramjam.lz4.compress_block(bytes(cramjam.zstd.decompress(value))))


def as_layout_4(value: bytes) -> bytes:
    """A part as a later version may write it."""
    return _packed([4, *msgspec.msgpack.decode(bytes(cramjam.zstd.decompress(value)))[1:]])


def is_part(key: bytes) -> bool:
    """Whether a key of a changelog is that of a part of a book, and not of names, ids, terms or the marker."""
    fields = key.split(b"/")
    return len(fields) == 4 and fields[1].isdigit()


def rewrite(broker: str, logs: tuple[str, ...], other: Callable[[bytes], bytes], keeps_terms: bool) -> int:
    """Write the state anew in another layout, marker last; how many parts."""

    held = read_whole(broker, *logs)

    async def write() -> int:
        parts = 0
        async with producer(broker, acks="all", max_request_size=16 << 20) as client:
            for name, records in held.items():
                last = {(record.partition, record.key): record for record in records}
                for (partition, key), record in last.items():
                    if record.value is not None and is_part(key):
                        term = term_of(record.headers)
                        headers = [(TERM_HEADER, b"%d" % term)] if keeps_terms and term is not None else []
                        await client.send(name, other(record.value), key, partition=partition, headers=headers)
                        parts += 1
                await client.flush()
                for number in {partition for partition, _ in last}:
                    if (marker := last.get((number, b"%d/flushed" % number))) is not None:
                        await client.send_and_wait(
                            name, marker.value, marker.key, partition=number, headers=list(marker.headers)
                        )
        return parts

    return asyncio.run(write())


@pytest.mark.parametrize("before", [as_layout_1, as_layout_2, as_lz4])
def test_state_of_the_layout_before_is_taken_over(before: Callable[[bytes], bytes], tmp_path: Path, seed: int) -> None:
    with FaultLine(tmp_path, seed) as line:
        worker = line.ready_worker()
        with line.sending(500):
            worker.wait_until("trustscore_lake_reports_total", 2_000)
        line.stop_workers()
        assert rewrite(line.broker, LOGS, before, keeps_terms=False) > 10
        worker = line.ready_worker()
        with line.sending(500):
            worker.wait_until("trustscore_lake_reports_total", 1_000)
        line.equal_to_recomputation()


@pytest.mark.parametrize("log", LOGS)
def test_state_of_a_later_layout_is_refused_with_what_to_do(log: str, tmp_path: Path, seed: int) -> None:
    with FaultLine(tmp_path, seed) as line:
        worker = line.ready_worker()
        with line.sending(500):
            worker.wait_until("trustscore_lake_reports_total", 1_000)
        line.stop_workers()
        assert rewrite(line.broker, (log,), as_layout_4, keeps_terms=True) > 10
        refusing = line.start_worker()
        with line.sending(500):  # the state of a partition is read when its first report comes
            assert refusing.exit_code() == 1
        (reason,) = [said["reason"] for said in refusing.said() if said["event"] == "worker_failed"]
        assert "state of layout 1 or 2 or 3 expected; got layout 4, which a newer version wrote" in reason
        assert "run the version that wrote it, or give the worker a new application id" in reason
