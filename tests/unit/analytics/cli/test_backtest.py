import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from analytics.cli.main import app
from tests.support.readings import write_readings

RUN = CliRunner()
SLOTS = 12


@pytest.fixture
def readings(tmp_path: Path) -> Path:
    """Response times of 6 users at 8 services; the last service times out half of the time."""
    return write_readings(tmp_path / "readings.csv", seed=5, users=6, services=8, slots=SLOTS)


def test_out_holds_a_row_for_each_prediction(readings: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    done = RUN.invoke(app, ["backtest", str(readings), "--format", "wsdream", "--out", str(out)])
    assert done.exit_code == 0, done.output
    with out.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "timestamp", "provider_id", "reporter_id", "success", "p_success", "latency_p50_ms", "latency_p95_ms", "score",
    ]  # fmt: skip
    assert len(rows) == 6 * 8 * SLOTS
    times = [float(row["timestamp"]) for row in rows]
    assert times == sorted(times)
    assert [(row["provider_id"], row["reporter_id"]) for row in rows[:7]] == [
        *(("service-0", f"user-{user}") for user in range(6)), ("service-1", "user-0"),
    ]  # fmt: skip
    assert {row["success"] for row in rows} == {"0", "1"}
    assert all(0 < float(row["p_success"]) < 1 and 0 < float(row["score"]) < 1 for row in rows)
    assert all(float(row["latency_p50_ms"]) <= float(row["latency_p95_ms"]) for row in rows)


def test_a_person_sees_measures_baselines_and_the_diagram(readings: Path) -> None:
    done = RUN.invoke(app, ["backtest", str(readings), "--format", "wsdream"])
    assert done.exit_code == 0, done.output
    for part in ("Brier", "log loss", "calibration error", "routing regret", "first formula", "last call", "█", "90 %"):
        assert part in done.stdout
    assert "576 reports of 8 providers by 6 reporters" in done.stdout


def test_json_is_the_only_thing_on_stdout(readings: Path) -> None:
    said = json.loads(RUN.invoke(app, ["backtest", str(readings), "--format", "wsdream", "--json"]).stdout)
    assert list(said["measured"]) == [
        "trustscore", "score", "raw_rate", "first_formula", "ewma", "beta_0_995", "last_call",
    ]  # fmt: skip
    assert said["reports"] == 576
    assert sum(each["reports"] for each in said["reliability"]) == 576


def test_reports_of_other_formats_are_sorted_by_event_time(tmp_path: Path) -> None:
    file, out = tmp_path / "calls.ndjson", tmp_path / "out.csv"
    reports = [
        {
            "provider_id": "a",
            "outcome": "success" if second % 3 else "error",
            "timestamp": 100.5 - second,
            "region": "eu",
        }
        for second in range(30)
    ]
    file.write_text("\n".join(json.dumps(report) for report in reports) + "\n", encoding="utf-8")
    done = RUN.invoke(app, ["backtest", str(file), "--out", str(out), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["latency_coverage"] is None
    with out.open(newline="", encoding="utf-8") as written:
        rows = list(csv.DictReader(written))
    assert [float(row["timestamp"]) for row in rows] == [71.5 + second for second in range(30)]
    assert rows[0]["reporter_id"] == "anonymous"


def test_bad_input_is_refused_with_what_was_wanted(readings: Path, tmp_path: Path) -> None:
    file = tmp_path / "bad.ndjson"
    file.write_text('{"provider_id": "a", "outcome": "fine", "timestamp": 1}\n', encoding="utf-8")
    empty = tmp_path / "empty.ndjson"
    empty.write_text("", encoding="utf-8")
    for arguments, code, sentence in (
        (["none.csv"], 2, "REPORTS must be a file; got none.csv"),
        ([str(readings.with_suffix(".xml"))], 2, "REPORTS must be a file"),
        ([str(file)], 2, "bad.ndjson, line 1: outcome must be one of success, failure, timeout, error; got 'fine'"),
        ([str(empty)], 1, "empty.ndjson must hold at least one report; got none"),
        ([str(readings), "--format", "wsdream", "--out", str(tmp_path / "no" / "o.csv")], 2, "--out must lie in"),
    ):
        done = RUN.invoke(app, ["backtest", *arguments])
        assert done.exit_code == code, done.output
        assert sentence in " ".join(done.stderr.split())


def test_a_name_that_tells_no_format_needs_one(tmp_path: Path) -> None:
    file = tmp_path / "calls.txt"
    file.write_text("{}", encoding="utf-8")
    done = RUN.invoke(app, ["backtest", str(file)])
    assert done.exit_code == 2
    assert "--format must be one of wsdream, ndjson, csv, parquet" in " ".join(done.stderr.split())
