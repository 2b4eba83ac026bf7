import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from analytics.attacks.kinds import Attack
from analytics.cli.main import app

RUN = CliRunner()


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    """Twelve reporters, six providers, ten days; one provider fails every other day."""
    file = tmp_path / "reports.ndjson"
    lines = [
        {
            "provider_id": f"p{provider}",
            "reporter_id": f"r{reporter}",
            "outcome": "failure" if provider == 5 and day % 2 else "success",
            "timestamp": 1_760_000_000 + day * 86_400 + reporter,
        }
        for day in range(10)
        for provider in range(6)
        for reporter in range(12)
    ]
    file.write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    return file


def test_a_file_is_priced_and_json_is_the_only_thing_on_stdout(reports: Path) -> None:
    done = RUN.invoke(app, ["attack-cost", "--reports", str(reports), "--seeds", "1", "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["move"] == 0.1
    assert len(said["costs"]) == 3 * len(Attack)
    (flood,) = [c for c in said["costs"] if (c["attack"], c["defence"]) == ("sybil-flood", "unweighted")]
    assert flood["identities"] >= 1
    assert 0 < flood["days"] <= 10


def test_a_person_sees_each_attack_and_defence(reports: Path) -> None:
    done = RUN.invoke(app, ["attack-cost", "--reports", str(reports), "--seeds", "1"])
    assert done.exit_code == 0, done.output
    assert "To move a provider by 0.1, among 12 honest reporters of 6 providers:" in done.stdout
    for part in (*Attack, "unweighted", "capped", "robust", "identities", "days"):
        assert part in done.stdout


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("none.ndjson", None, "--reports must be a file"),
        ("what.txt", "x", "--format must be one of"),
        ("bad.ndjson", "{}\n", "bad.ndjson"),
        ("empty.ndjson", "", "a file with reports"),
    ],
)
def test_bad_input_is_refused_with_what_was_wanted(tmp_path: Path, name: str, text: str | None, wanted: str) -> None:
    if text is not None:
        (tmp_path / name).write_text(text, encoding="utf-8")
    done = RUN.invoke(app, ["attack-cost", "--reports", str(tmp_path / name)])
    assert done.exit_code == 2
    assert wanted in " ".join(done.stderr.split())
