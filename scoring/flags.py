"""Plain warnings beside a score."""

from typing import Final

import numpy as np

from scoring.anomalies import THRESHOLD
from scoring.arrays import Bools, Floats, Ints, ratio
from scoring.bounds import wilson_upper
from scoring.evidence import Evidence
from scoring.quantiles import exceeds
from scoring.stats import QUANTILE_WINDOWS, STAT, WINDOWS

__all__ = ["CONFIDENCES", "FLAGS", "confidences", "flags"]

FLAGS: Final = (
    "unknown_provider",  # no report in 90 days; then the only flag
    "low_sample_size",  # under 10 effective reports
    "recent_failures",  # last 5 minutes or hour
    "high_latency",  # last 24 hours: mean over 1 s or p95 over 2 s
    "degrading",  # short window well below the long one
    "stale",  # no report for 24 hours
    "anomalous",  # 3.5 robust standard deviations below its own baseline
)
CONFIDENCES: Final = ("none", "low", "medium", "high")
MEDIUM_REPORTS: Final = 20.0
HIGH_REPORTS: Final = 100.0
LOW_SAMPLE_REPORTS: Final = 10.0
STALE_S: Final = 86_400.0
MEAN_LIMIT_MS: Final = 1_000.0
P95_LIMIT_MS: Final = 2_000.0
FEWEST_FAILURES: Final = 3
GOOD_SHARE: Final = 0.9
FALL: Final = 0.1
SURE_Z: Final = 1.645
"""One-sided 95 % normal quantile."""

_WINDOW: Final = {window.name: column for column, window in enumerate(WINDOWS)}
_FALLS: Final = (("7d", "30d"), ("1h", "24h"), ("5m", "1h"))


def confidences(n: Ints, n_effective: Floats) -> Ints:
    """Index into ``CONFIDENCES``, [E]: none 0, low under 20, medium under 100, high from 100 effective reports.

    >>> confidences(np.array([0, 3, 50, 900]), np.array([0.0, 2.9, 49.0, 99.9])).tolist()
    [0, 1, 2, 2]
    """
    return np.where(n == 0, 0, 1 + (n_effective >= MEDIUM_REPORTS) + (n_effective >= HIGH_REPORTS)).astype(np.int64)


def flags(evidence: Evidence, as_of_s: float, n: Ints, n_effective: Floats, z_scores: Floats) -> Bools:
    """Which of ``FLAGS`` hold, [E, len(FLAGS)].

    Parameters
    ----------
    evidence
        Of E entities.
    as_of_s
        The moment, epoch seconds.
    n, n_effective
        Reports of 90 days, and weighted by age, [E].
    z_scores
        Against the own baseline, [E, D].

    Notes
    -----
    recent_failures: in the 5m or the 1h window at least 3 reports did not succeed, and the upper Wilson bound (95 %
    one-sided) of the success share is below 0.9: it fails more than one in ten beyond chance.
    degrading: the success share of 7d is more than 0.1 below that of 30d, or 1h below 24h, or 5m below 1h (so that a
    provider with hours or one hour of history can degrade too), at least 3 reports of the shorter window did not
    succeed, and its upper Wilson bound is below the longer share: a fall by chance does not count.
    """
    windows = evidence.windows
    success = windows[:, :, STAT["success"]]
    reports = windows[:, :, : STAT["error"] + 1].sum(axis=2)
    share, best = ratio(success, reports), wilson_upper(success, reports, SURE_Z)
    failures = reports - success
    failing = (failures >= FEWEST_FAILURES) & (best < GOOD_SHARE)
    degrading = np.zeros(len(n), dtype=bool)
    for short, long in ((_WINDOW[short], _WINDOW[long]) for short, long in _FALLS):
        fallen = (share[:, short] < share[:, long] - FALL) & (best[:, short] < share[:, long])
        degrading |= fallen & (failures[:, short] >= FEWEST_FAILURES)
    known = n > 0
    held = {
        "low_sample_size": n_effective < LOW_SAMPLE_REPORTS,
        "recent_failures": failing[:, _WINDOW["5m"]] | failing[:, _WINDOW["1h"]],
        "high_latency": _is_slow(evidence),
        "degrading": degrading,
        "stale": as_of_s - evidence.last_report_s > STALE_S,
        "anomalous": (z_scores <= -THRESHOLD).any(axis=1),
    }
    return np.stack([~known, *(held[name] & known for name in FLAGS[1:])], axis=1)


def _is_slow(evidence: Evidence) -> Bools:
    day = evidence.windows[:, _WINDOW["24h"]]
    n = day[:, STAT["latency_n"]]
    mean_ms = ratio(day[:, STAT["latency_us"]], n) / 1_000
    sketch = evidence.sketches[:, QUANTILE_WINDOWS.index("24h")]
    return (mean_ms > MEAN_LIMIT_MS) | exceeds(sketch, n, 0.95, P95_LIMIT_MS)
