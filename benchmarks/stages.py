"""Where a worker's processor time goes: of a report by stage, in bulk and in ticks, and of a score.

``python -m benchmarks stages [--reports 400000] [--only SHAPE]``. The stages run one after the other in one process, on
the messages of ``engine``; no Kafka, no Faust, no lake. In bulk, chunks of 20,000 reports are decoded and folded as a
worker that is behind folds them; in ticks, 20,000 reports a second come in 0.1 s steps, where most of the cost is for
each tick. The share of a stage is that of all stages of its row's run; other load on the machine moves it little.
"""

import argparse
import gc
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

import msgspec
import numpy as np
import pyarrow as pa
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from benchmarks.engine import SHAPES
from benchmarks.harness import Program, Row, execute, say
from benchmarks.peers.backlog import Backlog
from benchmarks.support.reports import EVEN, Shape
from benchmarks.support.topics import PARTITIONS
from streams.agents.fold import FOLD_ROWS
from streams.codec import decode_updates, encode_updates
from streams.columns import columns_of
from streams.json_wire import JsonReader
from streams.report_keys import without_repeats
from streams.runs import records_in
from streams.steps.duplicates import Seen, bucket_ms_of
from streams.steps.fold import FoldState, fold, take_updates
from streams.steps.score import ScoreState, merge, move, score_these
from streams.steps.updates import Destinations, concatenated, split
from streams.wire import decode

__all__ = ["PROGRAM"]

CHUNK: Final = 20_000
BULK_ROWS: Final = 500_000
"""Reports between two messages to the scores, in bulk: five seconds of a worker that is behind."""
TICK_ROWS: Final = 2_000
"""Reports of 0.1 s at 20,000 a second."""
BATCH: Final = 500
"""Records in a batch: 100 KB, as producers that are busy send them."""
SLICE: Final = 50
BY_NAME: Final = {shape.name: shape for shape in (EVEN, *SHAPES)}
BULK: Final = ("even", "shape-hot-provider", "shape-100-tasks-20-regions-crossed")
UNIT: Final = "CPU µs a report"
T = TypeVar("T")


class Line:
    """The stages of one worker with all partitions, each with the processor time it took."""

    def __init__(self, now_s: float) -> None:
        self.now_s, self.spent_s = now_s, defaultdict[str, float](float)
        places = range(PARTITIONS)
        self._readers = [JsonReader() for _ in places]
        self._seen = [Seen(bucket_ms_of(120), bytes(range(32))) for _ in places]
        self._folds = [FoldState() for _ in places]
        self.scores = [ScoreState() for _ in places]
        self._destinations = Destinations(PARTITIONS)
        self._unfolded: list[list[pa.Table]] = [[] for _ in places]

    def _timed(self, stage: str, act: Callable[..., T], *given: Any) -> T:
        started_s = time.process_time()
        found = act(*given)
        self.spent_s[stage] += time.process_time() - started_s
        return found

    def read(self, place: int, fetched: bytes) -> None:
        """Decode batches of one partition, and fold what has gathered when it is much."""
        run = self._timed("records", records_in, fetched)
        batch = self._timed("decode", decode, run, place, self._readers[place])
        self._unfolded[place].append(self._timed("repeats", without_repeats, self._seen[place], batch.table))
        if sum(map(len, self._unfolded[place])) >= FOLD_ROWS:
            self._fold(place)

    def _fold(self, place: int) -> None:
        if self._unfolded[place]:
            reports = pa.concat_tables(self._unfolded[place])
            self._unfolded[place].clear()
            self._timed("fold", lambda: fold(self._folds[place], columns_of(reports), self.now_s))

    def tick(self) -> None:
        """Fold the rest, and let the scores take in the panes that changed."""
        for place in range(PARTITIONS):
            self._fold(place)
        for place, message in self._timed("send", self._messages):
            self._timed("merge", lambda value, to: merge(to, decode_updates(value)), message, self.scores[place])

    def _messages(self) -> list[tuple[int, bytes]]:
        taken = [take_updates(state, place) for place, state in enumerate(self._folds)]
        changed = [one for one in taken if one is not None]
        if not changed:
            return []
        updates = concatenated(changed)
        return [(place, encode_updates(part)) for place, part in split(updates, self._destinations.of(updates.names))]


def options(parser: argparse.ArgumentParser) -> None:
    """What can be asked of it."""
    parser.add_argument("--reports", type=int, default=400_000, help="of each shape (default 400,000)")
    parser.add_argument("--only", choices=[*BULK, "ticks", "score"], action="append", help="run this; again for more")


def run(given: argparse.Namespace) -> Iterator[Row]:
    """Rows of every case asked for."""
    wanted = set(given.only or [*BULK, "ticks", "score"])
    gc.set_threshold(200_000, 20, 20)  # as a worker does
    for name in BULK:
        if name in wanted:
            line = folded(BY_NAME[name], given.reports, CHUNK, BULK_ROWS)
            yield from _rows(f"stages/bulk-{name}", line, given.reports)
    if wanted & {"ticks", "score"}:
        line = folded(replace(EVEN, name="ticks"), given.reports, TICK_ROWS // PARTITIONS, TICK_ROWS)
        if "ticks" in wanted:
            yield from _rows("stages/ticks", line, given.reports)
        if "score" in wanted:
            yield from _score_rows(line)


def folded(shape: Shape, count: int, chunk: int, rows: int) -> Line:
    """A line that has read ``count`` reports of a shape: ``chunk`` of a partition at once, a tick every ``rows``."""
    line = Line(time.time())
    runs: list[list[tuple[bytes | None, bytes]]] = [[] for _ in range(PARTITIONS)]
    for number, (place, key, value) in enumerate(Backlog(shape, count, line.now_s).json_messages()):
        runs[number % PARTITIONS if place is None else place].append((key, value))
    fetches = [list(_fetches(run, chunk, round(line.now_s * 1_000))) for run in runs]
    say(f"stages: {count:,} reports of {shape.name}")
    gc.collect()
    gc.freeze()  # the messages, which a worker holds for a moment only
    since = 0
    for turn in range(max(map(len, fetches))):
        for place, chunks in enumerate(fetches):
            if turn < len(chunks):
                fetched, records = chunks[turn]
                line.read(place, fetched)
                since += records
        if since >= rows:
            line.tick()
            since = 0
    line.tick()
    return line


def _fetches(messages: Sequence[tuple[bytes | None, bytes]], chunk: int, now_ms: int) -> Iterator[tuple[bytes, int]]:
    """Messages of a partition as a broker keeps them, in batches of ``BATCH`` at most, ``chunk`` at a time."""
    for first in range(0, len(messages), chunk):
        last = min(first + chunk, len(messages))
        batches = [_batch(messages[at : min(at + BATCH, last)], at, now_ms) for at in range(first, last, BATCH)]
        yield b"".join(batches), last - first


def _batch(messages: Sequence[tuple[bytes | None, bytes]], first: int, now_ms: int) -> bytes:
    builder = DefaultRecordBatchBuilder(
        magic=2, compression_type=0, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1,
        batch_size=1 << 30,
    )  # fmt: skip
    for at, (key, value) in enumerate(messages):
        builder.append(at, timestamp=now_ms, key=key, value=value, headers=[])
    data = bytes(builder.build())
    return first.to_bytes(8, "big") + data[8:]  # the broker gives a batch its place


def _rows(name: str, line: Line, count: int) -> Iterator[Row]:
    whole_s = sum(line.spent_s.values())
    yield Row(name, whole_s / count * 1e6, UNIT, lower_is_better=True, facts={"reports": count})
    for stage, spent_s in sorted(line.spent_s.items(), key=lambda one: -one[1]):
        facts = {"share": round(spent_s / whole_s, 3)}
        yield Row(f"{name}/{stage}", spent_s / count * 1e6, UNIT, lower_is_better=True, facts=facts)


def _score_rows(line: Line) -> Iterator[Row]:
    """Of all entities, in slices, when the minute has just changed (baselines are looked up anew) and within it."""
    everyone = [(state, np.arange(len(state.entities))) for state in line.scores]
    count = sum(len(entities) for _, entities in everyone)
    for name, after_s in (("first-of-a-minute", 60.0), ("within-a-minute", 60.5)):
        for state, _ in everyone:
            move(state, line.now_s + after_s)
            state.said.clear()
        spent = defaultdict[str, float](float)
        for state, entities in everyone:
            for first in range(0, len(entities), SLICE):
                started_s = time.process_time()
                records = score_these([(state, entities[first : first + SLICE])])
                scored_s = time.process_time()
                for record in records:
                    msgspec.json.encode(record)
                spent["score"] += scored_s - started_s
                spent["json"] += time.process_time() - scored_s
        facts = {"entities": count, "slice": SLICE, "of_it_json_us": round(spent["json"] / count * 1e6, 1)}
        used_us = sum(spent.values()) / count * 1e6
        yield Row(f"stages/score-{name}", used_us, "CPU µs a score", lower_is_better=True, facts=facts)


PROGRAM: Final = Program("stages", __doc__ or "", options, run)

if __name__ == "__main__":
    raise SystemExit(execute(PROGRAM))
