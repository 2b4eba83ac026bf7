"""What holds for every run of reports and every way of cutting, replaying and merging it."""

import asyncio
import dataclasses
from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.book import Book
from scoring.sums import dense
from streams.books import flush_book, load_book
from streams.codec import decode_part, decode_updates, encode_part, encode_updates
from streams.steps.fold import FoldState, fold, take_updates
from streams.steps.score import ScoreState, merge, restored, score
from streams.steps.updates import PaneUpdates, concatenated
from tests.support.memory_worker import MemoryTable
from tests.support.plain_panes import NOW_S, Report, columns_of_reports, newest_of, panes_in, panes_of
from tests.support.stream_runs import PARTITION, cut, folded, report, small_parts


# ------------------------------------------------------------------------------------------------------------- fold
@given(cut())
def test_any_cut_of_a_run_into_chunks_gives_the_same_book(chunks: list[list[Report]]) -> None:
    whole = [report for chunk in chunks for report in chunk]
    book = folded(chunks).book
    assert panes_in(book) == panes_in(folded([whole]).book)
    panes, newest = panes_in(book)
    assert newest == newest_of(whole)
    wanted = panes_of(whole)
    assert all(wanted[key] == pane for key, pane in panes.items())


@given(cut(), st.data())
def test_replaying_any_suffix_changes_nothing(chunks: list[list[Report]], data: st.DataObject) -> None:
    whole = [report for chunk in chunks for report in chunk]
    state = folded(chunks)
    before = panes_in(state.book)
    for _ in range(3):
        first = data.draw(st.integers(0, len(whole) - 1))
        last = data.draw(st.integers(first + 1, len(whole)))
        fold(state, columns_of_reports(whole[first:last], first), NOW_S)
        assert panes_in(state.book) == before


@given(cut())
def test_parts_restored_in_any_order_give_the_same_book(chunks: list[list[Report]]) -> None:
    book = folded(chunks).book
    with small_parts(2):
        parts = [(key, part) for key in book.block_keys() for part in range((len(book.names) + 1) // 2)]
        copy = Book()
        for name in book.names:
            copy.row(name)
        for key, part in reversed(parts):
            copy.restore(key, decode_part(encode_part(book.part(*key, part))))
    assert panes_in(copy) == panes_in(book)


# ------------------------------------------------------------------------------------------------------------ merge
@st.composite
def sources(draw: st.DrawFn) -> list[list[PaneUpdates]]:
    """What the folds of two or three source partitions send, in their order."""
    sent: list[list[PaneUpdates]] = []
    for source in range(draw(st.integers(2, 3))):
        state, offset = FoldState(), 0
        sent.append([])
        for chunk in draw(cut(st.lists(report, min_size=1, max_size=12))):
            fold(state, columns_of_reports(chunk, offset), NOW_S)
            offset += len(chunk)
            updates = take_updates(state, source)
            assert updates is not None
            sent[-1].append(updates)
    return sent


def interleaved(data: st.DataObject, sent: list[list[PaneUpdates]]) -> list[PaneUpdates]:
    """All messages, those of one source in their order, now and then some of one source's again."""
    order = data.draw(st.permutations([source for source, messages in enumerate(sent) for _ in messages]))
    place, run = [0] * len(sent), []
    for source in order:
        again = data.draw(st.integers(0, place[source]))
        run += sent[source][place[source] - again : place[source] + 1]
        place[source] += 1
    return run


def state_of(messages: Sequence[PaneUpdates]) -> ScoreState:
    state = ScoreState()
    for updates in messages:
        merge(state, updates)
    return state


def windows_of(state: ScoreState, as_of_s: float) -> dict[str, tuple[bytes, bytes]]:
    """Windows by entity, brought to a moment."""
    state.windows.advance(state.book, state.entity_of_row[: len(state.book.names)], as_of_s)
    return {
        name: (state.windows.of(np.array([at])).tobytes(), state.windows.sketches.of(np.array([at])).tobytes())
        for at, name in enumerate(state.entities)
    }


@given(sources(), st.data())
def test_merging_does_not_depend_on_how_sources_interleave_or_repeat(
    sent: list[list[PaneUpdates]], data: st.DataObject
) -> None:
    plain = state_of([updates for messages in sent for updates in messages])
    mixed = state_of(interleaved(data, sent))
    assert panes_in(mixed.book) == panes_in(plain.book)
    assert windows_of(mixed, NOW_S) == windows_of(plain, NOW_S)


@given(sources())
def test_one_message_of_all_sources_is_as_good_as_one_of_each(sent: list[list[PaneUpdates]]) -> None:
    last = [messages[0] for messages in sent]
    assert panes_in(state_of([concatenated(last)]).book) == panes_in(state_of(last).book)


@given(sources(), st.lists(st.sampled_from([0, 1, 60, 3_600, 90_000, 31 * 86_400]), min_size=1), st.data())
def test_windows_moved_on_the_way_equal_windows_made_at_the_end(
    sent: list[list[PaneUpdates]], pauses_s: list[int], data: st.DataObject
) -> None:
    run = interleaved(data, sent)
    moving, as_of_s = ScoreState(), float(NOW_S)
    for at, updates in enumerate(run):
        merge(moving, updates)
        as_of_s += pauses_s[at % len(pauses_s)]
        windows_of(moving, as_of_s)
    still = restored(state_of(run).book)
    assert windows_of(moving, as_of_s) == windows_of(still, as_of_s)


@settings(max_examples=25)
@given(sources(), st.data())
def test_a_restart_anywhere_leaves_the_last_word_of_every_score_the_same(
    sent: list[list[PaneUpdates]], data: st.DataObject
) -> None:
    run = interleaved(data, sent)
    at = data.draw(st.integers(0, len(run)))
    saved = MemoryTable()
    cut_off = state_of(run[:at])
    asyncio.run(flush_book(saved.as_table, PARTITION, cut_off.book, NOW_S))
    again = restored(load_book(MemoryTable(saved.log).as_table, PARTITION))
    for updates in run[data.draw(st.integers(0, at)) :]:
        merge(again, updates)
    straight = state_of(run)
    key = lambda record: (record.provider_id, record.facet)  # noqa: E731
    assert sorted(score(again, NOW_S), key=key) == sorted(score(straight, NOW_S), key=key)


# ------------------------------------------------------------------------------------------------------------ codec
@given(cut())
def test_updates_survive_their_bytes(chunks: list[list[Report]]) -> None:
    updates = take_updates(folded(chunks), PARTITION)
    assert updates is not None
    again = decode_updates(encode_updates(updates))
    assert again.names == updates.names
    assert np.array_equal(dense(again.sums, len(again.entity)), dense(updates.sums, len(updates.entity)))
    arrays = [name.name for name in dataclasses.fields(updates) if name.name not in {"names", "sums"}]
    assert all(np.array_equal(getattr(again, name), getattr(updates, name)) for name in arrays)
