from analytics.local.view import Row
from analytics.local.watch import Metrics, metrics_in, rows_in

TEXT = """\
# HELP trustscore_reports_folded_total reports folded into panes
# TYPE trustscore_reports_folded_total counter
trustscore_reports_folded_total 73183.0
# TYPE trustscore_rejects_total counter
trustscore_rejects_total 3.0
# TYPE trustscore_consumer_lag gauge
trustscore_consumer_lag{topic="trust.reports",partition="0"} 5.0
trustscore_consumer_lag{topic="trust.reports",partition="1"} 7.0
trustscore_consumer_lag{topic="trust.panes",partition="0"} 100.0
"""
PLACE = {
    "provider_id": "demo-a", "trust_score": 0.9, "interval": {"lower": 0.8, "upper": 0.95, "level": 0.9},
    "sample_size": 12, "p95_latency_ms": 40.0, "flags": ["stale"],
}  # fmt: skip


def test_lag_is_that_of_the_reports_summed_over_partitions() -> None:
    assert metrics_in(TEXT) == Metrics(folded=73_183, rejected=3, lag=12)


def test_lag_that_no_worker_states_is_unknown() -> None:
    assert metrics_in("") == Metrics(folded=0, rejected=0, lag=None)


def test_places_of_a_ranking_become_rows() -> None:
    rows = rows_in({"ranked": [PLACE]}, {"demo-a": "healthy"}, {"demo-a": -0.1})
    assert rows == (Row("demo-a", "healthy", 0.9, 0.8, 0.95, 12, 40.0, ("stale",), -0.1),)


def test_a_place_without_evidence_has_no_numbers() -> None:
    place = {**PLACE, "trust_score": None, "interval": None, "p95_latency_ms": None, "sample_size": 0}
    assert rows_in({"ranked": [place]}, {}, {}) == (Row("demo-a", "", None, None, None, 0, None, ("stale",), None),)
