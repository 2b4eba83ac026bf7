import pytest

from analytics.errors import InvalidSettings
from analytics.settings import load_settings


def test_each_setting_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTSCORE_BROKER", "kafka-1:9092,kafka-2:9092")
    monkeypatch.setenv("TRUSTSCORE_HTTP_PORT", "0")
    settings = load_settings()
    assert (settings.broker, settings.http_port) == ("kafka-1:9092,kafka-2:9092", 0)


def test_an_empty_lake_switches_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTSCORE_LAKE", "")
    assert load_settings().lake is None


def test_an_argument_wins_over_the_environment_and_none_leaves_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTSCORE_HTTP_PORT", "1234")
    assert load_settings(http_port=4321).http_port == 4321
    assert load_settings(http_port=None).http_port == 1234


def test_all_faults_are_listed_at_once_by_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTSCORE_BROKER", "no port")
    monkeypatch.setenv("TRUSTSCORE_HTTP_PORT", "70000")
    with pytest.raises(InvalidSettings) as caught:
        load_settings()
    assert len(caught.value.faults) == 2
    assert "TRUSTSCORE_BROKER" in str(caught.value)
    assert "TRUSTSCORE_HTTP_PORT" in str(caught.value)
    assert "'70000'" in str(caught.value)


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().http_port = 1
