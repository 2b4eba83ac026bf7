from collections import Counter as Tally
from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

from scoring.counts import Counts, HashedCounts
from scoring.sorted_counts import SortedCounts
from scoring.stats import BUCKETS

Make = Callable[[], Counts]


@pytest.fixture(params=[HashedCounts, SortedCounts], ids=["compiled", "python"])
def make(request: pytest.FixtureRequest) -> Make:
    """Each way to hold them."""
    given: Make = request.param
    return given


def ints(*values: int) -> NDArray[np.int64]:
    return np.array(values, np.int64)


def held(counts: Counts) -> dict[int, int]:
    keys, amounts = counts.all()
    assert len(set(keys.tolist())) == len(keys)
    return dict(zip(keys.tolist(), amounts.tolist(), strict=True))


@pytest.mark.parametrize("spread", [50, 10**9], ids=["close keys", "far keys"])
def test_adding_equals_a_dictionary_of_sums(spread: int, make: Make) -> None:
    rng, counts, wanted = Random(spread), make(), Tally[int]()
    for _ in range(40):
        keys = [rng.randrange(spread) for _ in range(rng.randrange(30))]
        amounts = [rng.randrange(1, 2**40) for _ in keys]
        counts.add(ints(*keys), ints(*amounts))
        for key, amount in zip(keys, amounts, strict=True):
            wanted[key] += amount
        assert held(counts) == wanted


def test_putting_replaces_and_says_what_was_there(make: Make) -> None:
    counts = make()
    counts.add(ints(2, 4), ints(20, 40))
    assert counts.put(ints(1, 2, 9), ints(5, 6, 7)).tolist() == [0, 20, 0]
    assert held(counts) == {1: 5, 2: 6, 4: 40, 9: 7}


def test_only_what_was_added_since_the_last_time_is_taken(make: Make) -> None:
    counts = make()
    counts.put(ints(1, 2, 3), ints(1, 1, 1))
    assert counts.take_changed()[0].tolist() == []
    counts.add(ints(2, 7), ints(4, 1))
    assert [values.tolist() for values in counts.take_changed()] == [[2, 7], [5, 1]]
    assert counts.take_changed()[0].tolist() == []


def test_a_marked_row_is_taken_whole_and_no_other(make: Make) -> None:
    counts = make()
    counts.put(ints(3, BUCKETS + 1, BUCKETS + 2, 2 * BUCKETS), ints(1, 2, 3, 4))
    counts.mark(ints(1))
    assert [values.tolist() for values in counts.take_changed()] == [[BUCKETS + 1, BUCKETS + 2], [2, 3]]


def test_counts_of_rows_are_those_from_the_first_to_before_the_last(make: Make) -> None:
    counts = make()
    counts.put(ints(BUCKETS - 1, BUCKETS, 2 * BUCKETS - 1, 2 * BUCKETS), ints(1, 2, 3, 4))
    assert counts.of_rows(1, 2)[1].tolist() == [2, 3]


@pytest.mark.parametrize("seed", range(4))
def test_many_rows_hold_what_a_dictionary_would(seed: int, make: Make) -> None:
    rng, counts, wanted, told = Random(seed), make(), Tally[int](), Tally[int]()
    for _ in range(30):
        row = rng.choice([0, 3, 3, 3, 40])  # of row 3 there is much
        keys = sorted({row * BUCKETS + rng.randrange(200) for _ in range(rng.randrange(1, 90))})
        amounts = [rng.randrange(1, 2**40) for _ in keys]
        if rng.random() < 0.5:
            counts.add(ints(*keys, *keys), ints(*amounts, *amounts))
            for key, amount in zip(keys, amounts, strict=True):
                wanted[key] += 2 * amount
                told[key] = wanted[key]
        else:
            before = counts.put(ints(*keys), ints(*amounts))
            assert before.tolist() == [wanted[key] for key in keys]
            wanted.update(dict(zip(keys, [0] * len(keys), strict=True)))
            for key, amount in zip(keys, amounts, strict=True):
                wanted[key] = amount
                if key in told:
                    told[key] = amount
        assert held(counts) == wanted
        for first, last in ((0, 1), (3, 4), (0, 41), (4, 40)):
            part = counts.of_rows(first, last)
            inside = {key: n for key, n in wanted.items() if first * BUCKETS <= key < last * BUCKETS}
            assert dict(zip(*map(np.ndarray.tolist, part), strict=True)) == inside
    assert dict(zip(*map(np.ndarray.tolist, counts.take_changed()), strict=True)) == told
    counts.mark(ints(3, 40))
    marked = {key: n for key, n in wanted.items() if key >= BUCKETS}
    assert dict(zip(*map(np.ndarray.tolist, counts.take_changed()), strict=True)) == marked
    counts.mark_all()
    assert dict(zip(*map(np.ndarray.tolist, counts.take_changed()), strict=True)) == wanted
    assert not len(counts.take_changed()[0])
