import io
from dataclasses import replace

import pytest
from rich.console import Console

from analytics.local.screen import arrow, ending, line, picture
from analytics.local.view import Row, View

GOOD = Row("demo-github", "healthy", 0.9912, 0.985, 0.997, 5_797, 527.4, (), 0.001)
BAD = Row("demo-slack", "outage", 0.367, 0.36, 0.374, 1_984, 698.0, ("recent_failures", "degrading"), -0.6)
UNKNOWN = Row("demo-new", "", None, None, None, 0, None, ("unknown_provider",), None)
SEEN = View(
    rows=(GOOD, BAD, UNKNOWN), folded=73_183, folded_per_s=27.4, rejected=3, lag=12, broker_bytes=52_000_000,
    broker_cap_bytes=1_024_000_000, elapsed_s=36.2, addresses={"page": "http://127.0.0.1:8080/"},
)  # fmt: skip


def drawn(view: View, rows: int | None = None, width: int = 132) -> str:
    console = Console(file=io.StringIO(), width=width, record=True)
    console.print(picture(view, rows, width))
    return console.export_text()


def row_of(provider_id: str, text: str) -> list[str]:
    return next(line for line in text.splitlines() if provider_id in line).split()


def test_a_row_shows_score_interval_count_p95_trend_and_flags() -> None:
    text = drawn(SEEN)
    assert row_of("demo-github", text) == ["demo-github", "healthy", "0.991", "0.006", "━" * 14, "5,797", "527", "→"]
    assert row_of("demo-slack", text)[-3:] == ["↓", "recent_failures,", "degrading"]


def test_what_is_not_known_is_no_zero() -> None:
    assert row_of("demo-new", drawn(SEEN)) == ["demo-new", "–", "–", "0", "–", "·", "unknown_provider"]
    assert "reports folded – (–/s)   lag –   rejected –   broker – of 0 MB   up 0 s" in drawn(View())


def test_figures_and_addresses_stand_below() -> None:
    text = drawn(SEEN)
    assert "reports folded 73,183 (27/s)   lag 12   rejected 3   broker 52 of 1,024 MB   up 36 s" in text
    assert "http://127.0.0.1:8080/" in text
    assert "2 providers scored" in text


def test_the_end_of_the_run_is_told() -> None:
    assert "Ctrl-C stops everything" in drawn(SEEN)
    assert "stops by itself in 12 s" in drawn(replace(SEEN, left_s=12.4))
    assert "best first; ended" in drawn(replace(SEEN, left_s=0.0))


def test_answers_from_the_lake_and_remarks_are_shown() -> None:
    text = drawn(replace(SEEN, stale=True, remarks=("The sample traffic stopped.",)))
    assert "answers from the lake: Kafka is away" in text
    assert "The sample traffic stopped." in text


def test_before_the_first_score_it_waits() -> None:
    assert "waiting" in drawn(View())


def test_on_a_low_screen_the_middle_of_the_ranking_is_left_out() -> None:
    rows = tuple(replace(GOOD, provider_id=f"demo-{place:02d}") for place in range(30))
    text = drawn(replace(SEEN, rows=rows), rows=11)
    shown = [word for word in text.split() if word.startswith("demo-")]
    assert shown == [f"demo-{place:02d}" for place in (*range(5), *range(25, 30))]
    assert "… 20 more" in text


@pytest.mark.parametrize("width", [80, 100, 132])
def test_no_line_is_longer_than_the_screen(width: int) -> None:
    rows = tuple(replace(BAD, provider_id=f"demo-chrome-devtools-{place}") for place in range(3))
    text = drawn(replace(SEEN, rows=rows), width=width)
    assert max(map(len, text.splitlines())) <= width
    assert "demo-chrome-devtools-2" in text
    assert ("outage" in text) is (width >= 100)


@pytest.mark.parametrize(("trend", "sign"), [(0.051, "↑"), (0.049, "→"), (-0.049, "→"), (-0.051, "↓"), (None, "·")])
def test_small_moves_are_steady(trend: float | None, sign: str) -> None:
    assert arrow(trend) == sign


def test_a_plain_line_says_the_same() -> None:
    assert line(SEEN) == (
        "  36 s  2 providers scored, 73,183 reports folded, 27/s, lag 12, broker 52 MB, lowest demo-slack 0.367"
    )


def test_the_ending_names_lowest_and_highest() -> None:
    assert ending(SEEN, "trustscore-data/run-1") == [
        "2 providers scored from 73,183 reports in 36 s.",
        "Lowest:  demo-slack 0.367 (outage), demo-github 0.991 (healthy).",
        "Highest: demo-github 0.991 (healthy), demo-slack 0.367 (outage).",
        "What this run kept is in trustscore-data/run-1.",
    ]


def test_an_ending_without_scores_names_nobody() -> None:
    assert ending(View(), "d") == ["0 providers scored from – reports in 0 s.", "What this run kept is in d."]
