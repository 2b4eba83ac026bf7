import asyncio
from pathlib import Path

import msgspec
import numpy as np
import pytest

from analytics.follower import Span
from analytics.foresight import Foresight
from analytics.lake_access import LakeAccess
from analytics.models import CheckAnswer
from analytics.predictions import prediction
from analytics.settings import load_settings
from scoring.prediction import Heard, Rolling
from tests.support.lake_maker import Message
from tests.support.small_answers import FAILING, NOW_S, STEADY, small_answers, small_lake


def known() -> Rolling:
    rolling = Rolling(keep=1_000)
    caller = ["bad" if row % 5 == 0 else "good" for row in range(500)]
    success = np.array([name == "good" for name in caller])
    rolling.learn(Heard(["p"] * 500, caller, [None] * 500, ["eu"] * 500, success, np.where(success, 50.0, 5_000.0)))
    return rolling


def test_reasons_say_the_chance_what_is_known_of_each_and_what_limits_it() -> None:
    found = known().forecast("p", "bad", "search", "eu")
    item = prediction(found, "p", ("bad", "search", "eu"), 0.4, stale=True)
    words = " ".join(item.reasons)
    first = "The next call of bad to p for task type search from region eu succeeds with probability"
    assert item.reasons[0].startswith(f"{first} {item.success_probability:.2f};")
    assert "(500 reports; usual is" in words
    assert "bad: 0.0 % of its latest calls" not in words  # a rate is drawn to what is usual
    assert "whomever it called (100 reports)" in words
    assert "Of its last 8 calls to p 8 failed" in words
    assert "40.0 % of them were heard" in words
    assert item.reasons[-1] == "Not live: this is what was heard before."
    assert item.worth == pytest.approx(item.success_probability - 0.01 * np.log1p(item.latency_p95_ms))
    next_calls = item.next_calls
    assert next_calls.lower < 0.8 < next_calls.upper
    assert f"Of its next {next_calls.calls} calls, whoever makes them, {next_calls.lower * 100:.1f} %" in words
    assert (item.reports.provider, item.reports.caller, item.reports.pair) == (500, 100, 100)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("p", "nobody"), "No report of nobody was heard: it is taken for a usual caller."),
        (("new", "good"), "It has not called new before; what is known of both alone says"),
        (("new", "good"), "No report on new was heard: it is taken as usual"),
        (("p", None), "The next call of an unnamed caller to p succeeds"),
    ],
)
def test_what_is_not_known_is_said(asked: tuple[str, str | None], said: str) -> None:
    item = prediction(known().forecast(*asked), asked[0], (asked[1], None, None), 1.0, stale=False)
    assert said in " ".join(item.reasons)
    assert not item.stale
    assert item.rates["pair"] is None


def test_one_call_is_not_many() -> None:
    rolling = Rolling(keep=1_000)
    rolling.learn(Heard(["p"], ["me"], [None], [None], np.array([False]), np.array([9.0])))
    item = prediction(rolling.forecast("p", "me"), "p", ("me", None, None), 1.0, stale=False)
    assert "Of its only call to p 1 failed" in " ".join(item.reasons)
    assert "(1 report)" in " ".join(item.reasons)


def test_check_holds_a_prediction_only_for_a_caller_that_says_something_of_itself(tmp_path: Path) -> None:
    async def asked() -> list[CheckAnswer]:
        answers = small_answers(tmp_path)
        return [
            await answers.check(FAILING),
            await answers.check(FAILING, reporter_id="tests"),
            await answers.check(STEADY, reporter_id="tests"),
            await answers.check(STEADY, task_type="search"),
            await answers.check("nobody-knows", reporter_id="tests"),
        ]

    plain, failing, steady, at_task, unknown = asyncio.run(asked())
    assert plain.prediction is None
    assert unknown.prediction is None
    assert failing.prediction is not None
    assert steady.prediction is not None
    assert at_task.prediction is not None
    assert failing.prediction.success_probability < 0.6 < 0.9 < steady.prediction.success_probability
    assert failing.prediction.reports.pair == 120
    assert failing.prediction.stale  # from the lake: nobody listens here
    assert at_task.prediction.reporter_id is None
    assert failing.trust_score == plain.trust_score


def test_switched_off_or_without_anything_heard_there_is_no_prediction(tmp_path: Path) -> None:
    async def asked(root: Path | None, rate: float) -> object:
        settings = load_settings(predict_rate=rate, lake="", broker="127.0.0.1:9")
        foresight = Foresight(settings, LakeAccess(root), lambda: NOW_S)
        return await foresight.prediction(STEADY, "tests", None, None)

    small_lake(tmp_path / "lake")
    assert asyncio.run(asked(tmp_path / "lake", 0.0)) is None
    assert asyncio.run(asked(None, 100.0)) is None
    assert asyncio.run(asked(tmp_path / "lake", 100.0)) is not None


def test_it_begins_with_the_last_reports_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    foresight = Foresight(load_settings(predict_reports=1_000), LakeAccess(None), lambda: NOW_S)
    spans = {0: Span(0, 10_000, None), 1: Span(9_800, 10_000, None), 2: Span(0, 5_000, 4_000), 3: Span(0, 5, 4_000)}
    assert foresight._begin(spans) == {0: 9_750, 1: 9_800, 2: 4_000, 3: 0}


@pytest.mark.parametrize(
    ("reports", "is_live", "least_s", "most_s"),
    [(1, True, 0.2, 0.2), (1, False, 0.0, 0.001), (2_000, True, 0.201, 0.4)],
)
def test_few_reports_are_learned_together_and_many_at_the_rate_that_was_set(
    monkeypatch: pytest.MonkeyPatch, reports: int, is_live: bool, least_s: float, most_s: float
) -> None:
    foresight = Foresight(load_settings(predict_rate=5_000.0), LakeAccess(None), lambda: NOW_S)
    foresight.follower.is_live = is_live
    rested_s: list[float] = []

    async def rest(seconds: float) -> None:
        rested_s.append(seconds)

    async def story() -> None:
        monkeypatch.setattr(asyncio, "sleep", rest)
        report = {"provider_id": "a", "outcome": "success", "timestamp": NOW_S}
        await foresight._take([Message(at, round(NOW_S * 1e3), msgspec.json.encode(report)) for at in range(reports)])

    asyncio.run(story())
    assert foresight.learned == reports
    assert least_s <= rested_s[0] <= most_s
