"""Groups, sums and maxima are numpy's, whatever is given."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from compiled import arrays
from compiled.arrays import MANY, add_at, add_columns, hashes_in_order, in_order, numbered, raise_at

Ints = NDArray[np.int64]
MOST = np.iinfo(np.int64)
codes = st.one_of(
    st.lists(st.integers(-5, 5), max_size=300),
    st.lists(st.sampled_from([MOST.min, MOST.max, 0, -1, 1 << 40]), min_size=64, max_size=200),
    st.builds(lambda n, step: [number * step for number in range(n)], st.integers(0, 3_000), st.integers(1, 1 << 40)),
)


@given(codes)
def test_numbers_of_distinct_values_are_those_of_numpy(values: list[int]) -> None:
    given = np.array(values, np.int64)
    found, group = numbered(given)
    wanted, inverse = np.unique(given, return_inverse=True)
    assert found.tolist() == wanted.tolist()
    assert group.tolist() == inverse.tolist()


@pytest.mark.parametrize(
    ("ours", "theirs"), [(add_at, np.add.at), (raise_at, np.maximum.at)], ids=["sums", "maxima"]
)  # fmt: skip
@pytest.mark.parametrize("step", [1, 3])
@given(st.integers(1, 300), st.integers(0, 2**32))
def test_sums_and_maxima_by_group_are_those_of_numpy(
    ours: Callable[..., None], theirs: Callable[..., None], step: int, size: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    target: Ints = rng.integers(-9, 9, (40, step))[:, 0]
    group, values = rng.integers(0, 40, size), rng.integers(-(2**60), 2**60, (size, step))[:, 0]
    mine, wanted = target.copy(), target.copy()
    strided = np.zeros((40, step), np.int64)
    strided[:, 0] = target
    ours(mine, group, values)
    ours(strided[:, 0], group, values)
    theirs(wanted, group, values)
    assert mine.tolist() == wanted.tolist() == strided[:, 0].tolist()


@pytest.mark.parametrize("place", [40, -41])
def test_a_place_outside_is_refused_and_nothing_is_written(place: int) -> None:
    target, group = np.zeros(40, np.int64), np.full(100, place)
    with pytest.raises(IndexError, match="out of bounds"):
        add_at(target, group, np.ones(100, np.int64))
    assert not target.any()


@pytest.mark.parametrize("size", [0, 1, MANY - 1, MANY, 3 * MANY])
@pytest.mark.parametrize("bound", [1 << 15, 1 << 40, MOST.max], ids=["near", "far", "everywhere"])
@given(st.integers(0, 2**32))
def test_pairs_in_order_are_those_of_numpy(size: int, bound: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    keys = np.unique(rng.integers(-bound, bound, size))
    keys, values = rng.permutation(keys), rng.integers(0, 9, len(keys))
    before = keys.copy(), values.copy()
    found, moved = in_order(keys, values)
    order = np.argsort(keys)
    assert np.array_equal(found, keys[order])
    assert np.array_equal(moved, values[order])
    assert np.array_equal(keys, before[0])
    assert np.array_equal(values, before[1])


@pytest.mark.parametrize("size", [0, 1, MANY - 1, MANY, 3 * MANY])
@pytest.mark.parametrize("bound", [1, 1 << 11, 1 << 40, MOST.max], ids=["equal", "repeats", "near", "everywhere"])
@given(st.integers(0, 2**32))
def test_hashes_in_order_are_those_of_numpy_and_equal_ones_stay_as_they_stood(size: int, bound: int, seed: int) -> None:
    keys = np.random.default_rng(seed).integers(0, bound, size, np.uint64) * np.uint64(2)  # up to the last bit
    before = keys.copy()
    found, order = hashes_in_order(keys)
    wanted = np.argsort(keys, kind="stable")
    assert np.array_equal(order, wanted)
    assert np.array_equal(found, keys[wanted])
    assert np.array_equal(keys, before)


@given(st.integers(0, 300), st.integers(0, 2**32))
def test_columns_are_added_to_as_by_numpy(size: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    targets = [rng.integers(-9, 9, 40) for _ in range(3)]
    values = [rng.integers(-(2**60), 2**60, 50 + size) for _ in range(3)]
    place, taken = rng.integers(0, 40, size), rng.integers(0, 50, size)
    for which in (None, taken):
        mine, wanted = [one.copy() for one in targets], [one.copy() for one in targets]
        add_columns(mine, place, values, which)
        for target, added in zip(wanted, values, strict=True):
            np.add.at(target, place, added[:size] if which is None else added[which])
        assert [one.tolist() for one in mine] == [one.tolist() for one in wanted]


@pytest.mark.parametrize(("place", "taken"), [(40, 0), (-41, 0), (0, 50), (0, -51)])
def test_columns_with_a_place_outside_are_refused_and_nothing_is_written(place: int, taken: int) -> None:
    target = np.zeros(40, np.int64)
    with pytest.raises(IndexError, match="out of bounds"):
        add_columns([target], np.array([0, place]), [np.ones(50, np.int64)], np.array([0, taken]))
    assert not target.any()


def test_without_the_library_numpy_gives_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    given = rng.integers(0, 50, 500)
    with_it = numbered(given)
    monkeypatch.setattr(arrays, "library", lambda: None)
    assert [part.tolist() for part in numbered(given)] == [part.tolist() for part in with_it]
