from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from analytics.metrics import METRICS, Telemetry
from tests.support.services import small_records, small_service


def test_the_server_has_the_metrics_of_the_list_and_no_others(tmp_path: Path) -> None:
    service = small_service(tmp_path, small_records(tmp_path))
    telemetry = Telemetry(service)
    telemetry.request("GET", "/", 200, 0.1)
    telemetry.accepted(1)
    telemetry.refused("invalid_report")
    found = {
        f"{family.name}_total" if family.type == "counter" else family.name: (family.type, family.documentation)
        for family in text_string_to_metric_families(telemetry.text().decode())
        if not family.name.endswith("_created")
    }
    assert found == {name: (facts.kind, facts.meaning) for name, facts in METRICS.items()}


def test_values_are_those_of_the_moment_and_an_unknown_one_is_absent(tmp_path: Path) -> None:
    service = small_service(tmp_path, small_records(tmp_path))
    telemetry = Telemetry(service)
    telemetry.accepted(3)
    value = telemetry.registry.get_sample_value
    assert value("trustscore_reports_accepted_total") == 3
    assert value("trustscore_board_records") == 6
    assert value("trustscore_feed_live") == 1
    assert value("trustscore_feed_silence_seconds") == 0
    assert value("trustscore_feed_lag") in (None, 0)


def test_every_metric_has_a_unit() -> None:
    assert [name for name, facts in METRICS.items() if not facts.unit] == []
