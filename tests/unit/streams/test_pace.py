from hypothesis import given
from hypothesis import strategies as st

from streams.pace import BEHIND, BEHIND_S, BUSY, Pause

seconds = st.floats(0, 100)
reports = st.integers(0, 10**8)


@given(seconds, reports, reports)
def test_the_more_reports_wait_the_longer_others_rest(took_s: float, some: int, more: int) -> None:
    pause = Pause(0.1, 2.0, times=1, busy_times=3)
    some, more = sorted((some, more))
    assert pause.after(took_s, some) <= pause.after(took_s, more)


@given(seconds, reports)
def test_nobody_rests_for_longer_than_the_bound(took_s: float, waiting: int) -> None:
    most_s = BEHIND_S if waiting > BEHIND else 2.0
    assert 0.1 <= Pause(0.1, 2.0, times=1, busy_times=3).after(took_s, waiting) <= most_s


def test_a_loop_takes_at_most_its_share_of_the_time_and_less_of_it_while_reports_wait() -> None:
    pause = Pause(0.0, 2.0, times=1, busy_times=3)
    shares = [0.02 / (0.02 + pause.after(0.02, waiting)) for waiting in (0, 1_000, 5_000, 20_000, 100_000)]
    assert [round(share, 3) for share in shares] == [0.5, 0.323, 0.211, 0.143, 0.053]


@given(seconds, seconds, reports)
def test_who_was_far_behind_rests_until_that_is_worked_off(took_s: float, longest_s: float, waiting: int) -> None:
    pause = Pause(longest_s / 2, longest_s, times=1, busy_times=3)
    wanted_s = max(longest_s, BEHIND_S) if waiting > BUSY else 0.0
    assert pause.after(took_s, waiting, was_behind=True) == wanted_s
