"""How well credibility tells fair reporters from unfair ones, on labelled ratings.

``python -m benchmarks credibility RATINGS LABELS``,
of lines ``rater,subject,rating,timestamp``; ``reporter,1`` or ``-1`` (unfair).
"""

import argparse
import csv
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from scipy.stats import rankdata

from analytics.rating_files import RatingFile, read_ratings
from benchmarks.harness import BenchmarkFailed, Program, Row, execute, must_be_file, say
from scoring.arrays import Bools, Floats, Ints
from scoring.credibility import credibility

__all__ = ["PROGRAM", "area", "rows_of"]

DRAWS: Final = 1_000


def options(parser: argparse.ArgumentParser) -> None:
    """What can be asked of it."""
    parser.add_argument("ratings", nargs="?", type=Path, help="rater,subject,rating,timestamp")
    parser.add_argument("labels", nargs="?", type=Path, help="reporter,label: 1 fair, -1 unfair")


def run(given: argparse.Namespace) -> Iterator[Row]:
    """Rows of one file."""
    if given.ratings is None or given.labels is None:
        say("credibility: left out, since no files are given: python -m benchmarks credibility RATINGS LABELS")
        return
    for name, path in (("RATINGS", given.ratings), ("LABELS", given.labels)):
        must_be_file(name, path)
    with given.labels.open(newline="", encoding="utf-8") as file:
        labels = {row[0]: int(row[1]) for row in csv.reader(file)}
    yield from rows_of(read_ratings(given.ratings), labels)


def rows_of(read: RatingFile, labels: dict[str, int]) -> Iterator[Row]:
    """Area under the curve of the method, of its ingredients and of two simple baselines."""
    rows = [(row, labels[reporter] < 0) for row, reporter in enumerate(read.reporters) if reporter in labels]
    who, unfair = np.array([row for row, _ in rows], dtype=np.int64), np.array([bad for _, bad in rows], dtype=np.bool_)
    if unfair.all() or not unfair.any():
        raise BenchmarkFailed(f"LABELS must name fair and unfair reporters; got {len(rows)} known, all alike")
    whole, content = credibility(read.ratings), credibility(read.ratings, with_tenure=False)
    for name, found, target in (("everything", whole, 0.92), ("without-tenure", content, 0.88)):
        facts = {"reporters": len(who), "unfair": int(unfair.sum()), **_spread(-found.value, who, unfair)}
        yield Row(f"truth/credibility-{name}", area(-found.value[who], unfair), "AUC", target=target, facts=facts)
    alone = {**whole.ranks, "few-ratings": -read.ratings.given, "mean-deviation": _mean_deviation(read)}
    for name, suspicion in alone.items():
        yield Row(f"truth/credibility-alone-{name.replace('_', '-')}", area(suspicion[who], unfair), "AUC")


def area(suspicion: Floats, unfair: Bools) -> float:
    """Area under the ROC curve, ties counted half (Mann and Whitney)."""
    bad = int(unfair.sum())
    ranks = rankdata(suspicion)[unfair].sum()
    return float((ranks - bad * (bad + 1) / 2) / (bad * (len(unfair) - bad)))


def _spread(suspicion: Floats, who: Ints, unfair: Bools) -> dict[str, float]:
    """Standard error and lower 5 % of the area, by drawing labelled users with replacement (seed 0)."""
    draw = np.random.default_rng(0)
    areas: list[float] = []
    while len(areas) < DRAWS:
        picked = draw.integers(0, len(who), len(who))
        if 0 < unfair[picked].sum() < len(who):
            areas.append(area(suspicion[who[picked]], unfair[picked]))
    return {
        "standard_error": round(float(np.std(areas)), 4),
        "lower_5_percent": round(float(np.quantile(areas, 0.05)), 4),
    }


def _mean_deviation(read: RatingFile) -> Floats:
    """Mean absolute deviation of each reporter from the mean of the others; the population's without any."""
    ratings = read.ratings
    count = ratings.by_subject(np.ones(len(ratings.value)))[ratings.subject] - 1
    others = ratings.by_subject(ratings.value)[ratings.subject] - ratings.value
    some = count > 0
    apart = np.where(some, np.abs(ratings.value - others / np.maximum(count, 1)), 0.0)
    n = ratings.by_reporter(some.astype(np.float64))
    usual = apart.sum() / max(int(some.sum()), 1)
    deviation: Floats = np.where(n > 0, ratings.by_reporter(apart) / np.maximum(n, 1), usual)
    return deviation


PROGRAM: Final = Program("credibility", __doc__ or "", options, run)

if __name__ == "__main__":
    sys.exit(execute(PROGRAM))
