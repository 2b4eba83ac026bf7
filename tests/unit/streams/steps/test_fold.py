from collections.abc import Sequence

import numpy as np
import pytest

from scoring.book import KEEP_S, LAST_SEEN, Book
from scoring.stats import STAT
from streams.steps.facets import facets_of
from streams.steps.fold import FoldState, fold, mark_unsent, take_updates
from streams.steps.updates import PaneUpdates
from tests.support.plain_panes import (
    NOW_S,
    Pane,
    PaneKey,
    Report,
    columns_of_reports,
    newest_of,
    panes_in,
    panes_of,
    some_reports,
)  # fmt: skip

SentPane = tuple[dict[int, int], dict[int, int], int]
"""Sums by column, latency buckets, offset."""
GOOD = {"provider_id": "a", "outcome": "success", "timestamp": NOW_S}


def folded(*runs: Sequence[Report], now_s: float = NOW_S, state: FoldState | None = None) -> FoldState:
    """The runs folded one after the other, at consecutive offsets."""
    state, offset = state or FoldState(), 0
    for run in runs:
        fold(state, columns_of_reports(run, offset), now_s)
        offset += len(run)
    return state


def restored(book: Book, keys: set[tuple[int, int]] | None = None) -> FoldState:
    """The state after a crash that saved the names and the blocks of ``keys`` (all when ``None``)."""
    copy = Book()
    for name in book.names:
        copy.row(name)
    for level_s, start_s in book.blocks:
        if keys is None or (level_s, start_s) in keys:
            copy.restore((level_s, start_s), book.part(level_s, start_s, 0))
    return FoldState(book=copy)


def panes_sent(updates: PaneUpdates | None, source: int = 0) -> dict[PaneKey, SentPane]:
    """Updates by pane."""
    assert updates is not None
    got: dict[PaneKey, SentPane] = {}
    for at in range(len(updates.entity)):
        number, _, name = updates.names[updates.entity[at]].partition("\x00")
        assert number == str(source)
        mine = updates.latency_pane == at
        key = (int(updates.level_s[at]), int(updates.start_s[at]), name)
        assert key not in got
        got[key] = (
            {column: int(values[at]) for column, values in updates.sums.items() if values[at]},
            dict(zip(updates.latency_bucket[mine].tolist(), updates.latency_count[mine].tolist(), strict=True)),
            int(updates.last_offset[at]),
        )
    return got


@pytest.mark.parametrize("seed", range(8))
def test_a_book_equals_counting_one_report_after_the_other(seed: int) -> None:
    reports = some_reports(seed, 300)
    panes, newest = panes_in(folded(reports).book)
    wanted = {
        key: pane for key, pane in panes_of(reports).items() if key[0] > 60 or key[1] + KEEP_S[60] >= NOW_S
    }  # minutes that no window needs any more are not held
    assert panes == wanted
    assert newest == newest_of(reports)


def test_facets_are_of_the_provider_and_only_those_stated() -> None:
    assert facets_of("a", "", "") == ("a", "", "")
    assert facets_of("a", "t", "r") == ("a", "a|task=t", "a|region=r")


def test_nothing_folded_changes_nothing() -> None:
    state = folded([])
    assert (state.book.names, state.book.blocks, take_updates(state, 0)) == ([], {}, None)


@pytest.mark.parametrize("level_s", [60, 3_600, 86_400])
def test_a_pane_that_no_window_needs_is_left_out_at_its_level_only(level_s: int) -> None:
    report = GOOD | {"timestamp": NOW_S - KEEP_S[level_s] - level_s}
    levels = {key[0] for key in folded([report]).book.blocks}
    assert levels == {0, *(other for other in KEEP_S if other > level_s)}


def test_a_late_report_lands_in_its_own_minute() -> None:
    late = GOOD | {"timestamp": NOW_S - 1_800}
    panes, _ = panes_in(folded([GOOD], [late]).book)
    assert {start for level, start, _ in panes if level == 60} == {NOW_S // 60 * 60, (NOW_S - 1_800) // 60 * 60}


def test_a_replayed_run_changes_nothing() -> None:
    reports = some_reports(1, 120)
    state = folded(reports)
    before = panes_in(state.book)
    for first in (0, 1, 60, 119):
        fold(state, columns_of_reports(reports[first:], first), NOW_S)
        assert panes_in(state.book) == before


@pytest.mark.parametrize("seed", range(4))
def test_a_replay_mends_whatever_part_of_the_state_was_lost(seed: int) -> None:
    reports = some_reports(seed, 80)
    whole = folded(reports[:50], reports[50:])
    rng = np.random.default_rng(seed)
    for _ in range(10):
        kept = {key for key in whole.book.blocks if rng.random() < 0.5} | {LAST_SEEN}
        state = restored(whole.book, kept)
        fold(state, columns_of_reports(reports), NOW_S)
        assert panes_in(state.book) == panes_in(whole.book)


# ---------------------------------------------------------------------------------------------------------- updates
def test_updates_hold_the_cumulative_values_of_what_changed() -> None:
    first, second = some_reports(2, 60, span_s=300), some_reports(3, 20, span_s=300)
    state = folded(first)
    take_updates(state, 4)
    fold(state, columns_of_reports(second, 60), NOW_S)
    got = panes_sent(take_updates(state, 4), 4)
    panes, newest = panes_in(state.book)
    touched = set(panes_of(second))
    assert {key for key in got if key[0]} == touched
    for key in touched:
        assert got[key][0] == {column: value for column, value in _columns(panes[key]).items() if value}
        assert got[key][1].items() <= panes[key].buckets.items()
        assert got[key][2] == panes[key].last_offset
    assert {name: (sums[0], offset) for (level, _, name), (sums, _, offset) in got.items() if not level} == {
        name: newest[name] for name in newest_of(second)
    }


def _columns(pane: Pane) -> dict[int, int]:
    return {STAT[name]: value for name, value in pane.stats.items()}


def test_what_was_taken_is_not_taken_again() -> None:
    state = folded(some_reports(2, 60))
    assert take_updates(state, 0) is not None
    assert take_updates(state, 0) is None


def test_only_latency_buckets_that_changed_are_sent() -> None:
    state = folded([GOOD | {"latency_ms": 5}, GOOD | {"latency_ms": 500}])
    take_updates(state, 0)
    fold(state, columns_of_reports([GOOD | {"latency_ms": 5}], 2), NOW_S)
    buckets = [buckets for _, buckets, _ in panes_sent(take_updates(state, 0)).values() if buckets]
    assert [list(counts.values()) for counts in buckets] == [[2], [2], [2]]


def test_after_a_restart_latencies_stay_with_their_provider() -> None:
    state = restored(folded([GOOD | {"latency_ms": 5}, GOOD | {"provider_id": "b", "latency_ms": 70}]).book)
    fold(state, columns_of_reports([GOOD | {"provider_id": "b", "latency_ms": 900}], 2), NOW_S)
    got = panes_sent(take_updates(state, 0))
    assert {name for _, _, name in got} == {"b"}
    assert [sum(buckets.values()) for (level, _, _), (_, buckets, _) in got.items() if level] == [1, 1, 1]


def test_a_replay_sends_the_panes_again_that_a_crash_may_have_kept_back() -> None:
    reports = some_reports(5, 60)
    whole = folded(reports)
    state = restored(whole.book)  # the state was saved, what it meant was not sent
    assert take_updates(state, 0) is None
    fold(state, columns_of_reports(reports[20:], 20), NOW_S)
    got = panes_sent(take_updates(state, 0))
    panes, _ = panes_in(whole.book)
    replayed = set(panes_of(reports[20:])) & set(panes)
    assert {key for key in got if key[0]} == replayed
    for key in replayed:
        assert got[key][1] == panes[key].buckets, "with every latency bucket"


def test_everything_can_be_sent_again() -> None:
    state = folded(some_reports(6, 60))
    sent = panes_sent(take_updates(state, 0))
    mark_unsent(state)
    assert panes_sent(take_updates(state, 0)) == sent


def test_a_block_that_expired_before_it_was_sent_is_not_sent() -> None:
    state = folded([GOOD | {"latency_ms": 5}])
    state.book.expire(NOW_S + KEEP_S[60] + 60)
    levels = {key[0] for key in panes_sent(take_updates(state, 0))}
    assert levels == {0, 3_600, 86_400}
    state = folded([GOOD])
    state.unsent = {(60, 0): [np.array([0])]}
    assert take_updates(state, 0) is None
    assert (60, 0) not in state.book.blocks
