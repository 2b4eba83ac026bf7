"""The fold step: a run of reports into the panes of its partition. Pure: state and columns in, updates out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from compiled.arrays import add_columns, numbered, raise_at
from scoring.arrays import stretches
from scoring.book import LAST_SEEN, Block, BlockKey, Book, distinct, distinct_rows, is_past
from scoring.panes import Columns, Increments, Ints, increments
from scoring.series import Series
from scoring.stats import BUCKETS, LEVELS_S
from scoring.sums import joined
from streams.steps.facets import FACETS, FacetRows
from streams.steps.updates import PaneUpdates, row_name

__all__ = ["FoldState", "fold", "mark_unsent", "take_updates"]


@dataclass(slots=True)
class FoldState:
    """What one partition of the report topic has folded, and which of it has not been sent on yet."""

    book: Book = field(default_factory=Book)
    unsent: dict[BlockKey, list[Ints]] = field(default_factory=dict)
    facets: FacetRows = field(default_factory=FacetRows)
    row_names: list[str] = field(default_factory=list)
    """Of the rows that were ever sent on: by which name the scores know them."""
    told: dict[int, int] = field(default_factory=dict)
    """By place: newest offset that was sent there since this state was loaded or everything was last sent again."""


def fold(state: FoldState, columns: Columns, now_s: float) -> None:
    """Fold a run of reports of one partition into its panes of a minute, an hour and a day.

    A report at or below the offset that a row already holds is not folded into that row again, so a replayed run
    changes nothing, whatever part of the state survived. Panes that no window at ``now_s`` can need are left out.
    """
    if not len(columns.offset):
        return
    rows = state.facets.of(Series.of(columns.names), state.book)
    if int(columns.offset.min()) > state.book.high:
        _apply(state, increments(columns), rows, (0, *LEVELS_S), now_s)
        return
    for facet in range(FACETS):
        only = np.full_like(rows, -1)
        only[:, facet] = rows[:, facet]
        for level_s in (*LEVELS_S, 0):
            fresh = _fresh(state, columns, rows[columns.series, facet], level_s)
            if fresh.any():
                _apply(state, increments(columns.take(fresh)), only, (level_s,), now_s)


def _fresh(state: FoldState, columns: Columns, rows: Ints, level_s: int) -> NDArray[np.bool_]:
    """Which reports the rows of one facet at one level have not folded yet.

    Panes that hold the others already are to be sent again: the crash may have come before they were.
    """
    fresh = np.asarray(rows >= 0)
    start_s = columns.event_us // (level_s * 1_000_000) * level_s if level_s else np.zeros(len(rows), np.int64)
    for start, here in distinct(start_s):
        key = (level_s, start)
        if state.book.holds(key):
            block = state.book.block(key)
            held = fresh & here & (columns.offset <= block.offsets(rows))
            fresh &= ~held
            if held.any():
                state.unsent.setdefault(key, []).append(rows[held])
                block.latency.mark(rows[held])
    return fresh


def _apply(state: FoldState, inc: Increments, facet_rows: Ints, levels_s: Iterable[int], now_s: float) -> None:
    pane, facet = np.nonzero(facet_rows[inc.series] >= 0)
    row = facet_rows[inc.series[pane], facet]
    latency = [_latency(inc, rows) for rows in facet_rows.T]
    for level_s in levels_s:
        for start, panes in _starts(inc.minute_s, level_s):
            if level_s and is_past(level_s, start, now_s):
                continue
            key, here = (level_s, start), _within(pane, panes)
            _add(state, key, inc, pane[here], row[here])
            if level_s:
                added = [part.of(panes) for part in latency]
                keys, counts = (np.concatenate(columns) for columns in zip(*added, strict=True))
                state.book.block(key).latency.add(keys, counts)


def _starts(minute_s: Ints, level_s: int) -> Iterator[tuple[int, range]]:
    """Starts of the panes of a level that ``minute_s`` (ascending) falls in, and which of it does."""
    start_s = minute_s // level_s * level_s if level_s else np.zeros_like(minute_s)
    for begin, end in stretches(start_s):
        yield int(start_s[begin]), range(begin, end)


def _within(ascending: Ints, values: range) -> slice:
    """Where the values of a range stand."""
    return slice(*np.searchsorted(ascending, (values.start, values.stop)))


class _Latency(NamedTuple):
    """Latency counts of one facet: keys of row and bucket, how many, and the pane of each, ascending."""

    keys: Ints
    counts: Ints
    pane: Ints

    def of(self, panes: range) -> tuple[Ints, Ints]:
        """Keys and counts of some panes."""
        here = _within(self.pane, panes)
        return self.keys[here], self.counts[here]


def _latency(inc: Increments, rows: Ints) -> _Latency:
    row = rows[inc.series[inc.sketch_group]]
    keys, stated = row * BUCKETS + inc.sketch_bucket, row >= 0
    if stated.all():
        return _Latency(keys, inc.sketch_count, inc.sketch_group)
    return _Latency(keys[stated], inc.sketch_count[stated], inc.sketch_group[stated])


def _add(state: FoldState, key: BlockKey, inc: Increments, pane: Ints, row: Ints) -> None:
    block = state.book.block(key)
    place = block.places(row)
    if key == LAST_SEEN:
        raise_at(block.column(0), place, inc.last_event_us[pane])
    else:
        add_columns([block.column(column) for column in inc.sums], place, list(inc.sums.values()), pane)
    raise_at(block.offset, place, inc.last_offset[pane])
    state.book.touch(key, row)
    state.unsent.setdefault(key, []).append(row)


def take_updates(state: FoldState, source: int) -> PaneUpdates | None:
    """All panes of partition ``source`` that changed since the last call, cumulative; ``None`` when nothing did."""
    parts = [_changed(state, key) for key in sorted(state.unsent) if state.book.holds(key)]  # else it expired
    state.unsent = {}
    if not parts:
        return None
    state.row_names += [row_name(source, name) for name in state.book.names[len(state.row_names) :]]
    before = np.cumsum([0] + [len(part.rows) for part in parts])
    used, entity = numbered(np.concatenate([part.rows for part in parts]))
    latency_pane = [np.searchsorted(p.rows, p.keys // BUCKETS) + at for p, at in zip(parts, before, strict=False)]
    return PaneUpdates(
        list(map(state.row_names.__getitem__, used.tolist())),
        np.full(len(used), source),
        entity,
        np.concatenate([np.full(len(part.rows), part.key[0]) for part in parts]),
        np.concatenate([np.full(len(part.rows), part.key[1]) for part in parts]),
        np.concatenate([part.block.offsets(part.rows) for part in parts]),
        joined([(part.block.of(part.rows), len(part.rows)) for part in parts]),
        np.concatenate(latency_pane),
        np.concatenate([part.keys % BUCKETS for part in parts]),
        np.concatenate([part.counts for part in parts]),
    )


def mark_unsent(state: FoldState) -> None:
    """Let the next ``take_updates`` give all open panes again: for when what it gave before may not have arrived.

    What was closed had arrived before that.
    """
    for key in list(state.book.blocks):
        block = state.book.block(key)
        state.unsent[key] = [block.rows()]
        block.latency.mark_all()
    state.told.clear()


class _Changed(NamedTuple):
    """Changed rows of a block, and its changed latency keys with their counts, each ascending."""

    key: BlockKey
    block: Block
    rows: Ints
    keys: Ints
    counts: Ints


def _changed(state: FoldState, key: BlockKey) -> _Changed:
    block = state.book.block(key)
    return _Changed(key, block, distinct_rows(np.concatenate(state.unsent[key])), *block.latency.take_changed())
