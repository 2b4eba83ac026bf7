"""Scrape configuration, alert rules and dashboard: every series and label they name is one that the code shows."""

import json
import re
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.support.manifests import INFRA, compose, metric_series, series_of, unknown

RULES = yaml.safe_load((INFRA / "prometheus" / "rules.yml").read_text(encoding="utf-8"))
ALERTS = [rule for group in RULES["groups"] for rule in group["rules"]]
SCRAPE = yaml.safe_load((INFRA / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
DASHBOARD = json.loads((INFRA / "grafana" / "dashboards" / "trustscore.json").read_text(encoding="utf-8"))
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def shown() -> list[str]:
    return [target["expr"] for panel in PANELS for target in panel["targets"]]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_names_series_that_there_are_and_says_what_is_wrong(alert: dict[str, Any]) -> None:
    assert alert.keys() <= {"alert", "expr", "for", "labels", "annotations"}
    assert unknown([alert["expr"]]) == []
    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert alert["annotations"]["summary"].endswith((".", ")."))
    used = set(re.findall(r"\$labels\.(\w+)", alert["annotations"]["summary"]))
    grouped = {label for name, labels in series_of(alert["expr"]) if not name for label in labels}
    assert used <= {"instance", "job", *grouped}


def test_alert_names_are_distinct() -> None:
    names = [alert["alert"] for alert in ALERTS]
    assert len(names) == len(set(names)) > 10


def test_every_panel_shows_series_that_there_are() -> None:
    assert unknown(shown()) == []


def test_a_series_and_a_label_that_there_are_not_are_seen() -> None:
    assert unknown(['sum(trustscore_lag{topic="a"})']) != []
    assert unknown(['sum(trustscore_consumer_lag{tpoic="a"})']) != []
    assert unknown(["sum by (kind) (trustscore_consumer_lag)"]) != []
    assert unknown(["trustscore_reports_folded"]) != [], "a counter ends in _total"
    assert unknown(["1 > 0"]) != []
    assert unknown(['sum by (topic, instance) (trustscore_consumer_lag{topic="a"})']) == []


def test_every_metric_is_on_the_dashboard_or_watched_by_an_alert() -> None:
    asked = {name for one in [*shown(), *(alert["expr"] for alert in ALERTS)] for name, _ in series_of(one)}
    stems = {re.sub(r"_(bucket|sum|count)$", "", name) for name in asked}
    known = {re.sub(r"_(bucket|sum|count)$", "", name) for name in metric_series()}
    assert known - stems == {"trustscore_feed_records_total"}


def test_panels_have_an_id_each_and_do_not_cover_one_another() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_the_dashboard_asks_the_data_source_that_is_provisioned() -> None:
    (source,) = yaml.safe_load(
        (INFRA / "grafana" / "provisioning" / "datasources" / "prometheus.yaml").read_text(encoding="utf-8")
    )["datasources"]
    assert {panel["datasource"]["uid"] for panel in PANELS} == {source["uid"]}
    host, port = re.fullmatch(r"http://(\w+):(\d+)", source["url"]).groups()  # type: ignore[union-attr]
    assert any(published.endswith(f":{port}") for published in compose()["services"][host]["ports"])


def test_dashboards_lie_where_grafana_is_told_to_look() -> None:
    (provider,) = yaml.safe_load(
        (INFRA / "grafana" / "provisioning" / "dashboards" / "trustscore.yaml").read_text(encoding="utf-8")
    )["providers"]
    mounts = dict(volume.split(":")[1::-1] for volume in compose()["services"]["grafana"]["volumes"])
    assert mounts[provider["options"]["path"]] == "./grafana/dashboards"


def test_prometheus_scrapes_every_worker_and_server_at_the_port_they_bind() -> None:
    services = compose()["services"]
    bound = {
        "worker": services["worker"]["environment"]["TRUSTSCORE_WORKER_PORT"],
        "server": services["server"]["environment"]["TRUSTSCORE_HTTP_PORT"],
    }
    found = {}
    for job in SCRAPE["scrape_configs"]:
        (looked_up,) = job["dns_sd_configs"]
        assert looked_up["names"] == [job["job_name"]]
        found[job["job_name"]] = looked_up["port"]
    assert found == bound
    assert [(INFRA / "prometheus" / name).exists() for name in SCRAPE["rule_files"]] == [True]


def test_alerts_ask_for_jobs_that_are_scraped() -> None:
    asked = {job for alert in ALERTS for job in re.findall(r'job="(\w+)"', alert["expr"])}
    assert asked == {job["job_name"] for job in SCRAPE["scrape_configs"]}
