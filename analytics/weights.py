"""Cases to learn weights from, out of a file of reports."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from analytics.errors import InvalidRequest
from analytics.replay.sources import Format, Report, read
from scoring.arrays import NAN, Bools, Floats, Ints
from scoring.panes import Columns
from scoring.reports import CONSISTENCY, OUTCOMES, SECURITY
from scoring.weight_samples import Samples, samples_of

__all__ = ["Learnable", "learnable"]

_NUMBERS: Final = ("latency_ms", "quality", "cost_usd", "data_age_s", "replication_lag_ms")
_FLAGS: Final = ("schema_valid", "rate_limited")


@dataclass(frozen=True, slots=True)
class Learnable:
    """What a file gives to learn from."""

    samples: Samples
    reports: int
    providers: int
    good_rate: float


def learnable(path: Path, form: Format, target_ms: float, moments: int) -> Learnable:
    """The cases of a file at evenly spaced moments of its time.

    Parameters
    ----------
    path, form
        Reports; any order.
    target_ms
        A call went well when it succeeded and took no longer, where that is known.
    moments
        How many, at least 4.

    Raises
    ------
    BadLine
        At the first line that is no report.
    InvalidRequest
        When there is no report.
    """
    reports = sorted((report for chunk in read(path, form) for report in chunk), key=lambda each: each["timestamp"])
    if not reports:
        raise InvalidRequest("REPORTS", "a file with at least one report", "none", "give another one")
    columns = _columns(reports)
    latency = columns.numbers.get("latency_ms", np.full(len(reports), NAN))
    good: Bools = (columns.outcome == OUTCOMES.index("success")) & ~(latency > target_ms)
    times_s = np.linspace(reports[0]["timestamp"], np.nextafter(reports[-1]["timestamp"], np.inf), moments + 1)
    return Learnable(samples_of(columns, good, times_s), len(reports), len(columns.names), float(good.mean()))


def _columns(reports: list[Report]) -> Columns:
    names: dict[str, int] = {}
    series = [names.setdefault(report["provider_id"], len(names)) for report in reports]
    event_us = np.floor(_floats(reports, "timestamp") * 1e6 + 0.5).astype(np.int64)
    stated = {name for report in reports for name in report}
    return Columns(
        series=np.array(series, dtype=np.int64),
        names=[(name, "", "") for name in names],
        event_us=event_us,
        outcome=_codes(reports, "outcome", OUTCOMES),
        offset=np.arange(len(reports)),
        numbers={name: _floats(reports, name) for name in _NUMBERS if name in stated},
        flags={name: _floats(reports, name) for name in _FLAGS if name in stated},
        consistency=_codes(reports, "consistency", CONSISTENCY) if "consistency" in stated else None,
        security=np.array([_bits(report.get("security")) for report in reports]) if "security" in stated else None,
    )


def _floats(reports: list[Report], name: str) -> Floats:
    found = (report.get(name) for report in reports)
    return np.array([NAN if value is None else float(value) for value in found], dtype=np.float64)


def _codes(reports: list[Report], name: str, words: tuple[str, ...]) -> Ints:
    code = {word: number for number, word in enumerate(words)}
    return np.array([code.get(report.get(name, ""), -1) for report in reports], dtype=np.int64)


def _bits(findings: Any) -> int:
    return -1 if findings is None else sum(1 << SECURITY.index(found) for found in set(findings))
