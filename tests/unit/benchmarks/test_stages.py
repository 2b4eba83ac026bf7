"""The benchmark of stages: all reports come through, and the shares of the stages are of a whole."""

from argparse import Namespace
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import stages
from benchmarks.stages import folded, run
from benchmarks.support.reports import EVEN
from scoring.stats import STAT
from scoring.windows import Windows


def test_every_report_comes_through_every_stage() -> None:
    line = folded(replace(EVEN, providers=5), 4_000, 300, 1_000)
    assert set(line.spent_s) == {"records", "decode", "repeats", "fold", "send", "merge"}
    outcomes = slice(0, STAT["error"] + 1)
    seen = 0
    for state in line.scores:
        windows = Windows()
        windows.grow(len(state.entities))
        windows.advance(state.book, state.entity_of_row[: len(state.book.names)], line.now_s)
        providers = [at for at, name in enumerate(state.entities) if "|" not in name]
        seen += int(windows.of(np.array(providers))[:, -1, outcomes].sum())
    assert seen == 4_000


def test_shares_of_stages_are_of_one_whole_and_scores_are_told_by_the_entity(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "TICK_ROWS", 400)
    rows = {row.name: row for row in run(Namespace(reports=2_000, only=["ticks", "score"]))}
    parts = [row for name, row in rows.items() if name.startswith("stages/ticks/")]
    assert len(parts) == 6
    assert sum(row.facts["share"] for row in parts) == pytest.approx(1, abs=0.01)
    assert rows["stages/ticks"].value == pytest.approx(sum(row.value for row in parts))
    assert 900 < rows["stages/score-within-a-minute"].facts["entities"] <= 1_000, "200 providers, a task, three regions"
