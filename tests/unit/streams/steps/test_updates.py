import numpy as np
import pytest

from scoring.sums import dense
from streams.steps.fold import FoldState, fold, take_updates
from streams.steps.updates import (
    PaneUpdates,
    concatenated,
    linked,
    newest,
    provider_of,
    row_name,
    split,
    without_sources,
)
from tests.support.plain_panes import NOW_S, columns_of_reports, some_reports

Row = tuple[object, ...]


def updates(seed: int, source: int = 0) -> PaneUpdates:
    state = FoldState()
    fold(state, columns_of_reports(some_reports(seed, 100)), NOW_S)
    taken = take_updates(state, source)
    assert taken is not None
    return taken


def rows(of: PaneUpdates) -> list[Row]:
    """Each pane with its latency buckets, in order."""
    buckets: list[list[tuple[int, int]]] = [[] for _ in of.entity]
    for pane, bucket, count in zip(of.latency_pane, of.latency_bucket, of.latency_count, strict=True):
        buckets[pane].append((int(bucket), int(count)))
    stats = dense(of.sums, len(of.entity))
    places = zip(of.entity, of.level_s, of.start_s, of.last_offset, strict=True)
    return [
        (of.names[entity], int(level), int(start), int(offset), stats[at].tobytes(), *buckets[at])
        for at, (entity, level, start, offset) in enumerate(places)
    ]


def test_concatenated_updates_hold_the_panes_of_all_in_order() -> None:
    parts = [updates(seed, source=seed) for seed in range(3)]
    assert rows(concatenated(parts)) == [row for part in parts for row in rows(part)]


def test_one_part_is_itself() -> None:
    part = updates(1)
    assert concatenated([part]) is part


@pytest.mark.parametrize("most", [1, 7, 8_192])
@pytest.mark.parametrize("places", [1, 4])
def test_splitting_loses_nothing_and_sends_each_entity_to_its_place(places: int, most: int) -> None:
    whole = concatenated([updates(1, 0), updates(2, 1)])
    target = np.array([len(name) % places for name in whole.names])
    parts = list(split(whole, target, most))
    for place, part in parts:
        assert {len(name) % places for name in part.names} == {place}
        assert len(part.entity) <= most
        assert set(part.entity.tolist()) == set(range(len(part.names))), "no name without a pane"
    assert sorted(row for _, part in parts for row in rows(part)) == sorted(rows(whole))


def test_splitting_puts_newer_panes_in_later_parts() -> None:
    whole = updates(3)
    parts = [part for _, part in split(whole, np.zeros(len(whole.names), int), 10)]
    offsets = np.concatenate([np.sort(part.last_offset) for part in parts])
    assert offsets.tolist() == sorted(whole.last_offset.tolist())


def test_a_linked_part_names_the_newest_offset_of_the_one_before_to_its_place() -> None:
    first, second = updates(1, 4), updates(2, 4)
    told: dict[int, dict[int, int]] = {4: {}}
    assert linked(first, told, 0).since == {}
    assert linked(first, told, 1).since == {}, "another place"
    assert linked(second, told, 0).since == newest(first)
    assert told == {4: {0: max(newest(first)[4], newest(second)[4]), 1: newest(first)[4]}}


def test_without_a_source_all_others_stay() -> None:
    whole = concatenated([updates(1, 0), updates(2, 1)])
    assert sorted(rows(without_sources(whole, {0}))) == sorted(rows(updates(2, 1)))
    assert rows(without_sources(whole, {0, 1})) == []


def test_a_row_name_tells_its_provider() -> None:
    for entity in ("github", "github|task=a|b", "github|region=\x00"):
        assert provider_of(row_name(12, entity)) == "github"
