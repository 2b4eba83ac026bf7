from collections import Counter
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

from scoring.book import Book
from scoring.stats import BUCKETS, LEVELS_S, QUANTILE_WINDOWS, STATS, WINDOWS, covers
from scoring.windows import BASELINE_HOURS, BASELINE_MINUTES, Windows, baseline_starts
from tests.support.plain_panes import NOW_S, panes_in

Key = tuple[int, int]


class Both:
    """A book with its windows, and nothing else: panes go into both as the score step lets them in."""

    def __init__(self, rows: int, entities: int) -> None:
        self.book, self.windows = Book(), Windows()
        self.entity_of_row = np.arange(rows) % entities
        for row in range(rows):
            self.book.row(f"row-{row}")
        self.windows.grow(entities)

    def add(self, event_s: float, row: int, column: int, amount: int, bucket: int) -> None:
        """A report's increment in the panes of a minute, an hour and a day."""
        entity = self.entity_of_row[[row]]
        for level_s in LEVELS_S:
            key = (level_s, int(event_s // level_s) * level_s)
            block = self.book.block(key)
            place = block.places(np.array([row]))
            block.column(column)[place] += amount
            block.offset[place] += 1
            block.latency.add(np.array([row * BUCKETS + bucket]), np.array([1]))
            self.windows.add(key, entity, {column: np.array([amount])})
            self.windows.add_latency(key, entity, np.array([bucket]), np.array([1]))

    def advance(self, as_of_s: float) -> list[int]:
        """Entities that moved."""
        moved: list[int] = self.windows.advance(self.book, self.entity_of_row, as_of_s).tolist()
        return moved

    def brute_force(self, as_of_s: float) -> tuple[NDArray[np.int64], dict[str, object]]:
        """All panes summed anew, window by window, in plain Python."""
        entities = len(set(self.entity_of_row.tolist()))
        sums = np.zeros((entities, len(WINDOWS), len(STATS)), np.int64)
        sketches: dict[str, object] = {}
        panes, _ = panes_in(self.book)
        for number, window in enumerate(WINDOWS):
            first, last = covers(window, as_of_s)
            buckets: Counter[tuple[int, int]] = Counter()
            for (level_s, start_s, name), pane in panes.items():
                if level_s == window.level_s and first <= start_s <= last:
                    entity = int(self.entity_of_row[self.book.rows[name]])
                    for stat, value in pane.stats.items():
                        sums[entity, number, STATS.index(stat)] += value
                    buckets.update({(entity, bucket): count for bucket, count in pane.buckets.items()})
            sketches[window.name] = dict(buckets)
        return sums, {name: sketches[name] for name in QUANTILE_WINDOWS}

    def held(self) -> dict[str, object]:
        """Latency histograms in the shape of ``brute_force``."""
        dense = self.windows.sketches.of(np.arange(len(self.windows.sketches)))
        return {
            name: {
                (int(entity), int(bucket)): int(dense[entity, at, bucket])
                for entity, bucket in np.argwhere(dense[:, at])
            }
            for at, name in enumerate(QUANTILE_WINDOWS)
        }


@pytest.mark.parametrize("seed", range(6))
def test_windows_equal_all_panes_summed_anew_at_every_moment(seed: int) -> None:
    rng, both, now_s = Random(seed), Both(rows=7, entities=4), float(NOW_S)
    for _ in range(50):
        for _ in range(rng.randrange(6)):
            # Late by up to 90 days, or early by up to 5 minutes.
            event_s = now_s + rng.choice((rng.uniform(-600, 300), rng.uniform(-2e5, 0), rng.uniform(-7.7e6, 0)))
            both.add(event_s, rng.randrange(7), rng.randrange(len(STATS)), rng.randrange(1, 1_000), rng.randrange(5))
        now_s += rng.choice((0, 0.5, 61, 300, 3_600, 90_000, 8 * 86_400))
        both.advance(now_s)
        sums, sketches = both.brute_force(now_s)
        assert np.array_equal(both.windows.of(np.arange(4)), sums)
        assert both.held() == sketches


def test_windows_go_back_when_the_clock_does() -> None:
    both = Both(rows=1, entities=1)
    both.add(NOW_S, 0, 0, 5, 1)
    both.advance(NOW_S)
    both.advance(NOW_S + 4_000)
    both.advance(NOW_S)
    assert np.array_equal(both.windows.of(np.array([0])), both.brute_force(NOW_S)[0])


def test_before_the_first_moment_windows_hold_nothing() -> None:
    both = Both(rows=1, entities=1)
    both.add(NOW_S, 0, 0, 5, 1)
    assert not both.windows.of(np.arange(len(both.windows))).any()
    assert not both.windows.sketches.pages


def test_a_report_from_the_near_future_counts_when_its_minute_comes() -> None:
    both = Both(rows=1, entities=1)
    both.advance(NOW_S)
    both.add(NOW_S + 240, 0, 0, 1, 1)
    assert both.windows.of(np.array([0]))[0, 0, 0] == 0
    assert both.advance(NOW_S + 240) == [0]
    assert both.windows.of(np.array([0]))[0, 0, 0] == 1


def test_only_entities_whose_sums_changed_are_said_to_have_moved() -> None:
    both = Both(rows=3, entities=3)
    both.advance(NOW_S)
    both.add(NOW_S, 0, 0, 1, 1)
    both.add(NOW_S - 200, 2, 0, 1, 1)
    assert both.advance(NOW_S + 1) == []
    assert both.advance(NOW_S + 120) == [2], "its minute left the five-minute window"


def test_growing_keeps_what_is_held() -> None:
    both = Both(rows=1, entities=1)
    both.advance(NOW_S)
    both.add(NOW_S, 0, 0, 9, 1)
    both.windows.grow(1_000)
    both.windows.grow(10)
    assert len(both.windows) == len(both.windows.sketches) >= 1_000
    assert both.windows.of(np.array([0]))[0, :, 0].tolist() == [9] * len(WINDOWS)
    assert int(both.windows.of(np.arange(len(both.windows))).sum()) == 9 * len(WINDOWS)


def test_many_rows_of_one_entity_add_up() -> None:
    both = Both(rows=4, entities=1)
    both.advance(NOW_S)
    for row in range(4):
        both.add(NOW_S, row, 0, 10**row, 2)
    assert both.windows.of(np.array([0]))[0, 5, 0] == 1_111
    assert both.windows.sketches.of(np.array([0]))[0, 2, 2] == 4


def test_baselines_look_at_closed_panes_only() -> None:
    for as_of_s in (NOW_S, NOW_S + 0.1, NOW_S // 3_600 * 3_600, NOW_S // 3_600 * 3_600 + 3_599.9):
        hours, minutes = baseline_starts(as_of_s)
        assert len(hours) == BASELINE_HOURS
        assert len(minutes) == BASELINE_MINUTES
        assert np.all(np.diff(hours) == 3_600)
        assert np.all(np.diff(minutes) == 60)
        assert hours[-1] + 3_600 == as_of_s // 3_600 * 3_600, "the last one closed just before the running one"
        assert minutes[-1] + 60 == covers(WINDOWS[0], as_of_s)[0], "and the last minute just before the 5m window"
        assert minutes[0] == covers(WINDOWS[1], as_of_s)[0], "and the first minute is the first of the 1h window"
