import pytest

from analytics.errors import InvalidRequest
from analytics.replay.sending import Sent, due, parse_speed


@pytest.mark.parametrize(("text", "speed"), [("max", None), ("10x", 10.0), ("2.5×", 2.5), ("1", 1.0), ("3X", 3.0)])
def test_a_speed_is_max_or_a_factor(text: str, speed: float | None) -> None:
    assert parse_speed(text) == speed


@pytest.mark.parametrize("text", ["0", "-1x", "fast", "inf", "nan", ""])
def test_another_speed_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="--speed must be max or a number above 0"):
        parse_speed(text)


def test_reports_are_due_at_their_own_pace() -> None:
    reports = [{"timestamp": 100.0 + at} for at in (0.0, 0.1, 1.0, 10.0)]
    assert [(at_s, len(run)) for at_s, run in due(reports, 100.0, 1.0)] == [(0.25, 2), (1.25, 1), (10.25, 1)]
    assert [(at_s, len(run)) for at_s, run in due(reports, 100.0, 20.0)] == [(0.25, 3), (0.75, 1)]


def test_one_after_the_other_adds_up() -> None:
    first, nothing = Sent(3, 2, 10.0, 20.0, 1.0), Sent(0, 0, None, None, 0.5)
    assert first.then(Sent(4, 4, 21.0, 30.0, 2.0)) == Sent(7, 6, 10.0, 30.0, 3.0)
    assert first.then(nothing) == Sent(3, 2, 10.0, 20.0, 1.5)
    assert nothing.then(first) == Sent(3, 2, 10.0, 20.0, 1.5)
