"""Evidence for tests, made from plain reports by loops a reader can check: none of it uses what it is there to test."""

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring.anomalies import baseline
from scoring.evidence import Evidence
from scoring.stats import BUCKET_BOUNDS_US, BUCKETS, QUANTILE_WINDOWS, STAT, STATS, WINDOWS, covers

AS_OF_S: Final = 1_700_003_599.0
"""Last second of a UTC hour but for one: 2023-11-14T23:13:19Z."""


@dataclass(frozen=True)
class Call:
    """One report, with only what a score looks at."""

    at_s: float
    outcome: str = "success"
    latency_ms: float | None = None
    quality: float | None = None
    schema_valid: bool | None = None
    data_age_s: float | None = None
    cost_usd: float | None = None
    rate_limited: bool | None = None
    consistency: str | None = None
    replication_lag_ms: float | None = None
    security: tuple[str, ...] | None = None
    region: str | None = None


def sums_of(calls: Iterable[Call]) -> dict[str, int]:
    """``STATS`` of the calls, one call and one field at a time."""
    sums = dict.fromkeys(STATS, 0)
    for call in calls:
        sums[call.outcome] += 1
        if call.latency_ms is not None and call.outcome in ("success", "failure"):
            us = latency_us(call)
            sums["latency_n"] += 1
            sums["latency_us"] += us
            sums["latency_satisfied"] += us <= 1_000_000
            sums["latency_tolerating"] += 1_000_000 < us <= 4_000_000
        if call.quality is not None:
            sums["quality_n"] += 1
            sums["quality_ppm"] += math.floor(call.quality * 1e6 + 0.5)
        if call.schema_valid is not None:
            sums["schema_n"] += 1
            sums["schema_ok"] += call.schema_valid
        if call.data_age_s is not None:
            sums["freshness_n"] += 1
            sums["freshness_ppm"] += math.floor(math.exp2(-call.data_age_s / 86_400) * 1e6 + 0.5)
            sums["data_age_ms"] += math.floor(call.data_age_s * 1_000 + 0.5)
        if call.cost_usd is not None:
            sums["cost_n"] += 1
            sums["cost_nusd"] += math.floor(call.cost_usd * 1e9 + 0.5)
            sums["cost_ppm"] += math.floor(1 / (1 + call.cost_usd / 0.01) * 1e6 + 0.5)
        if call.rate_limited is not None:
            sums["rate_limit_n"] += 1
            sums["rate_limited"] += call.rate_limited
        if call.consistency is not None:
            sums["consistency_n"] += 1
            sums["consistency_ppm"] += {"ok": 1_000_000, "stale": 500_000}.get(call.consistency, 0)
        if call.replication_lag_ms is not None:
            sums["lag_n"] += 1
            sums["lag_ms"] += math.floor(call.replication_lag_ms + 0.5)
        if call.security is not None:
            sums["security_n"] += 1
            sums["security_clean"] += not call.security
            for finding in call.security:
                sums[finding] += 1
    return sums


def latency_us(call: Call) -> int:
    """Latency of a call that states one, whole microseconds."""
    assert call.latency_ms is not None
    return math.floor(call.latency_ms * 1_000 + 0.5)


def stats_row(calls: Iterable[Call]) -> NDArray[np.int64]:
    """``sums_of`` as a row."""
    return np.array(list(sums_of(calls).values()), dtype=np.int64)


def in_window(calls: Iterable[Call], window: int, as_of_s: float) -> list[Call]:
    """Calls that the window covers."""
    first, last = covers(WINDOWS[window], as_of_s)
    return [call for call in calls if first <= call.at_s < last + WINDOWS[window].level_s]


def windows_of(calls: Sequence[Call], as_of_s: float = AS_OF_S) -> NDArray[np.int64]:
    """Nested window sums, [6, S]."""
    return np.stack([stats_row(in_window(calls, window, as_of_s)) for window in range(len(WINDOWS))])


def histogram_of(calls: Iterable[Call]) -> NDArray[np.int64]:
    """Latency histogram, [BUCKETS]: each value goes to the first bucket whose bound holds it."""
    counts = np.zeros(BUCKETS, dtype=np.int64)
    for call in calls:
        if call.latency_ms is not None and call.outcome in ("success", "failure"):
            counts[next(i for i, bound in enumerate(BUCKET_BOUNDS_US) if latency_us(call) <= bound)] += 1
    return counts


def panes_of(calls: Sequence[Call], first_s: int, panes: int, length_s: int) -> NDArray[np.int64]:
    """Sums of ``panes`` panes in a row from ``first_s``, [panes, S]."""
    by_pane: dict[int, list[Call]] = {}
    for call in calls:
        by_pane.setdefault(int((call.at_s - first_s) // length_s), []).append(call)
    return np.stack([stats_row(by_pane.get(pane, [])) for pane in range(panes)])


def evidence_of(entities: Sequence[Sequence[Call]], as_of_s: float = AS_OF_S, histograms: bool = True) -> Evidence:
    """Evidence of entities with these calls; their regions become region facets."""
    names = [window.name for window in WINDOWS]
    sketches = np.zeros((len(entities), len(QUANTILE_WINDOWS), BUCKETS), dtype=np.int64)
    if histograms:
        for row, calls in enumerate(entities):
            for i, name in enumerate(QUANTILE_WINDOWS):
                sketches[row, i] = histogram_of(in_window(calls, names.index(name), as_of_s))
    hour, minute = int(as_of_s // 3_600) * 3_600, int(as_of_s // 60) * 60
    regions = [
        (row, [call for call in calls if call.region == region])
        for row, calls in enumerate(entities)
        for region in sorted({call.region for call in calls if call.region is not None})
    ]
    return Evidence(
        windows=np.array([windows_of(calls, as_of_s) for calls in entities], dtype=np.int64).reshape(-1, 6, len(STATS)),
        sketches=sketches,
        baseline=baseline(
            np.array([panes_of(calls, hour - 167 * 3_600, 167, 3_600) for calls in entities], dtype=np.int64),
            np.array([panes_of(calls, minute - 59 * 60, 55, 60) for calls in entities], dtype=np.int64),
        ),
        last_report_s=np.array([max((call.at_s for call in calls), default=math.nan) for calls in entities]),
        region_windows=np.array([windows_of(calls, as_of_s) for _, calls in regions], dtype=np.int64).reshape(
            -1, 6, len(STATS)
        ),
        region_of=np.array([row for row, _ in regions], dtype=np.int64),
    )


def repeat(n: int, age_s: float = 60.0, **fields: object) -> list[Call]:
    """The same call ``n`` times, ``age_s`` before ``AS_OF_S``."""
    return [Call(AS_OF_S - age_s, **fields)] * n  # type: ignore[arg-type]


def regime(name: str, seed: int, hour_s: float = 3_600.0) -> list[Call]:
    """An hour of seeded traffic of one kind, 500 to 2,000 calls up to ``AS_OF_S``."""
    rng = random.Random(f"{name} {seed}")
    calls: list[Call] = []
    healthy = rng.uniform(0.98, 0.999)
    for _ in range(rng.randint(500, 2_000) if name != "new" else 4):
        age_s = rng.uniform(0.0, hour_s if name != "new" else 120.0)
        good, median_ms, bad = healthy, rng.choice((150.0, 250.0)), rng.choice(("failure", "timeout", "error"))
        if name == "slow":
            median_ms = 2_500.0
        elif name == "degrading":
            good, median_ms = healthy - 0.5 * (1 - age_s / hour_s), median_ms * (3 - 2 * age_s / hour_s)
        elif name == "flapping":
            good, bad = (healthy, bad) if int(age_s // 300) % 2 == seed % 2 else (0.0, "timeout")
        elif name == "outage":
            good, bad = (0.0, "error") if age_s < 600 else (healthy, bad)
        elif name == "rate_limited":
            good, bad = 0.7, "error"
        is_good = rng.random() < good
        outcome = "success" if is_good else bad
        calls.append(
            Call(
                AS_OF_S - age_s,
                outcome,
                latency_ms=median_ms * rng.lognormvariate(0, 0.5),
                quality=min(1.0, max(0.0, rng.gauss(0.92, 0.05))) if is_good else None,
                data_age_s=rng.expovariate(1 / 3_600.0),
                schema_valid=True if is_good else None,
                rate_limited=name == "rate_limited" and not is_good,
                security=(),
            )
        )
    return calls


def column(name: str) -> int:
    """Column of a statistic."""
    return STAT[name]
