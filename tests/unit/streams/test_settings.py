import os

import pytest
from pydantic import ValidationError

from streams.settings import PREFIX, WorkerSettings


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith(PREFIX):
            monkeypatch.delenv(name)


def test_defaults_suit_a_first_run() -> None:
    settings = WorkerSettings()
    assert (settings.broker, settings.lake, settings.partitions) == ("127.0.0.1:9092", "trustscore-data/lake", 4)
    assert settings.worker_port == 0


def test_each_setting_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTSCORE_BROKER", "kafka:1,kafka:2")
    monkeypatch.setenv("TRUSTSCORE_LAKE", "")
    monkeypatch.setenv("TRUSTSCORE_LAKE_FLUSH_S", "0.5")
    settings = WorkerSettings()
    assert (settings.broker, settings.lake, settings.lake_flush_s) == ("kafka:1,kafka:2", "", 0.5)


def test_all_faults_are_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PARTITIONS": "none", "REJECT_RATIO": "2", "WORKER_PORT": "70000", "TICK_S": "0"}.items():
        monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(ValidationError) as caught:
        WorkerSettings()
    assert {fault["loc"] for fault in caught.value.errors()} == {
        ("partitions",), ("reject_ratio",), ("worker_port",), ("tick_s",),
    }  # fmt: skip


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        WorkerSettings().broker = "other"


def test_every_setting_has_a_default_and_a_meaning() -> None:
    assert all(field.description and not field.is_required() for field in WorkerSettings.model_fields.values())
