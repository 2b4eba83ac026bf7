"""Reports of a file as columns: numbers in place of ids, in the order of the file."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np

from analytics.replay.sources import Report
from scoring.arrays import NAN, Bools, Floats, Ints

__all__ = ["ANONYMOUS", "ReportColumns", "report_columns"]

ANONYMOUS: Final = "anonymous"
"""Reporter of a report that names none."""
_FACETS: Final = ("task_type", "region")


@dataclass(frozen=True, slots=True)
class ReportColumns:
    """N reports; arrays [N]."""

    time_s: Floats
    ids: tuple[Ints, Ints, Ints, Ints]
    """Of provider, reporter, task and region, numbered as they first occur; -1 where not stated."""
    names: tuple[tuple[str, ...], ...]
    """What each of these numbers stands for."""
    success: Bools
    latency_ms: Floats
    """nan where not stated."""


def report_columns(chunks: Iterable[Iterable[Report]]) -> ReportColumns:
    """The columns of reports as ``analytics.replay.sources.read`` gives them."""
    known: tuple[dict[str, int], ...] = ({}, {}, {}, {})
    ids: tuple[list[int], ...] = ([], [], [], [])
    time_s, success, latency_ms = [], [], []
    for report in (report for chunk in chunks for report in chunk):
        time_s.append(report["timestamp"])
        success.append(report["outcome"] == "success")
        latency_ms.append(report.get("latency_ms", NAN))
        names = (report["provider_id"], report.get("reporter_id", ANONYMOUS), *map(report.get, _FACETS))
        for name, numbers, held in zip(names, ids, known, strict=True):
            numbers.append(-1 if name is None else held.setdefault(name, len(held)))
    provider, reporter, task, region = (np.array(numbers, dtype=np.int64) for numbers in ids)
    return ReportColumns(
        np.array(time_s, dtype=np.float64),
        (provider, reporter, task, region),
        tuple(tuple(held) for held in known),
        np.array(success, dtype=np.bool_),
        np.array(latency_ms, dtype=np.float64),
    )
