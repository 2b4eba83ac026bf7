import argparse
from pathlib import Path

import numpy as np
import pytest

from analytics.rating_files import RatingFile
from benchmarks.credibility import area, rows_of, run
from benchmarks.harness import BenchmarkFailed
from tests.support.rating_cases import crowd, ratings_of

READ = RatingFile(ratings_of(crowd(10, 4, 20, 0)), tuple(f"r{who}" for who in range(14)), ())
LABELS = {f"r{who}": 1 if who < 10 else -1 for who in range(14)} | {"stranger": 1}


def test_area_counts_ordered_pairs_and_halves_ties() -> None:
    assert area(np.array([3.0, 1.0, 2.0, 1.0]), np.array([True, True, False, False])) == pytest.approx(2.5 / 4)


def test_rows_state_targets_and_ingredients() -> None:
    rows = {row.name: row for row in rows_of(READ, LABELS)}
    assert rows["truth/credibility-without-tenure"].value == 1.0
    assert rows["truth/credibility-everything"].target == 0.92
    assert rows["truth/credibility-everything"].facts["unfair"] == 4
    assert "truth/credibility-alone-contradicted-later" in rows
    assert "truth/credibility-alone-mean-deviation" in rows


def test_labels_of_one_kind_and_missing_files_fail() -> None:
    with pytest.raises(BenchmarkFailed, match="all alike"):
        list(rows_of(READ, {"r1": 1}))
    with pytest.raises(BenchmarkFailed, match="RATINGS must be a file"):
        list(run(argparse.Namespace(ratings=Path("none.csv"), labels=Path("none.csv"))))


def test_without_files_it_is_left_out() -> None:
    assert list(run(argparse.Namespace(ratings=None, labels=None))) == []
