import os
from pathlib import Path

import pytest

from analytics.local.embedded_broker import NoEmbeddedBroker, find_binary


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "tansu"
    path.write_text("#!/bin/sh\n", encoding="ascii")
    path.chmod(0o755)
    return path


def test_a_named_broker_is_taken_before_one_on_path(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTSCORE_TANSU", str(program))
    monkeypatch.setenv("PATH", "")
    assert find_binary() == program


def test_a_broker_on_path_is_taken_before_the_one_of_the_wheel(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRUSTSCORE_TANSU", raising=False)
    monkeypatch.setenv("PATH", str(program.parent))
    assert find_binary() == program


def test_the_wheel_brings_a_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRUSTSCORE_TANSU", raising=False)
    monkeypatch.setenv("PATH", "")
    binary = find_binary()
    assert binary.parent.name == "bin"
    assert os.access(binary, os.X_OK)


def test_a_named_broker_that_cannot_run_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTSCORE_TANSU", "no/such/tansu")
    with pytest.raises(
        NoEmbeddedBroker, match="TRUSTSCORE_TANSU must name a program that can be run; got 'no/such/tansu'"
    ):
        find_binary()


def test_no_broker_anywhere_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TRUSTSCORE_TANSU", raising=False)
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(NoEmbeddedBroker, match="set TRUSTSCORE_BROKER=host:port"):
        find_binary()
