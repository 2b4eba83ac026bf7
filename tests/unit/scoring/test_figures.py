"""Raw figures against plain sums over the reports."""

import statistics

import numpy as np
import pytest

from scoring.dimensions import geography
from scoring.figures import raw_figures, window_quantiles_ms
from scoring.reports import SECURITY
from scoring.tables import DIMENSIONS
from tests.support.scoring_cases import Call, evidence_of, repeat

DAY_S = 86_400.0
CALLS = [
    *repeat(
        6, latency_ms=200.0, cost_usd=0.02, data_age_s=30.0, quality=0.8, schema_valid=True, security=(), region="eu"
    ),
    *repeat(2, outcome="failure", latency_ms=1_500.0, cost_usd=0.04, data_age_s=90.0, security=("leak",), region="eu"),
    *repeat(1, outcome="timeout", latency_ms=9_000.0, rate_limited=True, region="us"),
    *repeat(9, outcome="error", rate_limited=False, consistency="stale", replication_lag_ms=40.0, region="us"),
    *repeat(6, age_s=3 * DAY_S, latency_ms=400.0, consistency="ok", replication_lag_ms=10.0, schema_valid=False),
]


def figures_of(calls: list[Call]) -> dict[str, dict[str, float]]:
    evidence = evidence_of([calls])
    places = geography(evidence.region_windows, evidence.region_of, 1)
    raw = raw_figures(evidence, window_quantiles_ms(evidence), places)
    return {name: {figure: float(value[0]) for figure, value in of.items()} for name, of in raw.items()}


FOUND = figures_of(CALLS)


@pytest.mark.parametrize(
    ("dimension", "figure", "wanted"),
    [
        ("reliability", "success_24h_share", 6 / 18),
        ("reliability", "success_30d_share", 12 / 24),
        ("uptime", "answered_24h_share", 8 / 18),
        ("uptime", "timeout_30d_share", 1 / 24),
        ("error_rate", "error_24h_share", 11 / 17),
        ("error_rate", "error_30d_share", 11 / 23),
        ("latency", "mean_24h_ms", (6 * 200 + 2 * 1_500) / 8),
        ("latency", "mean_30d_ms", (6 * 200 + 2 * 1_500 + 6 * 400) / 14),
        ("quality", "mean_quality_30d_share", 0.8),
        ("quality", "schema_valid_30d_share", 0.5),
        ("freshness", "mean_age_30d_s", (6 * 30 + 2 * 90) / 8),
        ("security", "clean_30d_share", 6 / 8),
        ("security", "leak_90d_count", 2),
        ("security", "injection_90d_count", 0),
        ("cost_efficiency", "cost_per_call_30d_usd", 0.025),
        ("cost_efficiency", "cost_per_success_30d_usd", 0.05),
        ("geographic_availability", "worst_region_share", 0.0),
        ("geographic_availability", "regions_count", 2),
        ("consistency", "consistent_30d_share", (9 * 0.5 + 6) / 15),
        ("consistency", "mean_replication_lag_30d_ms", (9 * 40 + 6 * 10) / 15),
        ("rate_limits", "limited_30d_share", 1 / 10),
    ],
)
def test_a_raw_figure_is_what_plain_arithmetic_gives(dimension: str, figure: str, wanted: float) -> None:
    assert FOUND[dimension][figure] == pytest.approx(wanted, rel=1e-6)


def test_latency_percentiles_are_within_one_percent_of_the_sorted_list() -> None:
    answered = [call.latency_ms for call in CALLS if call.outcome in ("success", "failure") and call.latency_ms]
    assert FOUND["latency"]["p50_30d_ms"] == pytest.approx(statistics.median_low(answered), rel=0.01)
    assert FOUND["latency"]["p99_30d_ms"] == pytest.approx(1_500, rel=0.01)


def test_every_dimension_has_figures_and_every_figure_its_unit() -> None:
    assert list(FOUND) == list(DIMENSIONS)
    units = ("_share", "_ms", "_s", "_usd", "_count")
    assert all(figure.endswith(units) for of in FOUND.values() for figure in of)
    assert {f"{kind}_90d_count" for kind in SECURITY} < set(FOUND["security"])


def test_what_nobody_reported_is_absent_and_not_zero() -> None:
    raw = figures_of(repeat(3, outcome="timeout"))
    present = {figure for of in raw.values() for figure, value in of.items() if not np.isnan(value)}
    assert present == {
        "success_24h_share", "success_30d_share", "answered_24h_share", "answered_30d_share", "timeout_24h_share",
        "timeout_30d_share", "regions_count",
    }  # fmt: skip


def test_without_a_success_a_cost_per_success_is_absent() -> None:
    raw = figures_of(repeat(3, outcome="error", cost_usd=1.0))
    assert raw["cost_efficiency"]["cost_per_call_30d_usd"] == 1.0
    assert np.isnan(raw["cost_efficiency"]["cost_per_success_30d_usd"])
