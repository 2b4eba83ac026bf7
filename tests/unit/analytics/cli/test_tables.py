import asyncio
from collections.abc import Awaitable, Callable
from io import StringIO
from typing import Any

import pytest
from rich.console import Console, RenderableType

from analytics.answers import Answers
from analytics.cli import tables
from tests.support.small_answers import FAILING, SLASHED, STEADY, small_answers


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    return small_answers(tmp_path_factory.mktemp("answers"))


def printed(view: RenderableType, width: int = 160) -> str:
    out = StringIO()
    Console(file=out, width=width).print(view)
    return out.getvalue()


def test_a_check_shows_score_interval_and_every_dimension(answers: Answers) -> None:
    answer = asyncio.run(answers.check(STEADY))
    shown = printed(tables.check_view(answer))
    assert f"{answer.trust_score:.3f}" in shown
    assert "90% interval" in shown
    for dimension in answer.dimensions:
        assert dimension in shown
    assert "stale" not in shown


def test_what_has_no_evidence_is_a_dash_and_no_zero(answers: Answers) -> None:
    shown = printed(tables.check_view(asyncio.run(answers.check("never-seen"))))
    assert "trust score         –" in shown
    assert "0.000" not in shown


def test_a_stale_answer_says_so(answers: Answers) -> None:
    answer = asyncio.run(answers.check(STEADY)).model_copy(
        update={"stale": True, "stale_because": "Kafka does not answer", "source": "lake", "age_s": 61.0}
    )
    assert "stale, since Kafka does not answer; from the lake, 61 s old" in printed(tables.check_view(answer))


def test_a_ranking_ends_in_advice(answers: Answers) -> None:
    shown = printed(tables.rank_view(asyncio.run(answers.rank([FAILING, STEADY]))))
    assert shown.index(STEADY) < shown.index(FAILING)
    assert f"Take {STEADY}" in shown


def test_discovered_providers_carry_their_category(answers: Answers) -> None:
    answer = asyncio.run(answers.discover("git", limit=3))
    shown = printed(tables.discover_view(answer))
    for item in answer.providers:
        assert item.provider_id in shown
        assert item.category is None or item.category in shown


def test_an_explanation_shows_parts_that_add_up_and_windows(answers: Answers) -> None:
    answer = asyncio.run(answers.explain(FAILING))
    shown = printed(tables.explain_view(answer))
    for part in answer.contributions:
        assert f"{part.contribution:+.4f}" in shown
    assert f"{answer.trust_score:.4f}" in shown
    for window in ("5m", "1h", "24h", "7d", "30d", "90d"):
        assert f"\n {window} " in shown


def test_a_history_has_a_row_for_each_bucket(answers: Answers) -> None:
    answer = asyncio.run(answers.history(STEADY, bucket="hour"))
    shown = printed(tables.history_view(answer))
    for point in answer.points:
        assert point.start in shown
        assert f" {point.n} " in shown


Question = Callable[[Answers], Awaitable[Any]]
VIEWS: list[tuple[Question, Callable[[Any], RenderableType]]] = [
    (lambda answers: answers.check(SLASHED), tables.check_view),
    (lambda answers: answers.rank([SLASHED]), tables.rank_view),
    (lambda answers: answers.discover("acme"), tables.discover_view),
    (lambda answers: answers.explain(SLASHED), tables.explain_view),
    (lambda answers: answers.history(SLASHED), tables.history_view),
]


@pytest.mark.parametrize(("question", "view"), VIEWS, ids=lambda part: getattr(part, "__name__", ""))
@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_no_line_is_wider_than_the_terminal(
    answers: Answers, question: Question, view: Callable[[Any], RenderableType], width: int
) -> None:
    async def ask() -> Any:
        return await question(answers)

    lines = printed(view(asyncio.run(ask())), width).splitlines()
    assert lines
    assert max(len(line) for line in lines) <= width
