"""How many reports a second workers fold, score and keep, beside Kafka Streams, bytewax, Quix Streams and plain Faust.

Apache Kafka is started for it and filled first; then whoever is measured reads it all. For a worker the clock runs from
the last sample of its counters in which it has read no report to the first with every report folded and in the lake;
for a peer from the first report seen to the last counted. Starting and joining are left out. Kafka Streams runs right
before and right after each of our JSON rows, and the ratio is to the mean of the two. The even case and each shape that
is compared with it run three times; the mean is told.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Final

from benchmarks.harness import BenchmarkFailed, Program, Row, execute, say
from benchmarks.peers.backlog import Backlog
from benchmarks.peers.bench import CPU_UNIT, Bench, Variant, rows_of
from benchmarks.peers.peer import Counted, Unavailable
from benchmarks.support.reports import EVEN, Shape
from infra.kafka.server import KafkaServer

__all__ = ["PROGRAM"]

JVM: Final = "kafka-streams-json"
JOIN_DELAY: Final = {"group.initial.rebalance.delay.ms": "3000"}
"""Kafka's default, so that two workers that start together share the partitions from the first report on."""

EVEN_CASE: Final = Variant("fold-score-json-2-workers", lake=False, workers=2, runs=3, target_ratio=1.6)
"""Three runs, and of each shape that is compared with it: one alone is off by a fifth."""
VARIANTS: Final = (
    Variant("fold-score-json", lake=False),
    EVEN_CASE,
    Variant("fold-score-lake-json", target=100_000.0),
    Variant("fold-score-lake-json-2-workers", workers=2, target_ratio=1.0),
    Variant("fold-score-arrow", lake=False, arrow=True),
    Variant("fold-score-arrow-2-workers", lake=False, workers=2, arrow=True, target_ratio=10.0),
    Variant("fold-score-lake-arrow", arrow=True),
)
SHAPES: Final = (
    Shape("shape-hot-provider", hot=0.9),
    Shape("shape-hot-provider-spread", hot=0.9, hot_keyed=False),
    Shape("shape-unkeyed", keyed=False),
    Shape("shape-10000-providers", providers=10_000),
    Shape("shape-100-tasks-20-regions", task_types=100, regions=20),
    Shape("shape-100-tasks-20-regions-crossed", task_types=100, regions=20, crossed=True),
    Shape("shape-shuffled-10-minutes", ordered=False),
)
SHAPE_RATIO: Final = 0.7
ARROW_WALL: Final = "raw-aiokafka-arrow-2-processes"
PEERS: Final = {
    ARROW_WALL: ("aiokafka_arrow", None),
    "raw-aiokafka-json": ("aiokafka_json", None),
    "bytewax-json": ("bytewax_windows", 1_000_000),
    "quix-json": ("quix_windows", 400_000),
    "plain-faust-json": ("faust_windows", 200_000),
}
"""Row: the program of ``benchmarks/peers``, and how many reports it gets where all would take minutes."""
MATTERS: Final = (JVM, *(one.name for one in VARIANTS), *(one.name for one in SHAPES), *PEERS)


def options(parser: argparse.ArgumentParser) -> None:
    """What can be asked of it."""
    parser.add_argument("--reports", type=int, default=4_000_000, help="preloaded (default 4,000,000)")
    parser.add_argument("--providers", type=int, default=200, help="they are about (default 200)")
    parser.add_argument("--no-arrow", action="store_true", help="leave out the runs over Arrow messages")
    parser.add_argument("--only", choices=MATTERS, action="append", help="run this; may be given again")


def run(given: argparse.Namespace) -> Iterator[Row]:
    """Rows of every variant asked for, of the peers, and of the shapes."""
    wanted = set(given.only or MATTERS)
    if given.no_arrow:
        wanted -= {ARROW_WALL, *(one.name for one in VARIANTS if one.arrow)}
    if wanted & {shape.name for shape in SHAPES}:
        wanted.add(EVEN_CASE.name)  # what they are compared with
    with (
        tempfile.TemporaryDirectory(prefix="trustscore-engine-") as place,
        KafkaServer(Path(place, "kafka"), properties=JOIN_DELAY) as kafka,
    ):
        yield from Engine(Bench(Path(place), kafka), given.reports, given.providers, wanted).rows()


class Engine:
    """The order in which what is wanted runs: what shares a backlog together."""

    def __init__(self, bench: Bench, count: int, providers: int, wanted: set[str]) -> None:
        self._bench, self._count, self._wanted = bench, count, wanted
        self._now_s = time.time()
        self._even = Backlog(replace(EVEN, providers=providers), count, self._now_s)
        self._jvm_runs: list[Counted] = []
        self._jvm_is_here = True
        self._failures: list[str] = []

    def rows(self) -> Iterator[Row]:
        """All that is wanted.

        Raises
        ------
        BenchmarkFailed
            At the end, when some gave a wrong result or ended badly: the others are measured all the same.
        """
        yield from self._all()
        if self._failures:
            raise BenchmarkFailed("; ".join(self._failures))

    def _guarded(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows of one variant, shape or peer; a failure is told at once and kept for the end."""
        try:
            yield from rows
        except BenchmarkFailed as fault:
            say(f"engine: {fault}")
            self._failures.append(str(fault).splitlines()[0])

    def _all(self) -> Iterator[Row]:
        ours = [one for one in VARIANTS if one.name in self._wanted]
        in_json = [one for one in ours if not one.arrow]
        in_arrow = [one for one in ours if one.arrow]
        if ours or JVM in self._wanted or "raw-aiokafka-json" in self._wanted:
            self._bench.fill(self._even)
            yield from self._between_the_jvm(in_json)
            yield from self._guarded(self._peer("raw-aiokafka-json"))
        if in_arrow or ARROW_WALL in self._wanted:
            self._bench.fill(self._even, arrow=True)
            for variant in in_arrow:
                yield from self._guarded(self._ours(variant, f"engine/{JVM}"))
            yield from self._guarded(self._peer(ARROW_WALL, f"engine/{JVM}"))
        for shape in SHAPES:
            if shape.name in self._wanted:
                yield from self._guarded(self._shape(shape))
        for name, (_, most) in PEERS.items():
            if most is not None and name in self._wanted:
                self._bench.fill(self._even, count=min(most, self._count))
                yield from self._guarded(self._peer(name))

    def _between_the_jvm(self, variants: list[Variant]) -> Iterator[Row]:
        """Kafka Streams, ours, Kafka Streams, ours …, Kafka Streams; its own row is the mean of all its runs."""
        wants_jvm = any(one.target_ratio for one in VARIANTS if one.name in self._wanted) or JVM in self._wanted
        before = self._jvm() if wants_jvm or variants else None
        for variant in variants:
            ours = list(self._guarded(self._ours(variant, f"engine/{JVM}", self._shape_facts(self._even.shape))))
            after = self._jvm()
            around = None if before is None or after is None else fmean((before.per_s, after.per_s))
            yield from (replace(row, peer_value=around) if row.peer else row for row in ours)
            before = after
        if self._jvm_runs:
            rates = [one.per_s for one in self._jvm_runs]
            facts = {"reports": self._count, "threads": 2, "runs_per_s": [round(rate) for rate in rates]}
            yield Row(f"engine/{JVM}", fmean(rates), "reports/s", facts=facts)
            used_s = fmean(one.cpu_per_million_s for one in self._jvm_runs)
            yield Row(f"engine/{JVM}-cpu", used_s, CPU_UNIT, lower_is_better=True)

    def _jvm(self) -> Counted | None:
        """One run of Kafka Streams; None where it cannot run, which is said once."""
        if not self._jvm_is_here:
            return None
        try:
            found = self._bench.peer("kafka_streams_windows", self._even)
        except Unavailable as fault:
            say(f"engine/{JVM} is left out, and ratios to it: {fault}")
            self._jvm_is_here = False
            return None
        say(f"  kafka streams: {found.per_s:,.0f} reports/s, {found.cpu_per_million_s:.2f} CPU s per million")
        self._jvm_runs.append(found)
        return found

    def _peer(self, name: str, beside: str = f"engine/{EVEN_CASE.name}") -> Iterator[Row]:
        """Rate of a peer over what is filled in; none where it cannot run, which is said."""
        if name not in self._wanted:
            return
        module, most = PEERS[name]
        count = self._count if most is None else min(most, self._count)
        try:
            found = self._bench.peer(module, self._even, count)
        except Unavailable as fault:
            say(f"engine/{name} is left out: {fault}")
            return
        facts = {"reports": found.reports, "seconds": round(found.seconds, 2)}
        yield Row(f"engine/{name}", found.per_s, "reports/s", beside, facts=facts)
        yield Row(f"engine/{name}-cpu", found.cpu_per_million_s, CPU_UNIT, lower_is_better=True)

    def _ours(self, variant: Variant, peer: str, facts: dict[str, object] | None = None) -> Iterator[Row]:
        runs = [
            rows_of(variant, self._bench.measure(variant, self._count), self._count, peer, facts)
            for _ in range(variant.runs)
        ]
        yield from map(mean_of, zip(*runs, strict=True))

    def _shape(self, shape: Shape) -> Iterator[Row]:
        self._bench.fill(Backlog(shape, self._count, self._now_s))
        variant = replace(EVEN_CASE, name=shape.name, target_ratio=SHAPE_RATIO)
        yield from self._ours(variant, f"engine/{EVEN_CASE.name}", self._shape_facts(shape))

    def _shape_facts(self, shape: Shape) -> dict[str, object]:
        return {"providers": shape.providers, "task_types": shape.task_types, "regions": shape.regions}


def mean_of(rows: Sequence[Row]) -> Row:
    """One row for several of the same name: facts of the last, and what each run gave.

    >>> row = mean_of([Row("engine/fast", 3.0, "reports/s"), Row("engine/fast", 4.0, "reports/s")])
    >>> row.value, row.facts
    (3.5, {'runs': [3.0, 4.0]})
    """
    if len(rows) == 1:
        return rows[0]
    values = [row.value for row in rows]
    return replace(rows[-1], value=fmean(values), facts={**rows[-1].facts, "runs": [round(one, 2) for one in values]})


PROGRAM: Final = Program("engine", __doc__ or "", options, run)

if __name__ == "__main__":
    sys.exit(execute(PROGRAM))
