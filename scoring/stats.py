"""What a pane counts, how finely, and over which windows: the plain data both stages and the lake share.

Every statistic is an integer in fixed point. Integer addition is associative and exact, so a sum does not depend on
the order, the number of workers, a crash or a replay: stream and batch agree bit for bit (docs/decisions/0001).
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BUCKETS", "BUCKET_BOUNDS_US", "BUCKET_MS", "LEVELS_S", "QUANTILE_WINDOWS", "STAT", "STATS", "WINDOWS",
    "Window", "bucket_of", "covers",
]  # fmt: skip

STATS: Final = (
    "success",  # reports by outcome
    "failure",
    "timeout",
    "error",
    "latency_n",  # answered calls (success or failure) that state a latency
    "latency_us",  # their sum, microseconds
    "latency_satisfied",  # of them: at most 1 s
    "latency_tolerating",  # of them: over 1 s, at most 4 s
    "quality_n",
    "quality_ppm",  # sum of quality, millionths
    "schema_n",
    "schema_ok",
    "freshness_n",
    "freshness_ppm",  # sum of 2 ** (-data_age_s / 86,400), millionths
    "data_age_ms",
    "cost_n",
    "cost_nusd",  # sum, 1e-9 US dollars
    "cost_ppm",  # sum of 1 / (1 + cost_usd / 0.01), millionths
    "rate_limit_n",
    "rate_limited",
    "consistency_n",
    "consistency_ppm",  # ok 1, stale 0.5, conflict and lost 0; millionths
    "lag_n",
    "lag_ms",
    "security_n",
    "security_clean",
    "tls_invalid",
    "auth_missing",
    "tool_changed",
    "injection",
    "leak",
)
STAT: Final = {name: column for column, name in enumerate(STATS)}
"""Column of a statistic in every array whose last axis is ``STATS``."""

LEVELS_S: Final = (60, 3_600, 86_400)
"""Pane lengths in seconds: every report is in one pane of each."""


class Window(NamedTuple):
    """A rolling window: the running pane of ``level_s`` seconds and the ``panes - 1`` before it."""

    name: str
    level_s: int
    panes: int
    mean_age_s: float


WINDOWS: Final = (
    Window("5m", 60, 5, 150.0),
    Window("1h", 60, 60, 1_950.0),
    Window("24h", 3_600, 24, 45_000.0),
    Window("7d", 3_600, 168, 345_600.0),
    Window("30d", 86_400, 30, 1_598_400.0),
    Window("90d", 86_400, 90, 5_184_000.0),
)
"""Each window contains the one before it. ``mean_age_s``: middle of the part that the one before it lacks."""

QUANTILE_WINDOWS: Final = ("1h", "24h", "30d")
"""Windows for which latency quantiles are kept."""

RELATIVE_ERROR: Final = 0.01
_GAMMA: Final = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_FIRST_US: Final = 100.0
_LAST_US: Final = 3.6e9
BUCKETS: Final = 1 + int(np.ceil(np.log(_LAST_US / _FIRST_US) / np.log(_GAMMA)))
BUCKET_BOUNDS_US: Final[NDArray[np.int64]] = np.floor(_FIRST_US * _GAMMA ** np.arange(BUCKETS)).astype(np.int64)
"""Upper bounds (inclusive) of the latency buckets, whole microseconds, so that every engine buckets alike."""
BUCKET_MS: Final[NDArray[np.float64]] = _FIRST_US * _GAMMA ** np.arange(BUCKETS) * 2 / (1 + _GAMMA) / 1_000
"""Value that stands for a bucket, milliseconds: within 1 % of all it holds (DDSketch, Masson et al., VLDB 2019)."""


def bucket_of(latency_us: NDArray[np.int64]) -> NDArray[np.int64]:
    """Latency bucket of each value, shape as given; below 100 µs the first, above an hour the last.

    Source: DDSketch (Masson, Rim, Lee: VLDB 2019), relative error 1 %, with whole-microsecond bounds.

    >>> bucket_of(np.array([0, 100, 101, 10**12])).tolist()
    [0, 0, 1, 870]
    """
    return np.minimum(np.searchsorted(BUCKET_BOUNDS_US, latency_us, side="left"), BUCKETS - 1)


def covers(window: Window, as_of_s: float) -> tuple[int, int]:
    """First and last pane start (epoch seconds, both inclusive) that ``window`` covers at ``as_of_s``.

    >>> covers(WINDOWS[0], 600.5)
    (360, 600)
    """
    last = int(as_of_s // window.level_s) * window.level_s
    return last - (window.panes - 1) * window.level_s, last
