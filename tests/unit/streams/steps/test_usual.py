import random
from typing import Any

import numpy as np
import pytest

from scoring import anomalies
from scoring.anomalies import Baseline
from scoring.windows import baseline_starts
from streams.steps import score as step
from streams.steps.fold import FoldState, fold, take_updates
from streams.steps.score import ScoreState, merge, score
from tests.support.plain_panes import NOW_S, Report, columns_of_reports, some_reports

HOUR_S = 3_600


def arrays(of: Baseline) -> list[Any]:
    return [of.median, of.spread, of.pane_reports, of.panes, of.hourly]


def anew(state: ScoreState) -> Baseline:
    hours, minutes = baseline_starts(state.as_of_s)
    everyone = np.arange(len(state.entities))
    return anomalies.baseline(
        step._gathered(state, 3_600, hours, everyone), step._gathered(state, 60, minutes, everyone)
    )


def reports_at(rng: random.Random, now_s: float) -> list[Report]:
    span_s = rng.choice((200, HOUR_S, 30 * HOUR_S, 160 * HOUR_S))
    given = some_reports(rng.randrange(10**9), 400, span_s=span_s, providers=2)
    return [{**report, "timestamp": float(report["timestamp"]) - NOW_S + now_s} for report in given]


@pytest.mark.parametrize("seed", range(5))
def test_what_is_kept_is_what_all_panes_give(seed: int) -> None:
    """Late reports in closed panes, new entities, time that passes and a clock that is set back."""
    rng, state, folds, offset, now_s = random.Random(seed), ScoreState(), FoldState(), 0, float(NOW_S)
    found = 0
    for _ in range(25):
        reports = reports_at(rng, now_s)
        fold(folds, columns_of_reports(reports, offset), now_s)
        offset += len(reports)
        updates = take_updates(folds, 0)
        assert updates is not None
        merge(state, updates)
        score(state, now_s)
        everyone = np.arange(len(state.entities))
        kept = state.usual.of(everyone, now_s, lambda *asked: step._gathered(state, *asked))
        for ours, theirs in zip(arrays(kept), arrays(anew(state)), strict=True):
            np.testing.assert_array_equal(ours, theirs)
        found += int((~np.isnan(kept.median)).sum())
        now_s += rng.choice((0.1, 20.0, 60.0, 700.0, 4_000.0, -90.0))
    assert found > 100, "there must be baselines to compare"


def test_closed_panes_are_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[int] = []
    once = anomalies.usual

    def watched(panes: Any, level: anomalies.Level) -> anomalies.Usual:
        looked.append(len(panes))
        return once(panes, level)

    monkeypatch.setattr(anomalies, "usual", watched)
    folds, state = FoldState(), ScoreState()
    for offset, provider in enumerate("aab"):
        report = {"provider_id": provider, "outcome": "success", "timestamp": NOW_S}
        fold(folds, columns_of_reports([report], offset), NOW_S)
        updates = take_updates(folds, 0)
        assert updates is not None
        merge(state, updates)
        score(state, NOW_S)
    assert looked == [1, 1, 1, 1], "hours and minutes of a, then of b"
    late = {"provider_id": "a", "outcome": "success", "timestamp": NOW_S - 3_500}
    fold(folds, columns_of_reports([late], 3), NOW_S)
    updates = take_updates(folds, 0)
    assert updates is not None
    merge(state, updates)
    score(state, NOW_S)
    assert looked[4:] == [1, 1], "both had closed, and b has no part in it"
