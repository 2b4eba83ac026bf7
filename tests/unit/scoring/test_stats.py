import itertools
import math
import random

import numpy as np
import pytest

from scoring.stats import (
    BUCKET_BOUNDS_US,
    BUCKET_MS,
    BUCKETS,
    LEVELS_S,
    QUANTILE_WINDOWS,
    STAT,
    STATS,
    WINDOWS,
    Window,
    bucket_of,
    covers,
)  # fmt: skip

HOUR_US = 3_600_000_000


def test_every_statistic_has_its_own_column() -> None:
    assert [STATS[STAT[name]] for name in STATS] == list(STATS)
    assert len(set(STATS)) == len(STATS) == len(STAT)


def test_bucket_bounds_ascend_from_100_us_to_an_hour() -> None:
    assert np.all(np.diff(BUCKET_BOUNDS_US) > 0)
    assert BUCKET_BOUNDS_US[0] == 100
    assert BUCKET_BOUNDS_US[-2] < HOUR_US <= BUCKET_BOUNDS_US[-1]
    assert len(BUCKET_BOUNDS_US) == len(BUCKET_MS) == BUCKETS


def test_a_value_belongs_to_the_first_bucket_whose_bound_holds_it() -> None:
    bounds = BUCKET_BOUNDS_US.tolist()
    rng = random.Random(1)
    values = [0, 1, *bounds, *(b + 1 for b in bounds[:-1]), *(rng.randrange(HOUR_US) for _ in range(2_000))]
    wanted = [next(i for i, bound in enumerate(bounds) if value <= bound) for value in values]
    assert bucket_of(np.array(values)).tolist() == wanted


def test_values_above_an_hour_are_in_the_last_bucket() -> None:
    assert bucket_of(np.array([HOUR_US * 2, 2**62])).tolist() == [BUCKETS - 1] * 2


def test_no_value_gives_no_bucket() -> None:
    assert bucket_of(np.empty(0, np.int64)).shape == (0,)


@pytest.mark.parametrize("seed", range(5))
def test_quantiles_by_bucket_are_within_one_percent_of_the_sorted_latencies(seed: int) -> None:
    rng = random.Random(seed)
    scale_us = rng.choice((300.0, 40_000.0, 2_000_000.0))
    values = sorted(min(HOUR_US, max(100, math.floor(scale_us * rng.lognormvariate(0, 1.5)))) for _ in range(3_000))
    ranks = np.cumsum(np.bincount(bucket_of(np.array(values)), minlength=BUCKETS))
    for quantile in (0.01, 0.5, 0.9, 0.95, 0.99, 1.0):
        rank = math.ceil(quantile * len(values))
        stands_for_ms = BUCKET_MS[np.searchsorted(ranks, rank)]
        # Whole-microsecond bounds widen the 1 % by at most half a microsecond.
        assert abs(stands_for_ms * 1_000 - values[rank - 1]) <= 0.01 * values[rank - 1] + 0.51


def test_each_window_contains_the_one_before_it_at_every_moment() -> None:
    rng = random.Random(2)
    for as_of_s in (rng.uniform(1.6e9, 1.8e9) for _ in range(200)):
        spans = [(first, last + window.level_s) for window in WINDOWS for first, last in [covers(window, as_of_s)]]
        for (inner_first, inner_end), (outer_first, outer_end) in itertools.pairwise(spans):
            assert outer_first <= inner_first
            assert inner_end <= outer_end


@pytest.mark.parametrize("window", WINDOWS, ids=lambda window: window.name)
def test_a_window_covers_its_number_of_panes_with_the_running_one_last(window: Window) -> None:
    for as_of_s in (1_700_000_000.0, 1_700_006_400.0, 1_700_006_399.999):
        first, last = covers(window, as_of_s)
        assert last <= as_of_s < last + window.level_s
        assert (last - first) // window.level_s + 1 == window.panes
        assert first % window.level_s == 0


def test_the_mean_age_of_a_window_is_the_middle_of_what_the_one_before_it_lacks() -> None:
    inner_s = 0
    for window in WINDOWS:
        outer_s = window.level_s * window.panes
        assert window.mean_age_s == (inner_s + outer_s) / 2
        inner_s = outer_s


def test_quantile_windows_are_windows_and_levels_are_those_of_windows() -> None:
    assert set(QUANTILE_WINDOWS) < {window.name for window in WINDOWS}
    assert {window.level_s for window in WINDOWS} == set(LEVELS_S)
