"""The hash table of counts holds what a dictionary would."""

import copy
import pickle
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiled import tally as module
from compiled.tally import NOTED_SHARE, Tally

keys = st.lists(
    st.one_of(st.integers(0, 40), st.sampled_from([0, 2**34 - 2, 2**34 - 1, 2**40, 2**63 - 1])), max_size=200
)
amounts = st.one_of(st.integers(0, 40), st.sampled_from([-(2**40), -1, 2**28, 2**29 - 1, 2**29, 2**40]))


def held(tally: Tally) -> dict[int, int]:
    keys, counts = tally.all()
    assert len(keys) == len(tally)
    return dict(zip(keys.tolist(), counts.tolist(), strict=True))


def taken(tally: Tally) -> dict[int, int]:
    keys, counts = tally.take_changed()
    assert len(set(keys.tolist())) == len(keys)
    return dict(zip(keys.tolist(), counts.tolist(), strict=True))


@given(st.lists(keys, max_size=6), st.data())
def test_adding_any_keys_in_any_parts_is_what_a_dictionary_does(parts: list[list[int]], data: st.DataObject) -> None:
    """Whether a slot holds them in one word or in two, and whenever that changes."""
    tally, wanted = Tally(), Counter[int]()
    for part in parts:
        added = data.draw(st.lists(amounts, min_size=len(part), max_size=len(part)))
        tally.add(np.array(part, np.int64), np.array(added, np.int64))
        for key, amount in zip(part, added, strict=True):
            wanted[key] += amount
        assert held(tally) == wanted
        assert taken(tally) == {key: wanted[key] for key in part}
        assert not taken(tally)


@given(st.lists(st.dictionaries(st.sampled_from([*range(9), 2**34 - 1]), amounts, max_size=9), max_size=6))
def test_putting_gives_what_was_there_and_changes_no_mark(parts: list[dict[int, int]]) -> None:
    tally, wanted = Tally(), dict[int, int]()
    tally.add(np.array([3]), np.array([1]))
    wanted[3] = 1
    for part in parts:
        before = tally.put(np.array([*part], np.int64), np.array([*part.values()], np.int64))
        assert before.tolist() == [wanted.get(key, 0) for key in part]
        wanted |= part
        assert held(tally) == wanted
    assert taken(tally) == {3: wanted[3]}
    tally.mark(np.array([3, 8, 2**50]))
    assert taken(tally) == {key: wanted[key] for key in (3, 8) if key in wanted}


def test_it_grows_past_any_number_of_keys_and_keeps_what_was_changed() -> None:
    tally, many = Tally(), np.arange(50_000, dtype=np.int64) * 929
    assert not tally.put(many[:1_000], np.ones(1_000, np.int64)).any()
    tally.add(many[:10], np.full(10, 5))
    assert tally.put(many, np.full(50_000, 7)).tolist() == [6] * 10 + [1] * 990 + [0] * 49_000
    assert held(tally) == dict.fromkeys(many.tolist(), 7)
    assert taken(tally) == dict.fromkeys(many[:10].tolist(), 7)


@pytest.mark.parametrize("changed", [1, 4_096, 4_097, 40_000])
def test_few_changes_are_noted_and_many_looked_for(changed: int) -> None:
    tally, many = Tally(), np.arange(40_000, dtype=np.int64) * 929
    tally.put(many, np.zeros(40_000, np.int64))
    for turn in range(1, 3):
        tally.add(many[:changed], np.full(changed, 1))
        tally.mark(many[: changed // 2])
        assert taken(tally) == dict.fromkeys(many[:changed].tolist(), turn)
        assert not taken(tally)
    tally.mark(many[-changed:])
    tally.put(many + 1, np.zeros(40_000, np.int64))
    assert set(taken(tally)) == set(many[-changed:].tolist()), "what is noted moves with a table that grows"


def test_it_takes_eight_bytes_a_slot_while_that_holds_all_and_a_third_of_the_slots_are_taken() -> None:
    again, many = np.zeros(50_000, np.int64), np.arange(50_000, dtype=np.int64)
    slot, noted = 8, 4 / NOTED_SHARE
    for keys_of, most in ((again, 64 * (slot + noted)), (many, 3 * (slot + noted) * 50_000)):
        tally = Tally()
        tally.add(keys_of, np.ones(50_000, np.int64))
        assert len(tally) * 12 <= tally.nbytes <= most, "at most two thirds are taken"
        narrow = tally.nbytes
        tally.add(np.array([0]), np.array([2**29]))
        assert tally.nbytes == narrow * (2 * slot + noted) / (slot + noted)
        assert held(tally)[0] == keys_of.tolist().count(0) + 2**29


def test_it_is_neither_copied_nor_pickled() -> None:
    for act in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="put what it holds into a new one"):
            act(Tally())


def test_without_the_library_it_says_how_to_build_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "library", lambda: None)
    with pytest.raises(RuntimeError, match="make venv-dev"):
        Tally().add(np.array([1]), np.array([1]))
