"""Scores of many providers at once, through the scoring itself: a full board, with evidence in every dimension."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from benchmarks.support.reports import REGIONS, TASK_TYPES
from scoring import trust
from scoring.anomalies import no_baseline
from scoring.evidence import Evidence
from scoring.panes import Ints
from scoring.records import ScoreRecord
from scoring.stats import BUCKETS, QUANTILE_WINDOWS, STAT, STATS, WINDOWS

__all__ = ["provider_id", "score_records"]

BATCH: Final = 500
_SHARES: Final = np.array([1e-4, 2e-3, 0.02, 0.1, 0.4, 1.0])
"""Of a provider's 90 days, what each window holds."""
_PPM: Final = ("quality_ppm", "freshness_ppm", "cost_ppm", "consistency_ppm")
_TWO_DAYS_MS: Final = 172_800_000


def provider_id(number: int) -> str:
    """Name of a provider.

    >>> provider_id(7)
    'provider-00007'
    """
    return f"provider-{number:05d}"


def score_records(providers: int, as_of_s: float, seed: int = 1) -> Iterator[ScoreRecord]:
    """Records of each provider, of its task type and of its three regions, as they stand at ``as_of_s``."""
    rng = np.random.default_rng(seed)
    for first in range(0, providers, BATCH):
        numbers = range(first, min(first + BATCH, providers))
        names = [provider_id(number) for number in numbers]
        wholes = _windows(rng, len(numbers))
        regions = wholes // len(REGIONS)
        yield from _records(rng, wholes, regions, names, [""] * len(names), as_of_s)
        tasks = [f"task={TASK_TYPES[number % len(TASK_TYPES)]}" for number in numbers]
        yield from _records(rng, wholes, regions, names, tasks, as_of_s)
        for region in REGIONS:
            yield from _records(rng, regions, regions, names, [f"region={region}"] * len(names), as_of_s)


def _windows(rng: np.random.Generator, count: int) -> Ints:
    """Sums [count, window, statistic] that agree with one another."""
    reports = np.floor(rng.lognormal(8.5, 1.2, count)).astype(np.int64) + 60
    by_window = np.floor(reports[:, None] * _SHARES).astype(np.int64)
    sums = np.repeat(by_window[:, :, None], len(STATS), axis=2)
    good = rng.beta(40, 2, count)[:, None]
    sums[:, :, STAT["success"]] = by_window * good
    left = by_window - sums[:, :, STAT["success"]]
    for name, share in (("failure", 2), ("timeout", 4)):
        sums[:, :, STAT[name]] = left // share
    sums[:, :, STAT["error"]] = left - left // 2 - left // 4
    answered = sums[:, :, STAT["success"]] + sums[:, :, STAT["failure"]]
    sums[:, :, STAT["latency_n"]] = answered
    sums[:, :, STAT["latency_us"]] = answered * np.floor(rng.lognormal(12, 0.6, count)).astype(np.int64)[:, None]
    sums[:, :, STAT["latency_satisfied"]] = answered * 0.9
    sums[:, :, STAT["latency_tolerating"]] = answered - sums[:, :, STAT["latency_satisfied"]]
    for name in _PPM:
        sums[:, :, STAT[name]] = by_window * np.floor(rng.beta(9, 2, count) * 1e6).astype(np.int64)[:, None]
    sums[:, :, STAT["schema_ok"]] = by_window * 0.98
    sums[:, :, STAT["data_age_ms"]] = by_window * rng.integers(0, _TWO_DAYS_MS, count)[:, None]
    sums[:, :, STAT["rate_limited"]] = by_window * 0.02
    sums[:, :, STAT["security_clean"]] = by_window * 0.99
    for name in ("tls_invalid", "auth_missing", "tool_changed", "injection", "leak"):
        sums[:, :, STAT[name]] = 0
    return sums


def _records(
    rng: np.random.Generator, windows: Ints, regions: Ints, names: list[str], facets: list[str], as_of_s: float
) -> list[ScoreRecord]:
    count = len(names)
    sketches = np.zeros((count, len(QUANTILE_WINDOWS), BUCKETS), np.int64)
    sketches[:, :, 300:460] = rng.integers(0, 40, (count, 1, 160))
    evidence = Evidence(
        windows=windows,
        sketches=sketches,
        baseline=no_baseline(count),
        last_report_s=as_of_s - rng.random(count) * 60,
        region_windows=np.repeat(regions, len(REGIONS), axis=0),
        region_of=np.repeat(np.arange(count), len(REGIONS)),
    )
    assert windows.shape[1] == len(WINDOWS)
    return trust.records(trust.score(evidence, as_of_s), names, facets, [{0: 9, 1: 9}] * count)
