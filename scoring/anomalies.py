"""How far an entity is from its own usual self: robust z-scores per dimension, in standard deviations."""

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np

from scoring.arrays import NAN, Floats, Ints, ratio
from scoring.dimensions import COLUMN, credits
from scoring.stats import STAT, WINDOWS
from scoring.tables import DIMENSIONS

__all__ = [
    "CONSISTENT", "HOURS", "MINUTES", "THRESHOLD", "Baseline", "Level", "Usual", "baseline", "better_of",
    "no_baseline", "own_z_scores", "usual",
]  # fmt: skip

CONSISTENT: Final = 1.4826
"""Makes the median absolute deviation estimate a normal standard deviation (1 / 0.6745)."""
THRESHOLD: Final = 3.5
"""|z| from which a value is called anomalous (Iglewicz and Hoaglin 1993)."""


@dataclass(frozen=True, slots=True)
class Level:
    """One kind of pane to compare with: which window is current, and how much it takes."""

    window: str
    """Window whose value is compared with the panes."""
    pane_reports: int
    """Reports a pane, and the window, need."""
    panes: int
    """Closed panes needed."""


HOURS: Final = Level("1h", 5, 24)
MINUTES: Final = Level("5m", 3, 10)
_COLUMN_OF_WINDOW: Final = {window.name: column for column, window in enumerate(WINDOWS)}
_GEOGRAPHY: Final = COLUMN["geographic_availability"]
_LATENCY: Final = COLUMN["latency"]
_SECURITY: Final = COLUMN["security"]


@dataclass(frozen=True, slots=True)
class Baseline:
    """Usual level of each dimension, arrays [E, D]."""

    median: Floats
    """nan without a baseline."""
    spread: Floats
    """1.4826 times the median absolute deviation; 0 for a constant one."""
    pane_reports: Floats
    """Median number of reports in a pane."""
    panes: Ints
    """Closed panes it comes from."""
    hourly: Ints
    """1: closed hours, compared with the 1h window; 0: closed minutes, compared with the 5m window."""


class Usual(NamedTuple):
    """What the closed panes of one level say of each dimension, arrays [E, D]."""

    median: Floats
    """nan without a pane that has enough reports."""
    spread: Floats
    pane_reports: Floats
    panes: Ints


def no_baseline(entities: int) -> Baseline:
    """The baseline of entities without closed panes: every z-score of it is null.

    >>> no_baseline(2).median.shape
    (2, 11)
    """
    shape = (entities, len(DIMENSIONS))
    nothing = np.full(shape, NAN)
    return Baseline(nothing, nothing, nothing, np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64))


def baseline(hours: Ints, minutes: Ints) -> Baseline:
    """Usual level of each dimension from closed panes, arrays [E, D].

    Parameters
    ----------
    hours
        Sums of the closed hours before the running one, [E, P, S]; zeros where there were no reports.
    minutes
        Sums of the closed minutes before the 5m window, [E, M, S].

    Notes
    -----
    Hours with at least 5 reports that speak to the dimension, if 24 of them are there; else minutes with at least 3, if
    10 of them are there; else none. Panes weigh alike and their order is of no matter.

    Examples
    --------
    >>> minutes = np.zeros((1, 55, 31), dtype=np.int64)
    >>> minutes[0, :12, STAT["success"]] = 10
    >>> usual = baseline(np.zeros((1, 167, 31), dtype=np.int64), minutes)
    >>> int(usual.panes[0, 0]), float(usual.median[0, 0]), float(usual.spread[0, 0])
    (12, 1.0, 0.0)
    """
    return better_of(usual(hours, HOURS), usual(minutes, MINUTES))


def better_of(by_hour: Usual, by_minute: Usual) -> Baseline:
    """The baseline by hours where there are enough of them, else by minutes, else none."""
    hourly = by_hour.panes >= HOURS.panes
    enough = hourly | (by_minute.panes >= MINUTES.panes)
    median, spread, pane_reports = (
        np.where(enough, np.where(hourly, of_hour, of_minute), NAN)
        for of_hour, of_minute in zip(by_hour[:3], by_minute[:3], strict=True)
    )
    return Baseline(
        median, spread, pane_reports, np.where(hourly, by_hour.panes, by_minute.panes), hourly.astype(np.int64)
    )


def own_z_scores(windows: Ints, usual: Baseline) -> Floats:
    """Robust z-score of each dimension's current value against the entity's own baseline, [E, D]; nan when too few.

    Parameters
    ----------
    windows
        Nested window sums, [E, 6, S].
    usual
        The baseline; where it is hourly the 1h window is the current value, else the 5m window.

    Notes
    -----
    ``z = (current - median) / max(1.4826 MAD, floor)``, negative is worse: the modified z-score of Iglewicz and
    Hoaglin, How to Detect and Handle Outliers, ASQC 1993, section 3.3. The floor is the chance error of the current
    value, so that a constant baseline gives a finite score and few reports do not alarm: ``sqrt(q (1 - q) / n)`` with
    n the current reports and q the median after adding one success and one failure to the median pane (Laplace's rule;
    a pane of 15 reports without failure does not prove that there are none).

    Two dimensions are compared in another shape. Latency by minus the logarithm of its mean: a provider that went from
    100 ms to 900 ms still has an Apdex of 1; its floor is ``1 / sqrt(n)``, the error of the logarithm of a mean whose
    values scatter as much as they are large. Security by the plain share of clean checks. ``geographic_availability``
    has no panes: nan.
    """
    hour, minute = (_signals(windows[:, _COLUMN_OF_WINDOW[level.window]], level) for level in (HOURS, MINUTES))
    hourly = usual.hourly == 1
    current = np.where(hourly, hour[0], minute[0])
    n = np.maximum(np.where(hourly, hour[1], minute[1]), 1.0)
    guess = (usual.median * usual.pane_reports + 1) / (usual.pane_reports + 2)
    guess[:, _LATENCY] = 0.5  # any share: its floor is replaced below
    floor = np.sqrt(guess * (1 - guess) / n)
    floor[:, _LATENCY] = 1 / np.sqrt(n[:, _LATENCY])
    z_scores: Floats = (current - usual.median) / np.maximum(usual.spread, floor)
    return z_scores


def _signals(sums: Ints, level: Level) -> tuple[Floats, Floats]:
    """What is compared, and its n, [..., D]; nan where a pane holds too few reports."""
    earned = credits(sums)
    value = np.clip(ratio(earned.credit, earned.n), 0.0, 1.0)
    value[..., _SECURITY] = ratio(sums[..., STAT["security_clean"]], sums[..., STAT["security_n"]])
    mean_us = np.maximum(ratio(sums[..., STAT["latency_us"]], sums[..., STAT["latency_n"]]), 1.0)
    value[..., _LATENCY] = -np.log(mean_us)
    return np.where(earned.n >= level.pane_reports, value, NAN), earned.n


def usual(panes: Ints, level: Level) -> Usual:
    """Median, spread, reports in the median pane, and panes, each [E, D], of closed panes [E, P, S] of one level."""
    value, n = _signals(panes, level)
    speaks = ~np.isnan(value)
    count = speaks.sum(axis=1)
    median = _median(value, count)
    spread = CONSISTENT * _median(np.abs(value - median[:, None, :]), count)
    return Usual(median, spread, _median(np.where(speaks, n, NAN), count), count)


def _median(values: Floats, count: Ints) -> Floats:
    """Median over axis 1 of the values that are not nan; numpy's nanmedian takes 20 times as long on this shape."""
    if values.shape[1] == 0:
        return np.full(count.shape, NAN)
    ordered = np.sort(values, axis=1)  # nan last
    low = np.take_along_axis(ordered, (np.maximum(count - 1, 0) // 2)[:, None, :], axis=1)[:, 0]
    high = np.take_along_axis(ordered, np.minimum(count // 2, values.shape[1] - 1)[:, None, :], axis=1)[:, 0]
    return (low + high) / 2
