"""No byte behind a message or a batch is read: the page behind it may not be touched, and who does is ended.

The checks run in a process of their own.
"""

import ctypes
import json
import mmap
import os
import random
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from compiled.library import library, pointer
from streams.json_columns import columns_of_reports
from streams.places import Places

REPORT = {
    "provider_id": "github", "outcome": "success", "timestamp": 1.7e9, "latency_ms": 12.345678901234567,
    "schema_valid": True, "attempt": 2, "region": "eu", "report_id": "a1", "tenant": None,
}  # fmt: skip
HEADER = 61


def test_nothing_behind_a_report_or_a_batch_is_read() -> None:
    done = subprocess.run([sys.executable, __file__], capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout) == (0, "200 damaged reports, 200 damaged batches and all their beginnings\n")


class Guarded:
    """Room that ends where no page may be read."""

    def __init__(self) -> None:
        self._pages = mmap.mmap(-1, 2 * mmap.PAGESIZE)
        self._first = ctypes.addressof(ctypes.c_char.from_buffer(self._pages))
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mprotect(ctypes.c_void_p(self._first + mmap.PAGESIZE), ctypes.c_size_t(mmap.PAGESIZE), 0):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))

    def put(self, text: bytes) -> int:
        """Where a text stands that ends at the guard."""
        start = self._first + mmap.PAGESIZE - len(text)
        ctypes.memmove(start, text, len(text))
        return start


def damaged(good: bytes, rng: random.Random) -> bytes:
    """With some other bytes."""
    text = bytearray(good)
    for _ in range(rng.randrange(4)):
        text[rng.randrange(len(text))] = rng.randrange(256)
    return bytes(text)


def beginnings(text: bytes) -> Iterator[bytes]:
    """The text cut anywhere."""
    return (text[:end] for end in range(len(text) + 1))


def read_reports(guarded: Guarded, rng: random.Random) -> None:
    good = json.dumps(REPORT).encode()
    for _ in range(200):
        for text in beginnings(damaged(good, rng)):
            columns_of_reports(Places((), np.array([guarded.put(text)]), np.array([len(text)], np.int32)))


def read_batches(guarded: Guarded, rng: random.Random) -> None:
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=0, is_transactional=0, producer_id=-1, producer_epoch=0, base_sequence=0,
        batch_size=1 << 20,
    )  # fmt: skip
    for value in (b"abc", None, b"de"):
        builder.append(0, timestamp=1, key=b"k", value=value, headers=[("content-type", b"x"), ("y", None)])
    good = bytes(builder.build())[HEADER:]
    compiled = library()
    assert compiled is not None
    room = [np.empty(3, np.int64) for _ in range(4)]
    length, is_wanted = np.empty(3, np.int32), np.empty(3, np.bool_)
    offset, time_ms, start, key = room
    for _ in range(200):
        for text in beginnings(damaged(good, rng)):
            numbers = map(ctypes.c_int64, (guarded.put(text), len(text), 3, 0, 0, -1))
            arrays = [pointer(values) for values in (offset, time_ms, start, length, key, is_wanted)]
            compiled.trustscore_records(*numbers, b"application/x", *arrays)


if __name__ == "__main__":
    read_reports(Guarded(), random.Random(1))
    read_batches(Guarded(), random.Random(2))
    sys.stdout.write("200 damaged reports, 200 damaged batches and all their beginnings\n")
