"""The eleven dimensions: what share of which reports each one is, in [0, 1], higher is better."""

from typing import Final, NamedTuple

import numpy as np

from scoring.arrays import NAN, Floats, Ints, or_zero, ratio
from scoring.bounds import wilson_upper
from scoring.stats import STAT, WINDOWS
from scoring.tables import DIMENSIONS

__all__ = [
    "COLUMN", "FINDING_WEIGHT", "MIN_REGIONS", "MIN_REGION_REPORTS", "RECENT", "RECENT_Z", "Credits", "Geography",
    "capped", "credits", "decayed", "geography",
]  # fmt: skip

COLUMN: Final = {name: column for column, name in enumerate(DIMENSIONS)}
"""Column of a dimension in every array whose last axis is ``DIMENSIONS``."""
FINDING_WEIGHT: Final = 10.0
"""A check with a finding weighs as much as ten clean ones: one leak in a hundred calls is no 99 %."""
MIN_REGION_REPORTS: Final = 5.0
"""Effective reports a region needs before it counts in ``geographic_availability``."""
MIN_REGIONS: Final = 2
"""Regions it takes to say anything about geography."""
RECENT: Final = ("5m", "1h", "24h")
"""Windows that cap a dimension."""
RECENT_Z: Final = 2.326
"""One-sided 99 % normal quantile: how sure a recent window must be before it caps."""
DAY_S: Final = 86_400.0

_BAND_WEIGHTS: Final = tuple(1 / (1 + window.mean_age_s / DAY_S) for window in WINDOWS)
_RECENT_COLUMNS: Final = [i for i, window in enumerate(WINDOWS) if window.name in RECENT]
_GRID: Final = 2.0**30


class Credits(NamedTuple):
    """Credit earned and reports that speak, each [..., D]; ``credit / n`` is the dimension's share."""

    credit: Floats
    n: Floats


class Geography(NamedTuple):
    """What an entity's regions say of ``geographic_availability``, each [E]; all nan or 0 under two regions."""

    share: Floats
    """Mean over regions of the answered share."""
    n: Floats
    """Reports of 90 days in the regions counted."""
    n_effective: Floats
    """``R² / sum(1 / n_r)``: the sample whose mean is as uncertain as the mean over R regions."""
    regions: Floats
    """Regions counted (also 0 or 1)."""
    worst: Floats
    """Answered share of the worst region counted; nan without one."""


def decayed(windows: Ints) -> Floats:
    """Age-weighted sums, shape [E, S] from nested window sums [E, 6, S].

    Notes
    -----
    Band b is window b minus the window before it; its weight is ``1 / (1 + mean age / 1 day)`` (hyperbolic forgetting:
    5m .998, 1h .978, 24h .658, 7d .2, 30d .051, 90d .016). Added in the order of the windows, element by element, so
    that an entity's sums do not depend on who else is in the batch.

    Examples
    --------
    >>> windows = np.zeros((1, 6, 31), dtype=np.int64)
    >>> windows[0, 2:, 0] = 100  # 100 successes, hours old
    >>> decayed(windows)[0, 0].round(3)
    np.float64(65.753)
    """
    total: Floats = windows[:, 0].astype(np.float64) * _BAND_WEIGHTS[0]
    for band in range(1, len(WINDOWS)):
        total += (windows[:, band] - windows[:, band - 1]) * _BAND_WEIGHTS[band]
    return total


def credits(sums: Floats | Ints) -> Credits:
    """Credit and n of every dimension but ``geographic_availability`` (left 0), [..., D] from sums [..., S].

    Notes
    -----
    ======================= ========================================= =================================
    dimension               credit                                    n
    ======================= ========================================= =================================
    reliability             success                                   all reports
    uptime                  success + failure (it answered)           all reports
    latency                 satisfied + tolerating / 2 (Apdex v1.1,   answered calls that state one
                            T = 1 s, 4T = 4 s)
    error_rate              success                                   success + failure + error
    quality                 n times the mean of all quality and       reports that state the one of
                            schema_valid verdicts                     them that is stated more often
    freshness               2 ** (-age / 1 day)                       reports that state an age
    security                n clean / (clean + 10 found)              checks
    cost_efficiency         1 / (1 + cost / 0.01 USD)                 reports that state a cost
    consistency             ok 1, stale 1/2, conflict and lost 0      reports that state it
    rate_limits             not limited                               reports that state it
    ======================= ========================================= =================================

    Apdex: Apdex Alliance, Application Performance Index Technical Specification 1.1, 2007.

    Examples
    --------
    >>> sums = np.zeros(31)
    >>> sums[[STAT["success"], STAT["timeout"]]] = 3, 1
    >>> earned = credits(sums)
    >>> earned.credit[COLUMN["reliability"]], earned.n[COLUMN["reliability"]]
    (np.float64(3.0), np.float64(4.0))
    """
    columns = np.moveaxis(np.asarray(sums, np.float64), -1, 0)

    def of(name: str) -> Floats:
        column: Floats = columns[STAT[name]]
        return column

    credit = np.zeros((*sums.shape[:-1], len(DIMENSIONS)))
    n = np.zeros_like(credit)
    answered = of("success") + of("failure")
    reports = answered + of("timeout") + of("error")
    clean, checks = of("security_clean"), of("security_n")
    found = checks - clean
    verdicts, judged = of("quality_n") + of("schema_n"), np.maximum(of("quality_n"), of("schema_n"))
    pairs: dict[str, tuple[Floats, Floats]] = {
        "reliability": (of("success"), reports),
        "uptime": (answered, reports),
        "latency": (of("latency_satisfied") + of("latency_tolerating") / 2, of("latency_n")),
        "error_rate": (of("success"), answered + of("error")),
        "quality": (judged * or_zero(ratio(of("quality_ppm") / 1e6 + of("schema_ok"), verdicts)), judged),
        "freshness": (of("freshness_ppm") / 1e6, of("freshness_n")),
        "security": (checks * or_zero(ratio(clean, clean + FINDING_WEIGHT * found)), checks),
        "cost_efficiency": (of("cost_ppm") / 1e6, of("cost_n")),
        "consistency": (of("consistency_ppm") / 1e6, of("consistency_n")),
        "rate_limits": (of("rate_limit_n") - of("rate_limited"), of("rate_limit_n")),
    }
    for name, (earned, speaking) in pairs.items():
        credit[..., COLUMN[name]] = earned
        n[..., COLUMN[name]] = speaking
    return Credits(credit, n)


def capped(windows: Ints, sums: Floats) -> Floats:
    """Value of every dimension but ``geographic_availability``, [E, D]; nan without evidence.

    Parameters
    ----------
    windows
        Nested window sums, [E, 6, S].
    sums
        ``decayed(windows)``.

    Notes
    -----
    The age-weighted share, but never above what the last 5 minutes, hour or day allow: the upper Wilson bound
    (one-sided 99 %) of each. Long good history would otherwise hide an outage (an hour of it is 1 % of the weight of
    90 even days), and with an hour of history every report weighs about the same. A minimum of bounds that each rise
    with their successes rises too: a success in place of a failure never lowers a value. A window without reports caps
    nothing.

    Examples
    --------
    >>> windows = np.zeros((1, 6, 31), dtype=np.int64)
    >>> windows[0, 1:, STAT["success"]], windows[0, :, STAT["timeout"]] = 500, 40  # good for an hour, now silent
    >>> capped(windows, decayed(windows))[0, COLUMN["reliability"]].round(3)
    np.float64(0.14)
    """
    earned = credits(sums)
    value = np.clip(ratio(earned.credit, earned.n), 0.0, 1.0)
    recent = credits(windows[:, _RECENT_COLUMNS])
    most: Floats = wilson_upper(recent.credit, recent.n, RECENT_Z).min(axis=1)
    return np.minimum(value, most)


def geography(region_windows: Ints, region_of: Ints, entities: int) -> Geography:
    """Answered share over an entity's regions, arrays [E].

    Parameters
    ----------
    region_windows
        Nested window sums of every region, [R, 6, S].
    region_of
        Index of the entity each region belongs to, [R].
    entities
        E.

    Notes
    -----
    A region counts from 5 effective reports; two regions must count. Every region weighs the same: 99 % in the region
    with all the traffic does not excuse 20 % in the one without. Shares are rounded to 2**-30 and summed as integers,
    so the order of the regions does not matter.

    Examples
    --------
    >>> windows = np.zeros((2, 6, 31), dtype=np.int64)
    >>> windows[:, :, STAT["success"]] = [[100] * 6, [10] * 6]
    >>> windows[1, :, STAT["timeout"]] = 10
    >>> geography(windows, np.array([0, 0]), 1).share.tolist()
    [0.75]
    """
    earned = credits(decayed(region_windows))
    answered, n = earned.credit[:, COLUMN["uptime"]], earned.n[:, COLUMN["uptime"]]
    counts = n >= MIN_REGION_REPORTS
    owner, share, n = region_of[counts], answered[counts] / n[counts], n[counts]
    seen = credits(region_windows[counts, -1]).n[:, COLUMN["uptime"]]

    def total(values: Floats) -> Floats:
        return np.bincount(owner, weights=np.rint(values * _GRID), minlength=entities) / _GRID

    regions = total(np.ones(len(owner)))
    enough = regions >= MIN_REGIONS
    worst = np.full(entities, np.inf)
    np.minimum.at(worst, owner, share)
    return Geography(
        np.where(enough, ratio(total(share), regions), NAN),
        np.where(enough, total(seen), 0.0),
        np.where(enough, or_zero(ratio(regions * regions, total(1 / n))), 0.0),
        regions,
        np.where(regions > 0, worst, NAN),
    )
