"""The score step: pane updates into windows, windows into scores. Pure: state and updates in, records out."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from compiled.arrays import numbered
from scoring import trust
from scoring.arrays import add_rows, grown
from scoring.book import LAST_SEEN, BlockKey, Book
from scoring.evidence import Evidence, together
from scoring.panes import Ints
from scoring.records import ScoreRecord
from scoring.stats import BUCKETS, STATS
from scoring.sums import taken
from scoring.weights import DEFAULT, Weights
from scoring.windows import Windows
from streams.steps.updates import SEPARATOR, PaneUpdates, grouped, newest, source_of, without_sources
from streams.steps.usual import UsualLevels

__all__ = ["ScoreState", "merge", "move", "restored", "score", "score_these"]

BATCH: Final = 1_000
"""Entities scored in one call: bounds the memory of their baselines."""
PATIENCE: Final = 50
"""Messages of a source left out in a row before its gap is taken for final: the topic may have forgotten some."""


@dataclass(slots=True)
class ScoreState:
    """What one partition of the pane topic knows: the panes of each source partition, their windows, what was said."""

    book: Book = field(default_factory=Book)
    windows: Windows = field(default_factory=Windows)
    usual: UsualLevels = field(default_factory=UsualLevels)
    entities: list[str] = field(default_factory=list)
    entity_of: dict[str, int] = field(default_factory=dict)
    entity_of_row: Ints = field(default_factory=lambda: np.zeros(64, np.int64))
    """Entity of each row; longer than there are rows."""
    is_facet: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(64, bool))
    """Whether an entity is a provider at a task or in a region; longer than there are entities."""
    rows_of_entity: list[list[int]] = field(default_factory=list)
    regions_of: dict[str, list[int]] = field(default_factory=dict)
    """Region facets of a provider."""
    changed: set[int] = field(default_factory=set)
    """Entities that panes came for since the set was last emptied."""
    said: dict[int, int] = field(default_factory=dict)
    """Hash of what a reader last saw of an entity, of 64 bits: packed it would be 100 bytes."""
    heard: dict[int, int] = field(default_factory=dict)
    """Newest offset taken in of each source partition; all before it was taken in, too."""
    left_out: dict[int, int] = field(default_factory=dict)
    """Messages left out in a row of a source partition, since one before them is missing."""
    as_of_s: float = 0.0
    """Moment the windows end: panes may be forgotten as of then, not as of a later clock, because the
    windows still hold them."""


def merge(state: ScoreState, updates: PaneUpdates) -> None:
    """Take in pane updates; a pane at an older source offset than the state holds is left out.

    One at the same offset is taken in again, which changes nothing.

    An update names only the latency buckets that changed since the message before it. Where that is missing, the source
    is left out: what an owner had sent and lost when its partition left is told by the next one, who begins where the
    state was durable; and an owner that stays sends all panes again.
    """
    updates = _without_gaps(state, updates)
    if not len(updates.entity):
        return
    rows = _rows(state, updates.names)[updates.entity]
    _grow(state)
    codes, group = numbered(updates.level_s << 40 | updates.start_s)
    panes, entries = grouped(group, len(codes)), grouped(group[updates.latency_pane], len(codes))
    for code, pane, entry in zip(codes.tolist(), panes, entries, strict=True):
        key = (code >> 40, code & ((1 << 40) - 1))
        block = state.book.block(key)
        newer = updates.last_offset[pane] >= block.offsets(rows[pane])
        if not newer.all():
            old = np.zeros(len(rows), bool)
            old[pane[~newer]] = True
            pane, entry = pane[newer], entry[~old[updates.latency_pane[entry]]]
        if len(pane):
            _take_in(state, key, updates, rows, pane, entry)


def _without_gaps(state: ScoreState, updates: PaneUpdates) -> PaneUpdates:
    """The updates of the sources of which no message is missing."""
    missing = set[int]()
    for source, since in updates.since.items():
        left_out = state.left_out.pop(source, 0)
        if state.heard.get(source, -1) < since and left_out < PATIENCE:
            state.left_out[source] = left_out + 1
            missing.add(source)
    if missing:
        updates = without_sources(updates, missing)
    for source, offset in newest(updates).items():
        state.heard[source] = max(offset, state.heard.get(source, -1))
    return updates


def _take_in(state: ScoreState, key: BlockKey, updates: PaneUpdates, rows: Ints, pane: Ints, entry: Ints) -> None:
    """Set panes of one block, and add to the windows what that changes."""
    block, row = state.book.block(key), rows[pane]
    change = block.put(row, taken(updates.sums, pane), updates.last_offset[pane])
    if key != LAST_SEEN:
        state.windows.add(key, state.entity_of_row[row], change)
        line, bucket = rows[updates.latency_pane[entry]], updates.latency_bucket[entry]
        count = updates.latency_count[entry]
        added = count - block.latency.put(line * BUCKETS + bucket, count)
        state.windows.add_latency(key, state.entity_of_row[line], bucket, added)
        state.usual.changed(key, state.entity_of_row[row])
    state.book.touch(key, row)
    state.changed.update(state.entity_of_row[row].tolist())


def _rows(state: ScoreState, names: list[str]) -> Ints:
    """Rows of some names, which are made where there are none."""
    known = state.book.rows
    rows = list(map(known.get, names))
    if None in rows:
        for name in names:
            if name not in known:
                _enter(state, state.book.row(name), name)
        rows = list(map(known.get, names))
    return np.array(rows, np.int64)


def _enter(state: ScoreState, row: int, name: str) -> None:
    entity_name = name.partition(SEPARATOR)[2]
    entity = state.entity_of.get(entity_name)
    if entity is None:
        entity = state.entity_of[entity_name] = len(state.entities)
        state.entities.append(entity_name)
        state.rows_of_entity.append([])
        provider, _, facet = entity_name.partition("|")
        if entity >= len(state.is_facet):
            state.is_facet = grown(state.is_facet, 2 * entity)
        state.is_facet[entity] = bool(facet)
        if facet.startswith("region="):
            state.regions_of.setdefault(provider, []).append(entity)
    if row >= len(state.entity_of_row):
        state.entity_of_row = np.append(state.entity_of_row, np.zeros(max(64, row), np.int64))
    state.entity_of_row[row] = entity
    state.rows_of_entity[entity].append(row)


def restored(book: Book) -> ScoreState:
    """The state that a book read back from its changelog stands for; every entity is to be scored anew."""
    state = ScoreState(book=book)
    heard = book.block(LAST_SEEN).offsets(np.arange(len(book.names))).tolist()
    for row, (name, offset) in enumerate(zip(book.names, heard, strict=True)):
        _enter(state, row, name)
        source = source_of(name)
        state.heard[source] = max(offset, state.heard.get(source, -1))
    _grow(state)
    state.changed.update(range(len(state.entities)))
    return state


def _grow(state: ScoreState) -> None:
    state.windows.grow(len(state.entities))
    state.usual.grow(len(state.entities))


def move(state: ScoreState, as_of_s: float) -> Ints:
    """Let the windows end at ``as_of_s``; the entities that this changed, ascending."""
    state.as_of_s = as_of_s
    return state.windows.advance(state.book, state.entity_of_row[: len(state.book.names)], as_of_s)


def score(state: ScoreState, as_of_s: float, weights: Weights = DEFAULT) -> list[ScoreRecord]:
    """Records of the entities that a reader would see differently than before.

    Looks at those whose panes changed since the last call, and at all whose windows moved with the time.
    """
    todo = np.union1d(move(state, as_of_s), np.array(sorted(state.changed), np.int64)).astype(np.int64)
    state.changed.clear()
    records: list[ScoreRecord] = []
    for first in range(0, len(todo), BATCH):
        records += score_these([(state, todo[first : first + BATCH])], weights)
    return records


def score_these(chosen: Sequence[tuple[ScoreState, Ints]], weights: Weights = DEFAULT) -> list[ScoreRecord]:
    """Records of these entities, of one or more partitions, that a reader would see differently than before.

    The windows of all partitions must end at the same moment (``move``). One call costs 3 ms and 0.1 ms an entity: the
    entities of all partitions together cost less than each partition's alone.
    """
    records: list[ScoreRecord] = []
    owners = [(state, entity) for state, entities in chosen for entity in entities.tolist()]
    if owners:
        for (state, entity), record in zip(owners, _records(chosen, owners, weights), strict=True):
            shown = _shown(record)
            if state.said.get(entity) != shown:
                state.said[entity] = shown
                records.append(record)
    return records


def _records(
    chosen: Sequence[tuple[ScoreState, Ints]], owners: Sequence[tuple[ScoreState, int]], weights: Weights
) -> list[ScoreRecord]:
    names = [state.entities[entity].partition("|") for state, entity in owners]
    scores = trust.score(together([_evidence(*part) for part in chosen]), chosen[0][0].as_of_s, weights)
    return trust.records(
        scores,
        [provider for provider, _, _ in names],
        [facet for _, _, facet in names],
        [_through(state, entity) for state, entity in owners],
    )


def _evidence(state: ScoreState, entities: Ints) -> Evidence:
    names = [state.entities[entity].partition("|") for entity in entities.tolist()]
    regions = [state.regions_of.get(provider, []) if not facet else [] for provider, _, facet in names]
    return Evidence(
        windows=state.windows.of(entities),
        sketches=state.windows.sketches.of(entities),
        baseline=state.usual.of(entities, state.as_of_s, partial(_gathered, state)),
        last_report_s=np.array([_last_seen_s(state, entity) for entity in entities.tolist()], float),
        region_windows=state.windows.of(np.array([r for rs in regions for r in rs], np.int64)),
        region_of=np.repeat(np.arange(len(entities)), [len(rs) for rs in regions]),
    )


def _gathered(state: ScoreState, level_s: int, starts: Sequence[int], entities: Ints) -> Ints:
    """Sums of panes of all source partitions, [E, P, S]."""
    rows = [(row, at) for at, entity in enumerate(entities.tolist()) for row in state.rows_of_entity[entity]]
    row, at = np.array(rows, np.int64).reshape(-1, 2).T
    panes = np.zeros((len(entities), len(starts), len(STATS)), np.int64)
    for number, start in enumerate(starts):
        stats = state.book.stats_of((level_s, start), row)
        if stats is not None:
            add_rows(panes[:, number], at, stats)
    return panes


def _last_seen_s(state: ScoreState, entity: int) -> float:
    block = state.book.block(LAST_SEEN)
    newest = int(block.column(0)[block.place[state.rows_of_entity[entity]]].max(initial=0))
    return newest / 1e6 if newest else np.nan


def _through(state: ScoreState, entity: int) -> dict[int, int]:
    rows = state.rows_of_entity[entity]
    offsets = state.book.block(LAST_SEEN).offsets(np.array(rows, np.int64)).tolist()
    return {source_of(state.book.names[row]): at for row, at in zip(rows, offsets, strict=True) if at >= 0}


def _shown(record: ScoreRecord) -> int:
    """Hash of what of a record a reader sees: any new report, and any move of the score by a thousandth."""
    values = (record.trust_score, record.lower, record.upper)
    rounded = tuple(None if value is None else round(value, 3) for value in values)
    windows = tuple((window.n, window.success) for window in record.windows.values())
    return hash(msgspec.msgpack.encode((rounded, record.flags, windows, tuple(record.through.items()))))
