"""Ratings and anchors from CSV files, every fault named by line and column."""

import csv
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from analytics.errors import InvalidRequest
from scoring.credibility import ANCHOR_KINDS, Anchors
from scoring.ratings import Ratings
from scoring.reports import epoch_s

__all__ = ["BadCell", "RatingFile", "read_anchors", "read_ratings"]

RATING_COLUMNS: Final = ("rater", "subject", "rating", "timestamp")
ANCHOR_COLUMNS: Final = ("reporter_id", "kind", "agreed", "contradicted")


class BadCell(InvalidRequest):
    """A cell that cannot be used: file, line, column, what was wanted and what came."""

    def __init__(self, path: Path, line: int, column: str, wanted: str, got: str) -> None:
        self.path, self.line, self.column = path, line, column
        super().__init__(f"{path}, line {line}, {column}", wanted, got, "correct the file")


class RatingFile(NamedTuple):
    """Ratings with the ids behind their rows."""

    ratings: Ratings
    reporters: tuple[str, ...]
    """Id of each reporter's row, in the order of the file."""
    subjects: tuple[str, ...]


def read_ratings(path: Path, scale: float | None = None) -> RatingFile:
    """Ratings of a file ``rater,subject,rating,timestamp``, with or without a header.

    ``scale`` is the best rating there can be (the worst is minus that); None: the largest in the file, signs left out.
    A timestamp is epoch seconds or RFC 3339 with zone.

    Raises
    ------
    BadCell
        For the first cell that cannot be used.
    """
    reporters: dict[str, int] = {}
    subjects: dict[str, int] = {}
    who, what, said, at_s = [], [], [], []
    lines = []
    for line, (rater, subject, rating, timestamp) in _rows(path, RATING_COLUMNS):
        who.append(reporters.setdefault(rater, len(reporters)))
        what.append(subjects.setdefault(subject, len(subjects)))
        said.append(_number(path, line, "rating", rating))
        at_s.append(_moment_s(path, line, timestamp))
        lines.append(line)
    values = np.array(said, dtype=np.float64)
    best = float(np.abs(values).max(initial=0.0)) or 1.0 if scale is None else scale
    over = np.flatnonzero(np.abs(values) > best)
    if len(over):
        raise BadCell(path, lines[over[0]], "rating", f"a number from {-best:g} to {best:g}", f"{values[over[0]]:g}")
    ratings = Ratings(
        np.array(who, dtype=np.int64), np.array(what, dtype=np.int64), values / best, np.array(at_s, dtype=np.float64),
        len(reporters), len(subjects),
    )  # fmt: skip
    return RatingFile(ratings, tuple(reporters), tuple(subjects))


def read_anchors(path: Path, reporters: tuple[str, ...]) -> Anchors:
    """Weighted anchors of a file ``reporter_id,kind,agreed,contradicted``; rows of other reporters are left out.

    Raises
    ------
    BadCell
        For the first cell that cannot be used.
    """
    rows = {reporter: row for row, reporter in enumerate(reporters)}
    agreed, contradicted = np.zeros(len(rows)), np.zeros(len(rows))
    for line, (reporter, kind, right, wrong) in _rows(path, ANCHOR_COLUMNS):
        if kind not in ANCHOR_KINDS:
            raise BadCell(path, line, "kind", f"one of {', '.join(ANCHOR_KINDS)}", ascii(kind[:60]))
        counts = _number(path, line, "agreed", right, 0.0), _number(path, line, "contradicted", wrong, 0.0)
        row = rows.get(reporter)
        if row is not None:
            agreed[row] += ANCHOR_KINDS[kind] * counts[0]
            contradicted[row] += ANCHOR_KINDS[kind] * counts[1]
    return Anchors(agreed, contradicted)


def _rows(path: Path, columns: tuple[str, ...]) -> Iterator[tuple[int, list[str]]]:
    """Line number and cells of each row; a header and empty lines are passed over."""
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
        reader = csv.reader(file)
        for row in reader:
            cells = [cell.strip() for cell in row]
            if not cells or (reader.line_num == 1 and tuple(cell.casefold() for cell in cells) == columns):
                continue
            if len(cells) != len(columns):
                raise BadCell(path, reader.line_num, "line", ",".join(columns), f"{len(cells)} cells")
            if not cells[0]:
                raise BadCell(path, reader.line_num, columns[0], "an id", "an empty cell")
            if not cells[1]:
                raise BadCell(path, reader.line_num, columns[1], "given", "an empty cell")
            yield reader.line_num, cells


def _number(path: Path, line: int, column: str, cell: str, least: float = -math.inf) -> float:
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if math.isfinite(number) and number >= least:
        return number
    raise BadCell(path, line, column, "a number" if least < 0 else f"a number from {least:g}", ascii(cell[:60]))


def _moment_s(path: Path, line: int, cell: str) -> float:
    try:
        moment_s = float(cell)
    except ValueError:
        try:
            moment_s = epoch_s(cell)
        except ValueError:
            moment_s = math.nan
    if math.isfinite(moment_s):
        return moment_s
    wanted = "epoch seconds or an RFC 3339 time with zone"
    raise BadCell(path, line, "timestamp", wanted, ascii(cell[:60]))
