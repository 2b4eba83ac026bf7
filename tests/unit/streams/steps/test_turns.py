import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scoring.panes import Ints
from streams.steps.turns import HEAD_START_S, Turns

NOW_S = 1_700_000_000.0


def turns(entities: int) -> Turns:
    made = Turns()
    made.grow(entities)
    return made


def these(*entities: int) -> Ints:
    return np.array(entities, np.int64)


def order(of: Turns, now_s: float, rest_s: float = 1.0) -> list[int]:
    due, place_s = of.due(now_s, rest_s)
    return [int(due[at]) for at in np.argsort(place_s, kind="stable")]


def test_nobody_is_due_who_did_not_ask() -> None:
    assert order(turns(3), NOW_S) == []


def test_the_one_scored_longest_ago_comes_first() -> None:
    held = turns(3)
    held.take(these(0), NOW_S - 2)
    held.take(these(1), NOW_S - 3)
    held.take(these(2), NOW_S - 4)
    held.reported(these(0, 1, 2), NOW_S)
    assert order(held, NOW_S) == [2, 1, 0]


def test_a_report_comes_before_what_the_time_moved() -> None:
    held = turns(2)
    held.take(these(0, 1), NOW_S - 60)
    held.moved(these(0), NOW_S)
    held.reported(these(1), NOW_S + 5)
    assert order(held, NOW_S + 5) == [1, 0]


def test_a_place_is_kept_whoever_comes_later() -> None:
    held = turns(2)
    held.moved(these(0), NOW_S)
    held.reported(these(1), NOW_S + HEAD_START_S + 0.1)
    assert order(held, NOW_S + HEAD_START_S + 0.1) == [0, 1]
    held.reported(these(0), NOW_S + HEAD_START_S + 0.2)
    assert order(held, NOW_S + HEAD_START_S + 0.2) == [0, 1], "asking again loses no place"


def test_one_that_was_scored_rests() -> None:
    held = turns(1)
    held.take(these(0), NOW_S)
    held.reported(these(0), NOW_S + 0.2)
    assert order(held, NOW_S + 0.9) == []
    assert order(held, NOW_S + 1.0) == [0]


def test_a_clock_that_is_set_back_stops_nobody() -> None:
    held = turns(1)
    held.take(these(0), NOW_S)
    held.reported(these(0), NOW_S - 3_600)
    assert order(held, NOW_S - 3_600) == [0]


def test_all_again_means_everyone_now() -> None:
    held = turns(2)
    held.take(these(0, 1), NOW_S)
    held.all_again(2)
    assert order(held, NOW_S) == [0, 1]


@given(
    st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=200),
    st.integers(1, 3),
)
def test_nobody_waits_for_ever_whoever_else_asks(asked: list[tuple[int, bool]], width: int) -> None:
    """One asks once; ten others ask all the time and ``width`` are scored each time."""
    held = turns(11)
    held.take(these(*range(11)), NOW_S - 1)
    held.moved(these(10), NOW_S)
    step_s, waited_s = 0.1, 0.0
    while True:
        waited_s += step_s
        now_s = NOW_S + waited_s
        entity, is_report = asked[round(waited_s / step_s) % len(asked)]
        (held.reported if is_report else held.moved)(these(entity), now_s)
        first = order(held, now_s, rest_s=0.0)[:width]
        held.take(these(*first), now_s)
        if 10 in first:
            break
        assert waited_s <= HEAD_START_S + 10 * step_s


def test_the_first_to_come_due_is_the_one_that_waits_and_was_scored_longest_ago() -> None:
    held = turns(3)
    assert held.due_from_s(1.0) == float("inf"), "nobody waits"
    held.take(these(0), NOW_S - 0.75)
    held.take(these(1, 2), NOW_S - 0.5)
    held.reported(these(1, 2), NOW_S)
    assert held.due_from_s(1.0) == NOW_S + 0.5
    assert order(held, NOW_S + 0.25) == []
    assert order(held, NOW_S + 0.5) == [1, 2]


def test_some_rest_longer_than_others() -> None:
    held, rests_s = turns(3), np.array([1.0, 5.0])
    held.take(these(0, 1), NOW_S)
    held.reported(these(0, 1, 2), NOW_S)
    assert held.due(NOW_S + 0.9, rests_s)[0].tolist() == []
    assert held.due_from_s(rests_s) == NOW_S + 1
    assert held.due(NOW_S + 4.9, rests_s)[0].tolist() == [0], "whose rest is not given is not looked at"
    held.take(these(0), NOW_S + 4.9)
    assert held.due_from_s(rests_s) == NOW_S + 5
    assert held.due(NOW_S + 5, rests_s)[0].tolist() == [1]
