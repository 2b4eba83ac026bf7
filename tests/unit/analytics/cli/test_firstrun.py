from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from analytics.cli.main import app
from scoring.reports import validate

GOOD = {"provider_id": "demo-a", "outcome": "success", "timestamp": 60.0}


def said(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def simulated(out: Path, *words: str) -> bytes:
    done = said("simulate", "--at", "1760000000", "--for", "20", "--out", str(out), *words)
    assert done.exit_code == 0, done.output
    return out.read_bytes()


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    first, second = (simulated(tmp_path / name, "--past", "30") for name in ("a.ndjson", "b.ndjson"))
    assert first == second
    assert simulated(tmp_path / "c.ndjson", "--past", "30", "--seed", "8") != first
    reports = [orjson.loads(line) for line in first.splitlines()]
    assert [validate(report) for report in reports] == reports
    assert 1_760_000_000 - 30 <= min(r["timestamp"] for r in reports) < 1_760_000_000 - 25
    assert 1_760_000_000 + 15 < max(r["timestamp"] for r in reports) < 1_760_000_000 + 20


def test_reports_go_to_stdout_and_the_remark_to_stderr() -> None:
    done = said("simulate", "--at", "1760000000", "--for", "10", "--out", "-", "--json")
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert len([orjson.loads(line) for line in lines]) > 100
    assert done.stderr == f"{len(lines):,} reports written to -\n"


def test_the_truth_behind_the_traffic_is_told_as_json(tmp_path: Path) -> None:
    done = said(
        "simulate", "--at", "1760000000", "--out", str(tmp_path / "a"),
        "--providers", "1", "--regimes", "outage", "--json",
    )  # fmt: skip
    facts = orjson.loads(done.stdout)
    assert facts["providers"] == {"demo-slack": "outage"}
    assert facts["written"] == len((tmp_path / "a").read_bytes().splitlines())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["simulate", "--regimes", "sleepy", "--out", "-"], "--regimes must be any of healthy, "),
        (["simulate", "--regimes", ",", "--out", "-"], "got none"),
        (["simulate", "--at", "1760000000"], "--at must be a time, and only with --out; got '1760000000'"),
        (["simulate", "--at", "soon", "--out", "-"], "--at must be"),
        (["replay", "FILE", "--format", "ndjson", "--speed", "fast"], "--speed must be max or a number above 0"),
        (["replay", "FILE", "--format", "ndjson", "--shift", "later"], "--shift must be now, none"),
        (["replay", "FILE"], "--format must be one of wsdream, ndjson, csv, parquet; got none for calls.txt"),
    ],
)
def test_a_request_that_has_to_be_corrected_exits_with_2(tmp_path: Path, words: list[str], sentence: str) -> None:
    file = tmp_path / "calls.txt"
    file.write_bytes(orjson.dumps(GOOD))
    done = said(*(str(file) if word == "FILE" else word for word in words))
    assert done.exit_code == 2
    assert sentence in done.stderr
    assert done.stdout == ""


def test_a_bad_line_exits_with_2_and_names_file_line_field_wanted_and_got(tmp_path: Path) -> None:
    file = tmp_path / "calls.ndjson"
    file.write_bytes(orjson.dumps({**GOOD, "latency_ms": -12.0}))
    done = said("replay", str(file), "--shift", "now")
    assert done.exit_code == 2
    assert done.stderr.startswith(
        "calls.ndjson, line 1: latency_ms must be a number from 0 to 3,600,000 ms; got -12.0; "
        "send it within bounds or leave it out, or pass --skip-bad; 0 reports before it were sent"
    )
