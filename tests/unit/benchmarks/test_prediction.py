from benchmarks.prediction import forecast_row


def test_a_forecast_is_timed_over_what_was_learned() -> None:
    row = forecast_row(reports=3_000)
    assert row.value > 0
    assert row.facts["reports"] == 3_000
    assert 2_000 < row.facts["pairs"] <= 3_000
    assert row.facts["p95_ms"] >= 0
