import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from typer.testing import CliRunner

from analytics.cli.main import app
from analytics.replay.sources import Format
from analytics.simulator import fleet, traffic
from analytics.weights import learnable
from scoring.tables import DIMENSIONS
from streams.weights import adopted_weights

END_S = 1_760_000_000.0
RUN = CliRunner()


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three hours of the simulated providers."""
    file = tmp_path_factory.mktemp("weights") / "reports.ndjson"
    blocks = traffic(5, fleet(12), END_S - 3 * 3_600, END_S, 2.0)
    file.write_bytes(b"\n".join(orjson.dumps(report) for block in blocks for report in block))
    return file


def fit(*arguments: str) -> Any:
    return RUN.invoke(app, ["weights", "fit", *arguments])


def flat(text: str) -> str:
    return " ".join(text.split())


def test_learned_weights_and_their_gain_are_printed_and_written(reports: Path, tmp_path: Path) -> None:
    out = tmp_path / "weights.json"
    done = fit(str(reports), "--moments", "40", "--out", str(out))
    assert done.exit_code == 0, done.stderr
    assert set(DIMENSIONS) <= set(done.stdout.split())
    assert re.search(r"Brier 0\.\d{4} with the weights in use, 0\.\d{4} with the learned ones", flat(done.stdout))
    assert "gain" in done.stdout
    learned = json.loads(out.read_text())
    assert list(learned) == list(DIMENSIONS)
    assert sum(learned.values()) == pytest.approx(1, abs=0.001)
    assert asdict(adopted_weights(str(out))) == learned


def test_json_says_what_was_learned_from_how_much_and_what_it_gains(reports: Path) -> None:
    done = fit(str(reports), "--moments", "40", "--json")
    facts = json.loads(done.stdout)
    assert facts["before"]["brier"] - facts["after"]["brier"] == pytest.approx(facts["brier_gain"])
    assert facts["is_gain"] is (facts["brier_gain"] > max(2 * facts["standard_error"], 1e-4))
    assert facts["learned_from"] > facts["measured_on"] > 0
    assert set(facts["evidence"]) == set(facts["learned"]) == set(facts["in_use"]) == set(DIMENSIONS)


def test_a_strong_pull_keeps_the_weights_in_use(reports: Path) -> None:
    done = fit(str(reports), "--moments", "40", "--pull", "1e12", "--json")
    facts = json.loads(done.stdout)
    assert facts["learned"] == pytest.approx(facts["in_use"], abs=0.001)
    assert facts["is_gain"] is False
    assert "keep the weights in use" in flat(fit(str(reports), "--moments", "40", "--pull", "1e12").stdout)


def test_a_slow_success_is_not_a_good_call(reports: Path) -> None:
    rates = [learnable(reports, Format.NDJSON, target_ms, 10).good_rate for target_ms in (1.0, 1_000.0, 1e9)]
    said = [json.loads(line) for line in reports.read_text().splitlines()]
    successes = np.mean([report["outcome"] == "success" for report in said])
    assert rates[0] < rates[1] < rates[2] == pytest.approx(successes)


def test_what_a_report_says_of_itself_is_evidence(tmp_path: Path) -> None:
    file = tmp_path / "all.ndjson"
    whole: dict[str, Any] = {
        "provider_id": "p", "outcome": "success", "latency_ms": 10.0, "quality": 0.5, "cost_usd": 0.01,
        "data_age_s": 86_400.0, "schema_valid": True, "rate_limited": False, "consistency": "stale",
        "security": ["leak", "leak"], "replication_lag_ms": 1.0,
    }  # fmt: skip
    lines = [{**whole, "timestamp": END_S + minute * 60.0} for minute in range(60)] + [
        {"provider_id": "q", "outcome": "error", "timestamp": END_S + 61 * minute} for minute in range(59)
    ]
    file.write_text("\n".join(map(json.dumps, lines)))
    samples = learnable(file, Format.NDJSON, 1_000.0, 4).samples
    values = dict(zip(DIMENSIONS, samples.values[samples.n_effective[:, 2] > 0][0], strict=True))
    assert values["quality"] == pytest.approx(0.75)
    assert values["freshness"] == pytest.approx(0.5)
    assert values["cost_efficiency"] == pytest.approx(0.5)
    assert values["consistency"] == pytest.approx(0.5, abs=0.2)
    assert values["rate_limits"] > 0.8
    assert values["security"] < 0.2
    other = samples.values[samples.n_effective[:, 2] == 0]
    assert len(other)
    assert np.isnan(other[:, DIMENSIONS.index("quality")]).all()


@pytest.mark.parametrize(
    ("lines", "arguments", "said"),
    [
        ("", (), "REPORTS must be a file with at least one report; got none"),
        ("{}", (), "provider_id"),
        (json.dumps({"provider_id": "a", "outcome": "success", "timestamp": 5.0}), (), "at least 4 moments with calls"),
        ("", ("--out", "nowhere/weights.json"), "--out must lie in a directory that exists"),
    ],
)
def test_what_cannot_be_learned_from_is_refused(
    tmp_path: Path, lines: str, arguments: tuple[str, ...], said: str
) -> None:
    file = tmp_path / "few.ndjson"
    file.write_text(lines)
    done = fit(str(file), *arguments)
    assert done.exit_code == 2
    assert said in flat(done.stderr)
