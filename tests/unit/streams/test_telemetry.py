from prometheus_client.exposition import generate_latest

from streams.telemetry import Telemetry


def test_every_metric_has_its_unit_and_a_meaning() -> None:
    families = list(Telemetry().registry.collect())
    assert {family.name for family in families} == {
        "trustscore_reports_folded", "trustscore_rejects", "trustscore_repeats", "trustscore_doubted_reports",
        "trustscore_scores_emitted",
        "trustscore_lake_reports",
        "trustscore_fence_lapses", "trustscore_state_disturbances", "trustscore_restarts", "trustscore_step_failures",
        "trustscore_pending_reports", "trustscore_reading_waits_seconds",
        "trustscore_consumer_lag", "trustscore_entities",
        "trustscore_lake_failures", "trustscore_lake_down_seconds", "trustscore_lake_commit_seconds",
        "trustscore_chunk_seconds", "trustscore_flush_seconds", "trustscore_score_seconds",
    }  # fmt: skip
    assert all(family.documentation for family in families)


def test_counters_are_shown_by_the_names_that_dashboards_use() -> None:
    telemetry = Telemetry()
    telemetry.folded.inc(3)
    telemetry.lag.labels("trust.reports", "2").set(7)
    text = generate_latest(telemetry.registry).decode()
    assert "\ntrustscore_reports_folded_total 3.0\n" in text
    assert '\ntrustscore_consumer_lag{partition="2",topic="trust.reports"} 7.0\n' in text


def test_a_partition_that_left_is_told_no_more_so_that_a_sum_over_workers_counts_it_once() -> None:
    telemetry = Telemetry()
    telemetry.tell_lag({("trust.reports", "0"): 5, ("trust.reports", "1"): 7})
    telemetry.tell_lag({("trust.reports", "1"): 6})
    lines = [line for line in generate_latest(telemetry.registry).decode().splitlines() if "_lag{" in line]
    assert lines == ['trustscore_consumer_lag{partition="1",topic="trust.reports"} 6.0']


def test_two_workers_in_one_process_count_apart() -> None:
    one, other = Telemetry(), Telemetry()
    one.folded.inc()
    assert "trustscore_reports_folded_total 0.0" in generate_latest(other.registry).decode()


def test_health_is_starting_then_ok_then_degraded_while_something_is_wrong() -> None:
    telemetry = Telemetry()
    assert telemetry.health()["status"] == "starting"
    telemetry.ready = True
    assert telemetry.health()["status"] == "ok"
    telemetry.trouble["reports"] = "OSError('no space left')"
    assert telemetry.health()["status"] == "degraded"
    assert telemetry.health()["trouble"] == {"reports": "OSError('no space left')"}
    del telemetry.trouble["reports"]
    assert telemetry.health()["status"] == "ok"
    assert telemetry.health()["uptime_s"] >= 0
