from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import pytest

from scoring.book import KEEP_S, Book
from scoring.records import ScoreRecord
from scoring.reports import OUTCOMES
from scoring.weights import DEFAULT, Weights
from streams.steps import score as step
from streams.steps.fold import FoldState, fold, mark_unsent, take_updates
from streams.steps.score import ScoreState, merge, restored, score
from streams.steps.updates import PaneUpdates, linked
from tests.support.plain_panes import NOW_S, Report, columns_of_reports, panes_in, panes_of, some_reports

GOOD = {"provider_id": "a", "outcome": "success", "timestamp": NOW_S, "latency_ms": 20}
SOURCES = 3


def updates_of(reports: Sequence[Report], source: int = 0, chunks: int = 1, now_s: float = NOW_S) -> list[PaneUpdates]:
    """What the fold of one source partition sends while it folds the reports in chunks."""
    state, sent = FoldState(), []
    for part in np.array_split(np.arange(len(reports)), chunks):
        fold(state, columns_of_reports([reports[at] for at in part], int(part[0])), now_s)
        updates = take_updates(state, source)
        assert updates is not None
        sent.append(updates)
    return sent


def merged(*messages: PaneUpdates) -> ScoreState:
    state = ScoreState()
    for updates in messages:
        merge(state, updates)
    return state


def name_of(record: ScoreRecord) -> str:
    return f"{record.provider_id}|{record.facet}" if record.facet else record.provider_id


def scored(*reports: Report, as_of_s: float = NOW_S) -> dict[str, ScoreRecord]:
    """Records of one provider's reports by facet."""
    records = score(merged(*updates_of(list(reports))), as_of_s)
    return {record.facet: record for record in records}


def saved(book: Book) -> Book:
    """The book as its changelog gives it back."""
    copy = Book()
    for name in book.names:
        copy.row(name)
    for level_s, start_s in book.blocks:
        copy.restore((level_s, start_s), book.part(level_s, start_s, 0))
    return copy


@pytest.mark.parametrize("seed", range(4))
def test_the_panes_of_all_sources_add_up_in_the_windows(seed: int) -> None:
    by_source = [some_reports(seed * 10 + source, 60, span_s=3_000) for source in range(SOURCES)]
    state = merged(*(u for source in range(SOURCES) for u in updates_of(by_source[source], source, chunks=4)))
    records = score(state, NOW_S)
    plain = panes_of([report for reports in by_source for report in reports])
    today = NOW_S // 86_400 * 86_400
    day = {name: pane for (level, start, name), pane in plain.items() if (level, start) == (86_400, today)}
    assert {name_of(record) for record in records} == set(day)
    for record in records:
        name, window = name_of(record), record.windows["30d"]
        assert [getattr(window, outcome) for outcome in OUTCOMES] == [day[name].stats[o] for o in OUTCOMES]
        histogram = state.windows.sketches.of(np.array([state.entity_of[name]]))[0, 2]
        assert {int(b): int(histogram[b]) for b in np.flatnonzero(histogram)} == day[name].buckets


def test_a_message_that_comes_twice_changes_nothing() -> None:
    messages = updates_of(some_reports(1, 60), chunks=3)
    once, twice = merged(*messages), merged(*messages, *messages, messages[0])
    assert panes_in(once.book) == panes_in(twice.book)
    for state in (once, twice):
        score(state, NOW_S)
    assert np.array_equal(
        once.windows.of(np.arange(len(once.windows))), twice.windows.of(np.arange(len(twice.windows)))
    )
    everyone = np.arange(len(once.entities))
    assert np.array_equal(once.windows.sketches.of(everyone), twice.windows.sketches.of(everyone))


def test_a_stale_message_changes_nothing() -> None:
    old, new = updates_of([GOOD, GOOD], chunks=2)
    assert panes_in(merged(new, old).book)[0] == panes_in(merged(new).book)[0]


def test_latencies_of_a_lost_message_come_with_the_resend() -> None:
    state, sent = FoldState(), []
    for at, latency_ms in enumerate((20, 700)):
        fold(state, columns_of_reports([GOOD | {"latency_ms": latency_ms}], at), NOW_S)
        sent.append(take_updates(state, 0))
    assert sent[1] is not None
    step_state = merged(sent[1])  # the first message was lost
    mark_unsent(state)
    again = take_updates(state, 0)
    assert again is not None
    merge(step_state, again)
    assert panes_in(step_state.book)[0].keys() == {
        (level, start, f"0\x00{name}") for level, start, name in panes_in(state.book)[0]
    }
    assert [sum(pane.buckets.values()) for pane in panes_in(step_state.book)[0].values()] == [2, 2, 2]


def test_merging_tells_which_entities_to_score() -> None:
    state = merged(*updates_of([GOOD, GOOD | {"provider_id": "b", "task_type": "t"}]))
    assert [record.provider_id for record in score(state, NOW_S)] == ["a", "b", "b"]
    assert score(state, NOW_S) == []


def test_only_what_a_reader_sees_differently_is_said() -> None:
    state = merged(*updates_of([GOOD, GOOD | {"provider_id": "b"}]))
    assert len(score(state, NOW_S)) == 2
    state.changed.add(0)
    assert score(state, NOW_S + 1) == []
    merge(state, updates_of([GOOD], source=1)[0])
    assert [record.provider_id for record in score(state, NOW_S + 1)] == ["a"]


def test_a_score_changes_when_time_alone_passes() -> None:
    state = merged(*updates_of([GOOD]))
    first = score(state, NOW_S)[0]
    (later,) = score(state, NOW_S + 600)
    assert (first.windows["5m"].n, later.windows["5m"].n) == (1, 0)
    assert (later.windows["5m"].success_rate, later.windows["1h"].n) == (None, 1)


def test_a_record_names_its_facet_and_how_far_each_partition_was_read() -> None:
    report = GOOD | {"task_type": "t", "region": "r"}
    state = merged(*updates_of([report] * 3, source=2), *updates_of([GOOD], source=0))
    records = {record.facet: record for record in score(state, NOW_S)}
    assert {facet: record.through for facet, record in records.items()} == {
        "": {2: 2, 0: 0}, "task=t": {2: 2}, "region=r": {2: 2},
    }  # fmt: skip
    assert {record.last_report_s for record in records.values()} == {float(NOW_S)}


def test_a_facet_may_hold_the_separators_of_names() -> None:
    assert set(scored(GOOD | {"task_type": "a|region=b", "region": "\x00"})) == {"", "task=a|region=b", "region=\x00"}


def test_the_regions_of_a_provider_give_its_geographic_availability() -> None:
    reports = [GOOD | {"region": region} for region in ("eu", "us")] * 10
    records = scored(*reports, *[GOOD | {"region": "us", "outcome": "error"}] * 10)
    assert records[""].dimensions["geographic_availability"].value is not None
    assert records["region=eu"].dimensions["geographic_availability"].value is None


def test_no_entity_gives_no_record() -> None:
    assert score(ScoreState(), NOW_S) == []


def test_more_entities_than_a_batch_are_all_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    reports = [GOOD | {"provider_id": f"p{at}"} for at in range(10)]
    wanted = score(merged(*updates_of(reports)), NOW_S)
    monkeypatch.setattr(step, "BATCH", 3)
    assert score(merged(*updates_of(reports)), NOW_S) == wanted
    assert len(wanted) == 10


def test_a_provider_that_was_never_seen_in_the_book_has_no_last_report() -> None:
    state = restored(Book())
    state.book.row("0\x00ghost")
    state = restored(state.book)
    (record,) = score(state, NOW_S)
    assert (record.provider_id, record.last_report_s, record.n, record.trust_score) == ("ghost", None, 0, None)
    assert record.through == {}


@pytest.mark.parametrize("seed", range(3))
def test_scores_after_a_restart_equal_those_before(seed: int) -> None:
    messages = [u for source in range(SOURCES) for u in updates_of(some_reports(seed + source, 80), source, chunks=2)]
    before = merged(*messages)
    wanted = score(before, NOW_S)
    after = restored(saved(before.book))
    assert score(after, NOW_S) == wanted
    n = len(before.entities)
    assert np.array_equal(after.windows.of(np.arange(n)), before.windows.of(np.arange(n)))
    assert np.array_equal(after.windows.sketches.of(np.arange(n)), before.windows.sketches.of(np.arange(n)))


def test_a_restarted_state_goes_on_where_the_other_would_have() -> None:
    messages = updates_of(some_reports(9, 80), chunks=4)
    straight = merged(*messages)
    cut = restored(saved(merged(*messages[:2]).book))
    for updates in messages[1:]:
        merge(cut, updates)
    assert {r.provider_id + r.facet: r for r in score(cut, NOW_S)} == {
        r.provider_id + r.facet: r for r in score(straight, NOW_S)
    }


def test_panes_forgotten_as_of_the_last_score_never_leave_a_window_behind() -> None:
    state = merged(*updates_of([GOOD]))
    score(state, NOW_S)
    assert state.as_of_s == NOW_S
    assert state.book.expire(state.as_of_s) == []
    (record,) = score(state, NOW_S + 2 * KEEP_S[60])  # the worker slept for two hours
    assert (record.windows["1h"].n, record.windows["24h"].n) == (0, 1)
    assert state.book.expire(state.as_of_s) == [(60, NOW_S // 60 * 60, 0)]
    assert state.windows.of(np.array([0]))[0, :, 0].tolist() == [0, 0, 1, 1, 1, 1]


def chained(reports: Sequence[Report]) -> list[PaneUpdates]:
    """One message for each report, each naming the one before."""
    told: dict[int, dict[int, int]] = {0: {}}
    return [linked(message, told, 0) for message in updates_of(reports, chunks=len(reports))]


def test_a_message_behind_a_missing_one_waits_for_one_that_tells_all() -> None:
    messages = chained([GOOD, GOOD | {"latency_ms": 300}, GOOD | {"latency_ms": 4_000}])
    state = merged(messages[0], messages[2])
    assert panes_in(state.book) == panes_in(merged(messages[0]).book), "its newer sums must not hide what is missing"
    merge(state, messages[1])
    merge(state, messages[2])
    assert panes_in(state.book) == panes_in(merged(*messages).book)


def test_a_gap_that_nobody_closes_is_taken_as_it_is_in_the_end() -> None:
    first, _, *others = chained([GOOD] * (step.PATIENCE + 4))
    state = merged(first, *others[: step.PATIENCE])
    assert state.heard == {0: 0}
    merge(state, others[step.PATIENCE])
    assert state.heard == {0: step.PATIENCE + 2}
    merge(state, others[step.PATIENCE + 1])
    assert state.heard == {0: step.PATIENCE + 3}


def test_a_state_read_back_knows_what_it_has_heard() -> None:
    messages = chained([GOOD, GOOD | {"latency_ms": 300}, GOOD | {"latency_ms": 4_000}])
    state = restored(saved(merged(*messages[:2]).book))
    assert state.heard == {0: 1}
    merge(state, messages[2])
    assert panes_in(state.book) == panes_in(merged(*messages).book)


def test_adopted_weights_change_a_score_and_stand_in_its_record() -> None:
    reports = [GOOD | {"latency_ms": 3_000.0}] * 40
    (usual,) = score(merged(*updates_of(reports)), NOW_S)
    adopted = Weights(latency=0.55, uptime=0.0, reliability=0.05)
    (record,) = score(merged(*updates_of(reports)), NOW_S, adopted)
    assert (usual.weights, record.weights) == (None, asdict(adopted))
    assert usual.trust_score is not None
    assert record.trust_score is not None
    assert record.trust_score < usual.trust_score - 0.1  # all succeed, all are slow
    assert record.dimensions["latency"].weight > usual.dimensions["latency"].weight
    parts = [dimension.contribution for dimension in record.dimensions.values()]
    assert sum(parts) + record.evidence_adjustment == record.trust_score
    assert score(merged(*updates_of(reports)), NOW_S, Weights(**asdict(DEFAULT))) == [usual]
