"""Counts of two widths hold what integers of any size would, compiled or not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiled import pages as module
from compiled.library import library
from compiled.pages import NARROW_MOST, add_to_pages

LENGTH = 6
added = st.lists(st.tuples(st.integers(1 - LENGTH, LENGTH - 1), st.integers(-300, 300)), max_size=40)


def left_by(parts: list[list[tuple[int, int]]]) -> None:
    narrow, wide = np.full(LENGTH, 100, np.uint8), np.zeros(LENGTH, np.int32)
    wanted = {place: 100 if place >= 0 else 0 for place in range(1 - LENGTH, LENGTH)}
    for part in parts:
        place, amounts = np.array(part, np.int64).reshape(-1, 2).T
        left = add_to_pages(narrow, wide, place, amounts)
        assert sorted(set(left.tolist())) == left.tolist()
        assert (place[left] >= 0).all()
        for at in set(range(len(part))) - set(left.tolist()):
            wanted[part[at][0]] += part[at][1]
        for at in left.tolist():
            alone = [where for where, _ in part].count(part[at][0]) == 1
            assert not alone or not 0 <= wanted[part[at][0]] + part[at][1] <= NARROW_MOST
    assert narrow.tolist() == [wanted[place] for place in range(LENGTH)]
    assert [0, *wide[1:].tolist()] == [0, *(wanted[-place] for place in range(1, LENGTH))]


@given(st.lists(added, max_size=4))
def test_what_is_not_left_was_added(parts: list[list[tuple[int, int]]]) -> None:
    assert library() is not None
    left_by(parts)


@given(st.lists(added, max_size=4))
def test_numpy_does_the_same(parts: list[list[tuple[int, int]]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "library", lambda: None)
        left_by(parts)
