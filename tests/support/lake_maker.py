"""Writes a real small lake: reports as bytes through the workers' own steps and sinks, without a broker."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from scoring.records import ScoreRecord
from scoring.weights import DEFAULT, Weights
from streams.columns import columns_of
from streams.json_wire import JsonReader
from streams.rejects import reject_table
from streams.score_rows import score_rows
from streams.sinks import LakeSinks
from streams.steps.fold import FoldState, fold, take_updates
from streams.steps.score import ScoreState, merge, score
from streams.wire import Batch, decode

__all__ = ["LakeMaker", "Message", "make_lake"]


@dataclass(slots=True)
class Message:
    """A Kafka record."""

    offset: int
    timestamp: int
    value: bytes | None
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


@dataclass(slots=True)
class LakeMaker:
    """A worker without Kafka: what is added is folded, scored and committed, one commit a table and call."""

    root: Path
    partitions: int = 2
    folds: dict[int, FoldState] = field(default_factory=dict)
    scores: ScoreState = field(default_factory=ScoreState)
    offsets: dict[int, int] = field(default_factory=dict)
    scores_sent: int = 0
    sent: int = 0
    reader: JsonReader = field(default_factory=JsonReader)
    address: str = ""
    """Of an object store, to write there and not to ``root``."""
    weights: Weights = DEFAULT

    def add(
        self, reports: Iterable[Mapping[str, Any] | bytes], now_s: float, *, with_scores: bool = True
    ) -> list[ScoreRecord]:
        """Take in reports (bytes for what is none) that reach the broker at ``now_s``; the scores that gives."""
        runs: dict[int, list[Message]] = {}
        for report in reports:
            partition = self.sent % self.partitions
            self.sent += 1
            offset = self.offsets.get(partition, -1) + 1
            self.offsets[partition] = offset
            value = report if isinstance(report, bytes) else msgspec.json.encode(report)
            runs.setdefault(partition, []).append(Message(offset, round(now_s * 1_000), value))
        batches = {partition: decode(run, partition, self.reader) for partition, run in runs.items()}
        self._write_reports(batches)
        self._fold(batches, now_s)
        return self.score(now_s) if with_scores else []

    def score(self, as_of_s: float) -> list[ScoreRecord]:
        """Score at ``as_of_s`` and commit what changed."""
        records = score(self.scores, as_of_s, self.weights)
        first = self.scores_sent
        self.scores_sent += len(records)
        values = [msgspec.json.encode(record) for record in records]
        run = [Message(first + at, round(as_of_s * 1_000), value) for at, value in enumerate(values)]
        if run:
            self._sinks().write_scores(score_rows(run, 0), {0: self.scores_sent - 1})
        return records

    def _write_reports(self, batches: Mapping[int, Batch]) -> None:
        if not batches:
            return
        rejects = [reject_table(batch.rejects, "trust.reports", p) for p, batch in batches.items()]
        tables = [batch.table for batch in batches.values()]
        through = {partition: self.offsets[partition] for partition in batches}
        self._sinks().write_reports(pa.concat_tables(tables), pa.concat_tables(rejects), through)

    def _fold(self, batches: Mapping[int, Batch], now_s: float) -> None:
        for partition, batch in batches.items():
            state = self.folds.setdefault(partition, FoldState())
            fold(state, columns_of(batch.table), now_s)
            updates = take_updates(state, partition)
            if updates is not None:
                merge(self.scores, updates)

    def _sinks(self) -> LakeSinks:
        return LakeSinks(self.address or str(self.root), "trust.reports", "trust.scores")


def make_lake(root: Path, reports: Iterable[Mapping[str, Any] | bytes], now_s: float, partitions: int = 2) -> Path:
    """A lake with these reports, which all reached the broker at ``now_s``, and the scores of that moment."""
    LakeMaker(root, partitions).add(reports, now_s)
    return root
