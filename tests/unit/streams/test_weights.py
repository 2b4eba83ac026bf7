import json
from dataclasses import asdict
from pathlib import Path

import pytest
from pydantic import ValidationError

from scoring.weights import DEFAULT, StatedBadly, Weights
from streams.settings import WorkerSettings
from streams.weights import adopted_weights


def test_without_a_file_the_default_weights_are_in_use() -> None:
    assert adopted_weights("") == DEFAULT


def test_a_file_is_adopted(tmp_path: Path) -> None:
    file = tmp_path / "weights.json"
    file.write_text(json.dumps(asdict(DEFAULT) | {"latency": 0.4, "uptime": 0.0, "error_rate": 0.1}))
    assert adopted_weights(str(file)) == Weights(latency=0.4, uptime=0.0, error_rate=0.1)


@pytest.mark.parametrize(
    ("content", "said"), [(None, "must be a file that can be read"), ("{", "must be JSON"), ("{}", "of all 11 dimen")]
)
def test_a_file_that_cannot_be_adopted_is_a_fault_of_the_setting(
    tmp_path: Path, content: str | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "weights.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(StatedBadly, match=said):
        adopted_weights(str(file))
    monkeypatch.setenv("TRUSTSCORE_WEIGHTS", str(file))
    with pytest.raises(ValidationError, match=said) as caught:
        WorkerSettings()
    assert [fault["loc"] for fault in caught.value.errors()] == [("weights",)]
