"""Reports to panes: which statistics a run of reports adds, per minute and series. Pure, vectorised, exact integers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from compiled.arrays import add_columns, numbered, raise_at
from scoring.reports import OUTCOMES, SECURITY
from scoring.series import Words
from scoring.stats import BUCKETS, STAT, bucket_of
from scoring.sums import Sums

__all__ = ["Columns", "Floats", "Increments", "Ints", "increments", "statistics"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_BEFORE_ALL: Final = np.iinfo(np.int64).min
SATISFIED_US: Final = 1_000_000
TOLERATED_US: Final = 4_000_000
FRESHNESS_HALF_LIFE_S: Final = 86_400.0
REFERENCE_COST_USD: Final = 0.01
_CONSISTENCY_PPM: Final = np.array([0, 1_000_000, 500_000, 0, 0])  # absent, then as in CONSISTENCY
_ANSWERED: Final = 1  # the last index in OUTCOMES of an answered call: success, failure


@dataclass(frozen=True, slots=True)
class Columns:
    """A run of n usable reports as columns. A column that no report states is ``None``; nan is a gap.

    ``series`` numbers the (provider, task type, region) combinations listed in ``names``.
    """

    series: Ints
    names: Sequence[Words]
    event_us: Ints
    outcome: Ints
    """Index into ``OUTCOMES``."""
    offset: Ints
    numbers: dict[str, Floats] = field(default_factory=dict)
    """latency_ms, quality, cost_usd, data_age_s, replication_lag_ms; nan where absent."""
    flags: dict[str, Floats] = field(default_factory=dict)
    """schema_valid, rate_limited: 1, 0 or nan."""
    consistency: Ints | None = None
    """Index into ``CONSISTENCY``, -1 where absent."""
    security: Ints | None = None
    """Bit i set: ``SECURITY[i]`` found; -1 where absent."""

    def take(self, where: NDArray[np.bool_]) -> "Columns":
        """The reports for which ``where`` (shape n) holds."""
        return Columns(
            self.series[where],
            self.names,
            self.event_us[where],
            self.outcome[where],
            self.offset[where],
            {name: values[where] for name, values in self.numbers.items()},
            {name: values[where] for name, values in self.flags.items()},
            None if self.consistency is None else self.consistency[where],
            None if self.security is None else self.security[where],
        )


@dataclass(frozen=True, slots=True)
class Increments:
    """What a run of reports adds to G panes of one minute."""

    minute_s: Ints
    """[G] pane start, epoch seconds."""
    series: Ints
    """[G] as in ``Columns.series``."""
    sums: Sums
    """[G] of each statistic that is not 0 in all of them."""
    last_offset: Ints
    """[G]"""
    last_event_us: Ints
    """[G]"""
    sketch_group: Ints
    """[K] pane (index into G) of a latency bucket, ascending."""
    sketch_bucket: Ints
    """[K]"""
    sketch_count: Ints
    """[K]"""


def increments(columns: Columns) -> Increments:
    """Panes that ``columns`` adds to, ordered by minute, then series.

    No report gives no pane. Sums are int64 and exact: any split of a run into parts adds up to the same panes.

    Examples
    --------
    >>> zero, offsets = np.array([0, 0]), np.array([7, 8])
    >>> got = increments(Columns(zero, [("a", "", "")], np.array([1, 2]), np.array([0, 3]), offsets))
    >>> {number: sums.tolist() for number, sums in got.sums.items()}, got.last_offset.tolist()
    ({0: [1], 3: [1]}, [8])
    """
    n_series = max(len(columns.names), 1)
    code, group = numbered(columns.event_us // 60_000_000 * n_series + columns.series)
    added = {column: values for column, values in statistics(columns).items() if values.any()}
    sums = {column: np.zeros(len(code), np.int64) for column in added}
    add_columns(list(sums.values()), group, list(added.values()))
    newest = np.full((2, len(code)), _BEFORE_ALL, np.int64)
    for target, values in zip(newest, (columns.offset, columns.event_us), strict=True):
        raise_at(target, group, values)
    return Increments(code // n_series * 60, code % n_series, sums, newest[0], newest[1], *_sketch(columns, group))


def statistics(columns: Columns) -> dict[int, Ints]:
    """What each report adds to each statistic: int64 [n] by column of ``STATS``; columns of zeros left out."""
    out: dict[int, Ints] = {STAT[name]: _int(columns.outcome == code) for code, name in enumerate(OUTCOMES)}
    answered, latency_us = _latency_us(columns)
    if answered is not None:
        out[STAT["latency_n"]] = _int(answered)
        out[STAT["latency_us"]] = latency_us
        out[STAT["latency_satisfied"]] = _int(answered & (latency_us <= SATISFIED_US))
        out[STAT["latency_tolerating"]] = _int((latency_us > SATISFIED_US) & (latency_us <= TOLERATED_US))
    _add_numbers(columns, out)
    for given, count, hit in (
        (columns.flags.get("schema_valid"), "schema_n", "schema_ok"),
        (columns.flags.get("rate_limited"), "rate_limit_n", "rate_limited"),
    ):
        if given is not None:
            out[STAT[count]] = _int(~np.isnan(given))
            out[STAT[hit]] = _int(given == 1)
    if columns.consistency is not None:
        out[STAT["consistency_n"]] = _int(columns.consistency >= 0)
        out[STAT["consistency_ppm"]] = _CONSISTENCY_PPM[columns.consistency + 1]
    if columns.security is not None:
        checked = columns.security >= 0
        out[STAT["security_n"]] = _int(checked)
        out[STAT["security_clean"]] = _int(columns.security == 0)
        for bit, name in enumerate(SECURITY):
            out[STAT[name]] = _int(checked & (columns.security >> bit & 1 == 1))
    return out


def _add_numbers(columns: Columns, out: dict[int, Ints]) -> None:
    quality = columns.numbers.get("quality")
    if quality is not None:
        out[STAT["quality_n"]] = _int(~np.isnan(quality))
        out[STAT["quality_ppm"]] = _fixed(quality, 1e6)
    age = columns.numbers.get("data_age_s")
    if age is not None:
        out[STAT["freshness_n"]] = _int(~np.isnan(age))
        out[STAT["freshness_ppm"]] = _fixed(np.exp2(-age / FRESHNESS_HALF_LIFE_S), 1e6)
        out[STAT["data_age_ms"]] = _fixed(age, 1e3)
    cost = columns.numbers.get("cost_usd")
    if cost is not None:
        out[STAT["cost_n"]] = _int(~np.isnan(cost))
        out[STAT["cost_nusd"]] = _fixed(cost, 1e9)
        out[STAT["cost_ppm"]] = _fixed(1 / (1 + cost / REFERENCE_COST_USD), 1e6)
    lag = columns.numbers.get("replication_lag_ms")
    if lag is not None:
        out[STAT["lag_n"]] = _int(~np.isnan(lag))
        out[STAT["lag_ms"]] = _fixed(lag, 1.0)


def _latency_us(columns: Columns) -> tuple[NDArray[np.bool_] | None, Ints]:
    """Which reports are answered calls that state a latency, and their latencies (0 elsewhere)."""
    latency = columns.numbers.get("latency_ms")
    if latency is None:
        return None, np.empty(0, np.int64)
    answered = (columns.outcome <= _ANSWERED) & ~np.isnan(latency)
    return answered, _fixed(np.where(answered, latency, 0.0), 1e3)


def _sketch(columns: Columns, group: Ints) -> tuple[Ints, Ints, Ints]:
    answered, latency_us = _latency_us(columns)
    if answered is None:
        empty = np.empty(0, np.int64)
        return empty, empty, empty
    keys, place = numbered(group[answered] * BUCKETS + bucket_of(latency_us[answered]))
    return keys // BUCKETS, keys % BUCKETS, np.bincount(place, minlength=len(keys)).astype(np.int64)


def _int(claim: NDArray[np.bool_]) -> Ints:
    return claim.astype(np.int64)


def _fixed(values: Floats, scale: float) -> Ints:
    """Fixed point, half up, 0 for nan: the same two floating operations in SQL give the same integer."""
    with np.errstate(invalid="ignore"):
        return np.where(np.isnan(values), 0.0, np.floor(values * scale + 0.5)).astype(np.int64)
