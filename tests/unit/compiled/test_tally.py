"""The hash table of counts holds what a dictionary would."""

import copy
import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiled import tally as module
from compiled.tally import Tally

keys = st.lists(st.one_of(st.integers(0, 40), st.sampled_from([0, 2**40, 2**62, 2**63 - 1])), max_size=200)


def held(tally: Tally) -> dict[int, int]:
    here = tally.keys >= 0
    return dict(zip(tally.keys[here].tolist(), tally.counts[here].tolist(), strict=True))


@given(st.lists(keys, max_size=6))
def test_adding_any_keys_in_any_parts_is_what_a_dictionary_does(parts: list[list[int]]) -> None:
    tally, wanted = Tally(), Counter[int]()
    for part in parts:
        tally.add(np.array(part, np.int64), np.arange(len(part)))
        for amount, key in enumerate(part):
            wanted[key] += amount
    assert held(tally) == wanted
    assert len(tally) == len(wanted)
    assert set(tally.keys[tally.is_changed].tolist()) == set(wanted)


def test_it_grows_past_any_number_of_keys_and_keeps_what_was_changed() -> None:
    tally, many = Tally(), np.arange(50_000, dtype=np.int64) * 929
    assert not tally.put(many[:1_000], np.ones(1_000, np.int64)).any()
    tally.add(many[:10], np.full(10, 5))
    assert tally.put(many, np.full(50_000, 7)).tolist() == [6] * 10 + [1] * 990 + [0] * 49_000
    assert held(tally) == dict.fromkeys(many.tolist(), 7)
    assert sorted(tally.keys[tally.is_changed].tolist()) == many[:10].tolist()
    assert 3 * len(tally) <= 2 * len(tally.keys) < 6 * len(tally), "at most two thirds are taken, at least one third"


def test_it_is_neither_copied_nor_pickled() -> None:
    for act in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="put what it holds into a new one"):
            act(Tally())


def test_without_the_library_it_says_how_to_build_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "library", lambda: None)
    with pytest.raises(RuntimeError, match="make venv-dev"):
        Tally().add(np.array([1]), np.array([1]))
