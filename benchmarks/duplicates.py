"""What it costs that a report counts once: processor time a report and memory an id, by rate and window.

``python -m benchmarks duplicates``. A partition holds as many ids as its share of the rate brings in 1.25 windows;
then chunks of 20,000 JSON reports with ids of 32 characters, of which none came before, are decoded (the peer) and
looked up. A worker has four partitions: its memory is four times that of one.
"""

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np

from benchmarks.harness import Program, Row, execute, say
from benchmarks.support.reports import json_messages, reports
from streams.id_codec import entries, restored, settled
from streams.json_wire import JsonReader
from streams.report_keys import without_repeats
from streams.steps.duplicates import BUCKETS, Seen, bucket_ms_of, counted
from streams.wire import Batch, decode

__all__ = ["PROGRAM"]

CHUNK: Final = 20_000
PARTITIONS: Final = 4
CHUNKS_A_FLUSH: Final = 2
TARGET_US: Final = 0.25
TARGET_BYTES: Final = 24.0
START_MS: Final = 1_800_000_000_000
SECRET: Final = bytes(range(32))


class Case(NamedTuple):
    """How many reports a second reach a worker, and for how long their ids are remembered."""

    rate_per_s: int
    window_s: float

    @property
    def name(self) -> str:
        """``20000-per-s-600-s``"""
        return f"{self.rate_per_s}-per-s-{self.window_s:g}-s"

    @property
    def held(self) -> int:
        """Ids in one partition when it holds most: all of its window, and the bucket that is being filled."""
        return int(self.rate_per_s / PARTITIONS * self.window_s * (BUCKETS + 1) / BUCKETS)


BUDGET: Final = Case(20_000, 192.0)
"""1.2 million ids in a partition."""
CASES: Final = tuple(Case(rate, window_s) for rate in (20_000, 200_000) for window_s in (60.0, 120.0, 600.0))


@dataclass(slots=True)
class Record:
    """As aiokafka gives it."""

    offset: int
    timestamp: int
    value: bytes | None
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


class Filled(NamedTuple):
    """A partition in the middle of its work, and what its ids take in the changelog."""

    seen: Seen
    table: dict[bytes, bytes]
    offset: int
    now_ms: int


def options(parser: argparse.ArgumentParser) -> None:
    """What can be asked of it."""
    parser.add_argument("--chunks", type=int, default=30, help="of 20,000 reports that are measured (default 30)")
    parser.add_argument("--most-ids", type=int, default=40_000_000, help="leave out what holds more in a partition")


def run(given: argparse.Namespace) -> Iterator[Row]:
    """The figure that is promised, then each rate and window."""
    for case in (BUDGET, *CASES):
        if case.held > given.most_ids:
            say(f"duplicates: {case.name} is left out: {case.held:,} ids in a partition, --most-ids {given.most_ids:,}")
            continue
        yield from rows_of(case, fill(case), given.chunks)


def fill(case: Case) -> Filled:
    """A partition as after many minutes at this rate, flushed as it goes."""
    rng = np.random.default_rng(1)
    seen, table = Seen(bucket_ms_of(case.window_s), SECRET), dict[bytes, bytes]()
    per_ms = case.rate_per_s / PARTITIONS / 1_000
    chunks = -(-case.held // CHUNK)
    now_ms, offset = START_MS // seen.bucket_ms * seen.bucket_ms, 0
    for number in range(chunks):
        offset, now_ms = number * CHUNK, START_MS // seen.bucket_ms * seen.bucket_ms + int(number * CHUNK / per_ms)
        keys = rng.integers(0, 2**64, CHUNK, np.uint64)
        counted(seen, keys, np.arange(offset, offset + CHUNK), np.full(CHUNK, now_ms))
        if number % CHUNKS_A_FLUSH:
            flush(seen, table, now_ms)
    return Filled(seen, table, offset + CHUNK, now_ms)


def flush(seen: Seen, table: dict[bytes, bytes], now_ms: int) -> None:
    """Write what is new, as a worker does."""
    for name, value in entries(seen, 0, now_ms, 1):
        if value is None:
            table.pop(name, None)
        else:
            table[name] = value
    settled(seen)


def rows_of(case: Case, filled: Filled, chunks: int) -> Iterator[Row]:
    """Cost of the next chunks, and memory."""
    seen, table, first, now_ms = filled
    pool = reports(CHUNK, 200, now_ms / 1e3)
    reader, rng = JsonReader(), np.random.default_rng(2)
    used = dict.fromkeys(("decode", "look up", "write"), 0.0)
    for number in range(chunks):
        ids = rng.bytes(16 * CHUNK).hex()
        for at, report in enumerate(pool):
            report["report_id"] = ids[32 * at : 32 * at + 32]
        offset = first + number * CHUNK
        run = [Record(offset + at, now_ms, value) for at, value in enumerate(json_messages(pool))]
        batch: Batch = timed(used, "decode", partial(decode, run, 0, reader))
        assert len(timed(used, "look up", partial(without_repeats, seen, batch.table))) == CHUNK
        if number % CHUNKS_A_FLUSH:
            timed(used, "write", partial(flush, seen, table, now_ms))
    decode_us, look_us, write_us = (1e6 * seconds / chunks / CHUNK for seconds in used.values())
    in_table = sum(len(name) + len(value) for name, value in table.items())
    started_s = time.process_time()
    again = restored(table, 0, case.window_s, SECRET)
    load_s = time.process_time() - started_s
    facts = {"ids_in_a_partition": seen.held, "changelog_bytes_an_id": round(in_table / again.held, 2)}
    ours = case is BUDGET
    yield Row(f"duplicates/{case.name}/decode", decode_us, "µs a report")
    yield Row(
        f"duplicates/{case.name}/look-up", look_us, "µs a report", peer=f"duplicates/{case.name}/decode",
        target=TARGET_US if ours else None, lower_is_better=True,
        facts=facts | {"to_changelog_us": round(write_us, 4), "start_s_a_partition": round(load_s, 2)},
    )  # fmt: skip
    yield Row(
        f"duplicates/{case.name}/bytes-an-id", seen.bytes_held / seen.held, "bytes",
        target=TARGET_BYTES if ours else None, lower_is_better=True,
    )  # fmt: skip
    mib = PARTITIONS * seen.bytes_held / 2**20
    yield Row(f"duplicates/{case.name}/worker-memory", mib, "MiB", lower_is_better=True, facts=facts)


def timed(used: dict[str, float], what: str, act: Callable[[], Any]) -> Any:
    """What ``act`` gives; the processor time it took is added to ``used``."""
    started_s = time.process_time()
    answer = act()
    used[what] += time.process_time() - started_s
    return answer


PROGRAM: Final = Program("duplicates", __doc__ or "", options, run)


if __name__ == "__main__":
    raise SystemExit(execute(PROGRAM))
