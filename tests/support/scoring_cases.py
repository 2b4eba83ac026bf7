"""Evidence for tests, made from plain reports by loops a reader can check: none of it uses what it is there to test."""

import math
import random
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from scoring.anomalies import baseline
from scoring.evidence import Evidence
from scoring.stats import BUCKET_BOUNDS_US, BUCKETS, QUANTILE_WINDOWS, STAT, STATS, WINDOWS, covers

AS_OF_S: Final = 1_700_003_599.0
"""2023-11-14T23:13:19Z."""
_BOUNDS_US: Final = BUCKET_BOUNDS_US.tolist()


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
        if call.security is not None:
            sums["security_n"] += 1
            sums["security_clean"] += not call.security
            for finding in call.security:
                sums[finding] += 1
        for value, totals in stated(call):
            if value is not None:
                for name, amount in totals(value).items():
                    sums[name] += amount
    return sums


def stated(call: Call) -> list[tuple[Any, Callable[[Any], dict[str, int]]]]:
    """Each further field, and what it adds where it is stated."""

    def rounded(value: float) -> int:
        return math.floor(value + 0.5)

    return [
        (call.quality, lambda share: {"quality_n": 1, "quality_ppm": rounded(share * 1e6)}),
        (call.schema_valid, lambda valid: {"schema_n": 1, "schema_ok": int(valid)}),
        (call.rate_limited, lambda limited: {"rate_limit_n": 1, "rate_limited": int(limited)}),
        (call.replication_lag_ms, lambda lag_ms: {"lag_n": 1, "lag_ms": rounded(lag_ms)}),
        (
            call.data_age_s,
            lambda age_s: {
                "freshness_n": 1,
                "freshness_ppm": rounded(math.exp2(-age_s / 86_400) * 1e6),
                "data_age_ms": rounded(age_s * 1_000),
            },
        ),
        (
            call.cost_usd,
            lambda usd: {"cost_n": 1, "cost_nusd": rounded(usd * 1e9), "cost_ppm": rounded(1e6 / (1 + usd / 0.01))},
        ),
        (
            call.consistency,
            lambda found: {"consistency_n": 1, "consistency_ppm": {"ok": 1_000_000, "stale": 500_000}.get(found, 0)},
        ),
    ]


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
            counts[bisect_left(_BOUNDS_US, latency_us(call))] += 1
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
