"""What the topics and the lake must hold, recomputed in one go from ``trust.reports``, and where they differ from it.

The panes are folded from the whole log at once, without ticks, flushes, restarts or replays; the figures that a reader
meets are counted one report at a time; ``trustscore verify`` counts the lake's panes and scores anew in SQL.
"""

import asyncio
import math
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from analytics.lake import Lake
from analytics.verify import verify
from scoring.book import Book
from scoring.records import ScoreRecord
from scoring.reports import OUTCOMES
from streams.books import load_book
from streams.changelog import Ledger, term_of
from streams.columns import columns_of
from streams.json_wire import JsonReader
from streams.settings import WorkerSettings
from streams.steps.facets import facets_of
from streams.steps.fold import FoldState, fold
from streams.steps.updates import provider_of, row_name
from streams.wire import decode
from tests.support.id_logs import first_of_each
from tests.support.memory_worker import MemoryTable
from tests.support.plain_panes import Pane, panes_in
from tests.support.worker import lake_rows

__all__ = [
    "Truth",
    "differences_in_books",
    "differences_in_lake",
    "differences_in_scores",
    "missing_in_lake",
    "read_whole",
    "truth_of",
]

WINDOW_S: Final[float] = WorkerSettings.model_fields["dedup_window_s"].default
"""Within which a report id counts once."""
DAY_S: Final = 86_400.0
_SHOWN: Final = 5
_IDLE_S: Final = 20.0
_FOLD_LOG: Final = "trustscore-fold_panes_v1-changelog"
_SCORE_LOG: Final = "trustscore-score_panes_v1-changelog"
Place = tuple[int, int, int]
"""Partition, offset, row."""
Held = tuple[dict[tuple[int, int, str], Pane], dict[str, tuple[int, int]]]


def read_whole(broker: str, *topics: str, partitions: int = 4) -> dict[str, list[ConsumerRecord]]:
    """Committed records of topics from their beginning to their present end, each partition in order."""

    async def read() -> dict[str, list[ConsumerRecord]]:
        client = AIOKafkaConsumer(
            bootstrap_servers=broker,
            enable_auto_commit=False,
            isolation_level="read_committed",
            max_partition_fetch_bytes=16 << 20,
        )
        await client.start()
        try:
            places = [TopicPartition(topic, number) for topic in topics for number in range(partitions)]
            client.assign(places)
            await client.seek_to_beginning()
            ends, found = await client.end_offsets(places), {topic: list[ConsumerRecord]() for topic in topics}
            moved_s = time.monotonic()
            while [place for place in places if await client.position(place) < ends[place]]:
                for place, run in (await client.getmany(timeout_ms=100)).items():
                    found[place.topic] += run
                    moved_s = time.monotonic()
                assert time.monotonic() < moved_s + _IDLE_S, f"{topics}: nothing more came before the end {ends}"
            return found
        finally:
            await client.stop()

    return asyncio.run(read())


@dataclass
class Truth:
    """What follows from the log of ``trust.reports`` alone."""

    tables: dict[int, pa.Table]
    """Usable reports by partition, with the lake's columns."""
    bad: set[Place]
    """Rejected messages (row -1) and rows."""
    now_s: float = field(default_factory=time.time)

    @cached_property
    def places(self) -> dict[Place, str | None]:
        """Report id by place."""
        columns = ("partition", "offset", "row", "report_id")
        found: dict[Place, str | None] = {}
        for table in self.tables.values():
            lines = zip(*(table[name].to_pylist() for name in columns), strict=True)
            found |= {(partition, offset, row): id_ for partition, offset, row, id_ in lines}
        return found

    @cached_property
    def books(self) -> dict[int, Book]:
        """Panes by source partition."""
        made = {}
        for partition, table in self.tables.items():
            state = FoldState()
            fold(state, columns_of(table.combine_chunks()), self.now_s)
            made[partition] = state.book
        return made

    def counts(self, before_s: float) -> dict[str, Counter[str]]:
        """Reports of each provider and facet by outcome, counted one by one: those of calls before ``before_s``."""
        found: dict[str, Counter[str]] = defaultdict(Counter)
        for (*series, outcome), n in self._series(before_s).items():
            for entity in filter(None, facets_of(*series)):
                found[entity][outcome] += n
        return dict(found)

    @cached_property
    def series(self) -> Counter[tuple[str, str, str, str]]:
        """Reports by provider, task type, region and outcome."""
        return self._series(math.inf)

    def _series(self, before_s: float) -> Counter[tuple[str, str, str, str]]:
        columns = ("provider_id", "task_type", "region", "outcome", "timestamp")
        found: Counter[tuple[str, str, str, str]] = Counter()
        for table in self.tables.values():
            for provider, task, region, outcome, at in zip(*(table[name].to_pylist() for name in columns), strict=True):
                if at.timestamp() < before_s:
                    found[provider, task or "", region or "", outcome] += 1
        return found

    @cached_property
    def through(self) -> dict[str, dict[int, int]]:
        """Last offset of each provider and facet, by partition."""
        found: dict[str, dict[int, int]] = defaultdict(dict)
        for partition, book in self.books.items():
            for entity, (_, offset) in panes_in(book)[1].items():
                found[entity][partition] = offset
        return dict(found)


def truth_of(records: Iterable[ConsumerRecord], partitions: int = 4) -> Truth:
    """The truth from the log of ``trust.reports``."""
    runs: dict[int, list[ConsumerRecord]] = {number: [] for number in range(partitions)}
    for record in records:
        runs[record.partition].append(record)
    tables, bad = {}, set[Place]()
    for partition, run in runs.items():
        batch = decode(run, partition, JsonReader())
        tables[partition] = first_of_each(batch.table, WINDOW_S)
        bad |= {(partition, reject.record.offset, reject.row) for reject in batch.rejects}
    return Truth(tables, bad)


def differences_in_books(truth: Truth, broker: str, partitions: int = 4, ahead_s: float = 0.0) -> list[str]:
    """Where the state in the two changelogs is not what the log says; workers' clocks were ``ahead_s`` ahead."""
    logs = read_whole(broker, _FOLD_LOG, _SCORE_LOG, partitions=partitions)
    now_s, found = time.time() + ahead_s, []
    wanted = {partition: _held(book, now_s) for partition, book in truth.books.items()}
    for partition in range(partitions):
        found += _unequal(f"fold state of {partition}", _saved(logs[_FOLD_LOG], partition, now_s), wanted[partition])
        score = _scored_at(wanted, partition, partitions)
        found += _unequal(f"score state of {partition}", _saved(logs[_SCORE_LOG], partition, now_s), score)
    return found


def _held(book: Book, now_s: float) -> Held:
    book.expire(now_s)
    return panes_in(book)


def _saved(records: Sequence[ConsumerRecord], partition: int, now_s: float) -> Held:
    ledger, own = Ledger(partition), [record for record in records if record.partition == partition]
    counting = [record for record in own if ledger.counts(record.offset, term_of(record.headers))]
    table = MemoryTable([(record.key, record.value) for record in counting])
    return _held(load_book(table.as_table, partition), now_s)


def _scored_at(sources: Mapping[int, Held], place: int, places: int) -> Held:
    """What the score stage holds of all source partitions at one of its own."""
    panes: dict[tuple[int, int, str], Pane] = {}
    newest: dict[str, tuple[int, int]] = {}
    for source, (all_panes, all_newest) in sources.items():
        rows = {entity: row_name(source, entity) for entity in all_newest}
        here = {entity: row for entity, row in rows.items() if zlib.crc32(provider_of(row).encode()) % places == place}
        newest |= {here[entity]: value for entity, value in all_newest.items() if entity in here}
        panes |= {(*key, here[entity]): pane for (*key, entity), pane in all_panes.items() if entity in here}  # type: ignore[misc]
    return panes, newest


def _unequal(what: str, got: Held, wanted: Held) -> list[str]:
    return [*_differing(f"{what}, panes", got[0], wanted[0]), *_differing(f"{what}, newest", got[1], wanted[1])]


def _differing(what: str, got: Mapping[Any, Any], wanted: Mapping[Any, Any]) -> list[str]:
    keys = [key for key in {**got, **wanted} if got.get(key) != wanted.get(key)]
    shown = [f"{key}: {got.get(key)}, wanted {wanted.get(key)}" for key in keys[:_SHOWN]]
    return [f"{what}: {len(keys)} of {len(wanted)} differ: {'; '.join(shown)}"] if keys else []


def differences_in_scores(truth: Truth, broker: str, partitions: int = 4, ahead_s: float = 0.0) -> list[str]:
    """Where the last word of ``trust.scores`` on a provider or facet does not count what the log holds.

    A worker whose clock is behind, ``ahead_s`` below 0, counts a call in its windows once that day has begun there.
    """
    before_s = math.inf if ahead_s >= 0 else ((time.time() + ahead_s) // DAY_S + 1) * DAY_S
    wanted, all_known = truth.counts(before_s), truth.counts(math.inf).keys()
    last: dict[str, ScoreRecord] = {}
    for record in read_whole(broker, "trust.scores", partitions=partitions)["trust.scores"]:
        last[record.key.decode()] = msgspec.json.decode(record.value, type=ScoreRecord)
    found = [f"scores: {key} is missing" for key in all_known - last.keys()]
    found += [f"scores: {key} was never reported on" for key in last.keys() - all_known]
    for key in all_known & last.keys():
        window = last[key].windows["90d"]
        counts = {name: getattr(window, name) for name in OUTCOMES}
        if Counter(counts) != wanted.get(key, Counter()):
            found.append(f"scores: {key} counts {counts}, wanted {dict(wanted.get(key, {}))}")
        if last[key].through != truth.through[key]:
            found.append(f"scores: {key} is through {last[key].through}, wanted {truth.through[key]}")
    return found


def missing_in_lake(truth: Truth, lake: Path) -> list[str]:
    """What a worker has still to write: reports, rejects, scores that have seen everything."""
    found = []
    for table, wanted in (("reports", len(truth.places)), ("rejects", len(truth.bad))):
        counted = lake_rows(lake, table, "select count(*) from {rows}")
        got = counted[0][0] if counted else 0
        if got < wanted:
            found.append(f"{table} in the lake: {got} of {wanted}")
    query = 'select provider_id, facet, arg_max(record, "offset") from {rows} group by all'
    newest = {
        f"{provider}|{facet}" if facet else provider: msgspec.json.decode(record, type=ScoreRecord).through
        for provider, facet, record in lake_rows(lake, "scores", query)
    }
    late = {entity: newest.get(entity) for entity, last in truth.through.items() if newest.get(entity) != last}
    found += [f"score of {entity}: through {late[entity]} of {truth.through[entity]}" for entity in [*late][:_SHOWN]]
    return found


def differences_in_lake(truth: Truth, lake: Path, broker: str, partitions: int = 4) -> list[str]:
    """Where the lake's reports, panes, rejects and scores are not what the log says."""
    places = '"partition", "offset", "row"'
    reports = lake_rows(lake, "reports", f"select {places}, report_id from {{rows}}")
    wanted = [(*place, id_) for place, id_ in truth.places.items()]
    found = _not_the_same("reports in the lake", reports, wanted)
    found += _not_the_same(
        "rejects in the lake", lake_rows(lake, "rejects", f"select {places} from {{rows}}"), truth.bad
    )
    found += _not_the_same("panes in the lake", _series_in(lake), [(*key, n) for key, n in truth.series.items()])
    topics = read_whole(broker, "trust.scores", "trust.rejects", partitions=partitions)
    sent = [
        tuple(int(dict(r.headers)[name]) for name in ("partition", "offset", "row")) for r in topics["trust.rejects"]
    ]
    found += _not_the_same("messages of trust.rejects", set(sent), truth.bad)
    said = {(record.partition, record.offset): record.value.decode() for record in topics["trust.scores"]}
    rows = lake_rows(lake, "scores", 'select "partition", "offset", record from {rows}')
    if len({row[:2] for row in rows}) < len(rows):
        found.append("scores in the lake: some are there twice")
    found += [f"scores in the lake: {row[:2]} is not what was sent" for row in rows if said.get(row[:2]) != row[2]]
    return found + _verified(lake)


def _series_in(lake: Path) -> list[tuple[Any, ...]]:
    sums = ", ".join(f"sum({outcome})" for outcome in OUTCOMES)
    rows = lake_rows(lake, "panes", f"select provider_id, task_type, region, {sums} from {{rows}} group by all")
    return [
        (*series, outcome, int(n))
        for *series, success, failure, timeout, error in rows
        for outcome, n in zip(OUTCOMES, (success, failure, timeout, error), strict=True)
        if n
    ]


def _not_the_same(what: str, got: Iterable[Any], wanted: Iterable[Any]) -> list[str]:
    ours, theirs = Counter(got), Counter(wanted)
    found = []
    if missing := theirs - ours:
        found.append(f"{what}: {missing.total()} of {theirs.total()} missing, such as {_some(missing)}")
    if more := ours - theirs:
        found.append(f"{what}: {more.total()} too many, such as {_some(more)}")
    return found


def _some(of: Counter[Any]) -> str:
    return ", ".join(map(repr, list(of)[:_SHOWN]))


def _verified(path: Path) -> list[str]:
    """What ``trustscore verify`` would say against the lake."""
    with Lake(path) as lake:
        said = verify(lake)
    found = [f"verify: {duplicate}" for duplicate in said.duplicates]
    found += [f"verify: {gap}" for gap in (*said.panes.first, *said.scores.first)]
    if said.waiting_reports:
        found.append(f"verify: reports without panes: {said.waiting_reports}")
    if not said.panes.compared or not said.scores.compared:
        found.append(f"verify: nothing compared: {said.panes} {said.scores}")
    return found
