"""Reports as plain dicts and the panes they make, counted one report at a time: what the vectorised code must equal."""

import math
import random
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring.book import LAST_SEEN, Book
from scoring.panes import Columns
from scoring.reports import CONSISTENCY, OUTCOMES, SECURITY
from scoring.stats import BUCKET_BOUNDS_US, BUCKETS, STATS
from scoring.sums import dense

__all__ = [
    "NOW_S", "Pane", "PaneKey", "Report", "columns_of_reports", "entities_of", "newest_of", "panes_in", "panes_of",
    "some_reports", "sums_of_report",
]  # fmt: skip

NOW_S: Final = 1_700_000_000
"""2023-11-14T22:13:20Z."""
LEVELS_S: Final = (60, 3_600, 86_400)
_BOUNDS_US: Final[list[int]] = BUCKET_BOUNDS_US.tolist()

Report = Mapping[str, Any]
PaneKey = tuple[int, int, str]
"""(level_s, start_s, entity)"""


@dataclass
class Pane:
    """Sums and latency buckets of one entity in one pane; zeros are left out."""

    stats: Counter[str] = field(default_factory=Counter)
    buckets: Counter[int] = field(default_factory=Counter)
    last_offset: int = -1


def some_reports(seed: int, n: int, span_s: float = 7_200.0, providers: int = 4) -> list[dict[str, Any]]:
    """``n`` seeded reports of the last ``span_s`` seconds before ``NOW_S``; each field is stated now and then."""
    rng = random.Random(seed)
    return [_report(rng, span_s, providers) for _ in range(n)]


def _report(rng: random.Random, span_s: float, providers: int) -> dict[str, Any]:
    report: dict[str, Any] = {
        "provider_id": f"provider-{rng.randrange(providers)}",
        "outcome": rng.choice(OUTCOMES),
        "timestamp": NOW_S - round(rng.uniform(0, span_s), 3),
    }
    optional: dict[str, Any] = {
        "latency_ms": rng.choice((0, 0.1, 999.9995, 1_000, 1_000.0005, 4_000.0, 3_600_000, rng.lognormvariate(5, 2))),
        "task_type": rng.choice(("search", "write", "läsen|task=x")),
        "region": rng.choice(("eu-west-1", "us-east-1")),
        "quality": rng.choice((0, 1, 0.5, rng.random())),
        "cost_usd": rng.choice((0, 0.01, 99_999.5, rng.expovariate(100))),
        "data_age_s": rng.choice((0, 86_400, 1e9, rng.expovariate(1e-4))),
        "schema_valid": rng.random() < 0.8,
        "rate_limited": rng.random() < 0.2,
        "consistency": rng.choice(CONSISTENCY),
        "replication_lag_ms": rng.choice((0, 0.4, 0.5, rng.expovariate(0.01))),
        "security": rng.choice(([], ["leak"], ["leak", "leak", "injection"], list(SECURITY))),
    }
    return report | {name: value for name, value in optional.items() if rng.random() < 0.5}


def sums_of_report(report: Report) -> dict[str, int]:
    """What one report adds to each statistic, by the fixed-point rules of the contract; zeros may be left out."""
    sums = {str(report["outcome"]): 1}
    latency_us = _latency_us(report)
    if latency_us is not None:
        sums |= {"latency_n": 1, "latency_us": latency_us, "latency_satisfied": int(latency_us <= 1_000_000)}
        sums["latency_tolerating"] = int(1_000_000 < latency_us <= 4_000_000)
    for name, rule in _RULES.items():
        if report.get(name) is not None:
            sums |= rule(report[name])
    return sums


def _half_up(value: float) -> int:
    return math.floor(value + 0.5)


_RULES: Final[dict[str, Any]] = {
    "quality": lambda v: {"quality_n": 1, "quality_ppm": _half_up(v * 1e6)},
    "schema_valid": lambda v: {"schema_n": 1, "schema_ok": int(v)},
    "data_age_s": lambda v: {
        "freshness_n": 1,
        "freshness_ppm": _half_up(math.exp2(-v / 86_400) * 1e6),
        "data_age_ms": _half_up(v * 1e3),
    },
    "cost_usd": lambda v: {"cost_n": 1, "cost_nusd": _half_up(v * 1e9), "cost_ppm": _half_up(1 / (1 + v / 0.01) * 1e6)},
    "rate_limited": lambda v: {"rate_limit_n": 1, "rate_limited": int(v)},
    "consistency": lambda v: {
        "consistency_n": 1,
        "consistency_ppm": {"ok": 1_000_000, "stale": 500_000, "conflict": 0, "lost": 0}[v],
    },
    "replication_lag_ms": lambda v: {"lag_n": 1, "lag_ms": _half_up(v)},
    "security": lambda v: {"security_n": 1, "security_clean": int(not v), **dict.fromkeys(v, 1)},
}


def _latency_us(report: Report) -> int | None:
    if report.get("latency_ms") is None or report["outcome"] not in ("success", "failure"):
        return None
    return _half_up(report["latency_ms"] * 1e3)


def entities_of(report: Report) -> list[str]:
    """The provider, and its facets of task type and region where the report states them."""
    provider = str(report["provider_id"])
    facets = [("task", report.get("task_type")), ("region", report.get("region"))]
    return [provider, *(f"{provider}|{kind}={value}" for kind, value in facets if value)]


def event_us(report: Report) -> int:
    """Event time in whole microseconds."""
    return math.floor(float(report["timestamp"]) * 1e6 + 0.5)


def panes_of(reports: Iterable[Report], first_offset: int = 0) -> dict[PaneKey, Pane]:
    """Panes of a minute, an hour and a day; the reports stand at consecutive offsets."""
    panes: dict[PaneKey, Pane] = {}
    for offset, report in enumerate(reports, first_offset):
        second = event_us(report) // 1_000_000
        for level_s in LEVELS_S:
            for entity in entities_of(report):
                pane = panes.setdefault((level_s, second // level_s * level_s, entity), Pane())
                pane.stats.update({name: value for name, value in sums_of_report(report).items() if value})
                pane.last_offset = offset
                latency_us = _latency_us(report)
                if latency_us is not None:
                    pane.buckets[min(bisect_left(_BOUNDS_US, latency_us), BUCKETS - 1)] += 1
    return panes


def newest_of(reports: Iterable[Report], first_offset: int = 0) -> dict[str, tuple[int, int]]:
    """Newest event time (µs) and last offset of each entity."""
    newest: dict[str, tuple[int, int]] = {}
    for offset, report in enumerate(reports, first_offset):
        for entity in entities_of(report):
            newest[entity] = (max(event_us(report), newest.get(entity, (0, 0))[0]), offset)
    return newest


def panes_in(book: Book) -> tuple[dict[PaneKey, Pane], dict[str, tuple[int, int]]]:
    """What a book holds, in the same shape: its panes, and the newest event time and offset of each row name."""
    panes: dict[PaneKey, Pane] = {}
    newest: dict[str, tuple[int, int]] = {}
    for level_s, start_s in book.block_keys():
        block = book.block((level_s, start_s))
        rows = np.arange(len(book.names))
        held = dense(block.of(rows), len(rows)).tolist()
        for name, offset, values in zip(book.names, block.offsets(rows).tolist(), held, strict=True):
            if offset < 0:
                assert not any(values), "a row without an offset holds something"
            elif (level_s, start_s) == LAST_SEEN:
                newest[name] = (values[0], offset)
            else:
                stats = {stat: value for stat, value in zip(STATS, values, strict=True) if value}
                panes[level_s, start_s, name] = Pane(Counter(stats), Counter(), offset)
        for key, count in zip(*map(np.ndarray.tolist, block.latency.all()), strict=True):
            panes[level_s, start_s, book.names[key // BUCKETS]].buckets[key % BUCKETS] = count
    return panes, newest


def columns_of_reports(reports: Sequence[Report], first_offset: int = 0) -> Columns:
    """The columns that are folded, one report at a time; columns that no report states are left out."""
    names = sorted({_series(report) for report in reports})

    def floats(name: str) -> NDArray[np.float64]:
        return np.array([np.nan if report.get(name) is None else float(report[name]) for report in reports])

    stated = {name for report in reports for name, value in report.items() if value is not None}
    return Columns(
        series=np.array([names.index(_series(report)) for report in reports], np.int64),
        names=names,
        event_us=np.array([event_us(report) for report in reports], np.int64),
        outcome=np.array([OUTCOMES.index(report["outcome"]) for report in reports], np.int64),
        offset=np.arange(first_offset, first_offset + len(reports), dtype=np.int64),
        numbers={
            name: floats(name)
            for name in ("latency_ms", "quality", "cost_usd", "data_age_s", "replication_lag_ms")
            if name in stated
        },
        flags={name: floats(name) for name in ("schema_valid", "rate_limited") if name in stated},
        consistency=np.array([_code(report) for report in reports], np.int64) if "consistency" in stated else None,
        security=np.array([_bits(report) for report in reports], np.int64) if "security" in stated else None,
    )


def _series(report: Report) -> tuple[str, str, str]:
    return str(report["provider_id"]), report.get("task_type") or "", report.get("region") or ""


def _code(report: Report) -> int:
    return -1 if report.get("consistency") is None else CONSISTENCY.index(report["consistency"])


def _bits(report: Report) -> int:
    found = report.get("security")
    return -1 if found is None else sum(1 << SECURITY.index(name) for name in set(found))
