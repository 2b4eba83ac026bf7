from random import Random

import numpy as np
import pytest

from scoring.sketches import PAGE, Sketches
from scoring.stats import BUCKETS, QUANTILE_WINDOWS

ENTITIES = 9
EVERYONE = np.arange(ENTITIES)


@pytest.mark.parametrize("seed", range(5))
def test_pages_hold_what_a_dense_array_would(seed: int) -> None:
    rng, held = np.random.default_rng(seed), Sketches()
    held.grow(ENTITIES)
    dense = np.zeros((ENTITIES, len(QUANTILE_WINDOWS), BUCKETS), np.int64)
    for _ in range(40):
        n, window = int(rng.integers(0, 30)), int(rng.integers(0, len(QUANTILE_WINDOWS)))
        entities = rng.integers(0, ENTITIES, n)
        buckets = np.minimum(entities * 90 + rng.integers(0, 60, n), BUCKETS - 1)
        counts = rng.integers(-3, 9, n) * rng.choice([1, 60], n, p=[0.9, 0.1])
        held.add(window, entities, buckets, counts)
        place = (entities * len(QUANTILE_WINDOWS) + window) * BUCKETS + buckets
        np.add.at(dense.reshape(-1), place, counts)
        assert np.array_equal(held.of(EVERYONE), dense)


def test_what_comes_and_goes_leaves_no_page() -> None:
    rng, held = Random(3), Sketches()
    held.grow(ENTITIES)
    most = 0
    for _ in range(50):
        buckets = np.array([rng.randrange(BUCKETS) for _ in range(20)])
        entities, counts = np.array([rng.randrange(ENTITIES) for _ in range(20)]), np.full(20, 2)
        held.add(1, entities, buckets, counts)
        most = max(most, held.pages)
        held.add(1, entities, buckets, -counts)
        assert held.pages == 0
    assert 0 < most <= 20
    assert not held.of(EVERYONE).any()


def test_latencies_that_lie_close_together_share_pages() -> None:
    held = Sketches()
    held.grow(1_000)
    entities = np.repeat(np.arange(1_000), 50)
    held.add(2, entities, np.tile(np.arange(PAGE * 10, PAGE * 10 + 50), 1_000), np.ones(50_000, np.int64))
    assert held.pages == 2_000
    assert held.of(np.array([7]))[0].sum(axis=1).tolist() == [0, 0, 50]


def test_a_page_takes_a_byte_a_bucket_until_a_count_needs_more() -> None:
    held, one = Sketches(), np.array([0])
    held.grow(1)
    held.add(0, np.zeros(3, np.int64), np.array([1, 1, PAGE]), np.array([200, 55, 1]))
    assert (held.pages, held.wide_pages) == (2, 0)
    held.add(0, one, np.array([1]), np.array([1]))
    assert (held.pages, held.wide_pages) == (2, 1)
    held.add(0, one, np.array([2]), np.array([70_000]))
    assert held.of(one)[0, 0, [0, 1, 2, PAGE]].tolist() == [0, 256, 70_000, 1]
    held.add(0, np.zeros(2, np.int64), np.array([1, 2]), np.array([-256, -70_000]))
    assert (held.pages, held.wide_pages) == (1, 0)


def test_nothing_to_add_makes_nothing() -> None:
    held, nothing = Sketches(), np.empty(0, np.int64)
    held.grow(1)
    held.add(0, nothing, nothing, nothing)
    assert held.pages == 0


def test_growing_keeps_what_is_held() -> None:
    held = Sketches()
    held.grow(1)
    held.add(0, np.array([0]), np.array([4]), np.array([6]))
    held.grow(50)
    held.grow(2)
    assert len(held) == 50
    assert held.of(np.array([0, 49]))[:, 0, 4].tolist() == [6, 0]
