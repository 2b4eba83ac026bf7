"""Raw figures behind each dimension, with their units: what a person asks next after a value in [0, 1]."""

from typing import Final

import numpy as np

from scoring.arrays import Floats, Ints, ratio
from scoring.dimensions import Geography
from scoring.evidence import Evidence
from scoring.quantiles import quantiles_ms
from scoring.reports import SECURITY
from scoring.stats import BUCKETS, QUANTILE_WINDOWS, STAT, WINDOWS
from scoring.tables import DIMENSIONS

__all__ = ["QUANTILES", "raw_figures", "window_quantiles_ms"]

QUANTILES: Final = (0.5, 0.95, 0.99)
_WINDOW: Final = {window.name: column for column, window in enumerate(WINDOWS)}
_DAY, _MONTH, _QUARTER = (_WINDOW[name] for name in ("24h", "30d", "90d"))


def window_quantiles_ms(evidence: Evidence) -> Floats:
    """Latency quantiles, milliseconds, [E, 3 windows of ``QUANTILE_WINDOWS``, 3 of ``QUANTILES``]; nan when empty."""
    histograms = evidence.sketches.reshape(-1, BUCKETS)
    return quantiles_ms(histograms, QUANTILES).reshape(-1, len(QUANTILE_WINDOWS), len(QUANTILES))


def raw_figures(evidence: Evidence, quantiles: Floats, places: Geography) -> dict[str, dict[str, Floats]]:
    """Figures by dimension and name, each [E], nan where nothing was reported; names end in window and unit.

    Parameters
    ----------
    evidence
        Of E entities.
    quantiles
        ``window_quantiles_ms(evidence)``.
    places
        ``geography(...)`` of the same entities.

    Notes
    -----
    Shares and means over the 24h and 30d windows (security counts over 90d), not weighted by age: plain sums that SQL
    over the lake's panes gives too. A cost per success is the mean cost per call over the success share.
    """
    of = _Sums(evidence.windows)
    success, answered, reports = ("success",), ("success", "failure"), ("success", "failure", "timeout", "error")
    figures: dict[str, dict[str, Floats]] = {
        "reliability": of.shares("success", success, reports),
        "uptime": {**of.shares("answered", answered, reports), **of.shares("timeout", ("timeout",), reports)},
        "latency": _latency(of, quantiles),
        "error_rate": of.shares("error", ("failure", "error"), (*answered, "error")),
        "quality": {
            "mean_quality_30d_share": of.mean("quality_ppm", "quality_n", 1e6),
            "schema_valid_30d_share": of.mean("schema_ok", "schema_n", 1),
        },
        "freshness": {"mean_age_30d_s": of.mean("data_age_ms", "freshness_n", 1e3)},
        "security": {
            "clean_30d_share": of.mean("security_clean", "security_n", 1),
            **{f"{kind}_90d_count": of.total((kind,), _QUARTER, "security_n") for kind in SECURITY},
        },
        "cost_efficiency": {
            "cost_per_call_30d_usd": of.mean("cost_nusd", "cost_n", 1e9),
            "cost_per_success_30d_usd": of.mean("cost_nusd", "cost_n", 1e9)
            / _positive(of.shares("success", success, reports)["success_30d_share"]),
        },
        "geographic_availability": {
            "worst_region_share": places.worst,
            "regions_count": places.regions,
        },
        "consistency": {
            "consistent_30d_share": of.mean("consistency_ppm", "consistency_n", 1e6),
            "mean_replication_lag_30d_ms": of.mean("lag_ms", "lag_n", 1),
        },
        "rate_limits": {"limited_30d_share": of.mean("rate_limited", "rate_limit_n", 1)},
    }
    return {name: figures[name] for name in DIMENSIONS}


class _Sums:
    """Sums over several statistics of one window."""

    def __init__(self, windows: Ints) -> None:
        self._windows = windows

    def total(self, names: tuple[str, ...], window: int, speaking: str = "") -> Floats:
        """Sum of the statistics; with ``speaking``, nan where that statistic is 0."""
        found = np.zeros(len(self._windows))
        for name in names:
            found += self._windows[:, window, STAT[name]]
        return np.where(self._windows[:, window, STAT[speaking]] > 0, found, np.nan) if speaking else found

    def shares(self, name: str, part: tuple[str, ...], whole: tuple[str, ...]) -> dict[str, Floats]:
        """``part / whole`` over 24h and 30d."""
        return {
            f"{name}_{label}_share": ratio(self.total(part, window), self.total(whole, window))
            for label, window in (("24h", _DAY), ("30d", _MONTH))
        }

    def mean(self, total: str, n: str, per_unit: float, window: int = _MONTH) -> Floats:
        """``total / n`` in units of ``per_unit``."""
        return ratio(self.total((total,), window), self.total((n,), window)) / per_unit


def _latency(of: _Sums, quantiles: Floats) -> dict[str, Floats]:
    found: dict[str, Floats] = {}
    for label, window in (("24h", _DAY), ("30d", _MONTH)):
        found[f"mean_{label}_ms"] = of.mean("latency_us", "latency_n", 1e3, window)
        row = quantiles[:, QUANTILE_WINDOWS.index(label)]
        found |= {f"p{round(100 * q)}_{label}_ms": row[:, i] for i, q in enumerate(QUANTILES)}
    return found


def _positive(share: Floats) -> Floats:
    return np.where(share > 0, share, np.nan)
