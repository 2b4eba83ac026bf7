from dataclasses import replace
from typing import Any

import pytest

from benchmarks.harness import BenchmarkFailed, Row
from benchmarks.support.readings import Counted
from benchmarks.wsdream import Done, rows_of

TRUTH = {"service-7": Counted(2, 0, 19_999_000), "service-9": Counted(3, 1, 8_000)}


def verified(panes: int = 0, scores: int = 0, largest: float = 0.0) -> dict[str, Any]:
    """As ``trustscore verify --json`` says it."""
    return {
        "equal": not (panes or scores),
        "panes": {"compared": 4, "different": panes},
        "scores": {
            "compared": 2, "different": scores, "bit_for_bit": 2 - scores, "ahead": 0, "largest_difference": largest,
        },
    }  # fmt: skip


GOOD = Done({"acknowledged": 5}, 2.0, TRUTH, verified(), 0.5, None)


def missed(done: Done) -> set[str]:
    """Rows that miss their target, of a replay that must fail."""
    rows: list[Row] = []

    def take() -> None:
        for row in rows_of("wsdream", done, TRUTH, 5):
            rows.append(row)  # noqa: PERF402  # list.extend may lose what came before the failure

    with pytest.raises(BenchmarkFailed):
        take()
    return {row.name for row in rows if row.met is False}


def test_a_replay_that_is_right_gives_its_rows() -> None:
    rows = {row.name: row for row in rows_of("wsdream", GOOD, TRUTH, 5)}
    assert (rows["wsdream/readings"].value, rows["wsdream/reports-per-s"].value) == (5, 2.5)
    assert {row.met for row in rows.values()} == {None, True}


def test_one_time_out_too_few_in_the_lake_fails_the_replay() -> None:
    found = {**TRUTH, "service-9": Counted(3, 0, 8_000)}
    assert missed(replace(GOOD, found=found)) == {"wsdream/services-unlike-the-file"}


def test_a_service_that_the_lake_lacks_fails_the_replay() -> None:
    assert missed(replace(GOOD, found={"service-7": TRUTH["service-7"]})) == {"wsdream/services-unlike-the-file"}


def test_a_pane_or_score_that_comes_out_differently_fails_the_replay() -> None:
    assert missed(replace(GOOD, verified=verified(panes=1))) == {"wsdream/panes-different"}
    assert missed(replace(GOOD, verified=verified(scores=1, largest=0.5))) == {
        "wsdream/scores-different",
        "wsdream/largest-difference",
    }
