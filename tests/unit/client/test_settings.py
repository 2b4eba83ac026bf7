import pytest
from trustscore_client import Bounds, HttpTransport, InvalidSetting, KafkaTransport, OffTransport, TrustScore
from trustscore_client.checks import LARGEST_WEIGHT
from trustscore_client.settings import DEFAULT_URL, defaults_of, transport_of, url_of


@pytest.fixture(autouse=True)
def empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TRUSTSCORE_URL", "TRUSTSCORE_REPORTER_ID", "TRUSTSCORE_REGION"):
        monkeypatch.delenv(name, raising=False)


def test_an_address_names_its_transport() -> None:
    assert isinstance(transport_of("off"), OffTransport)
    assert transport_of("http://127.0.0.1:8080") == HttpTransport("http://127.0.0.1:8080")
    assert transport_of("https://trust.example/sub") == HttpTransport("https://trust.example/sub")
    assert transport_of("kafka://a:9092,b:9092") == KafkaTransport("a:9092,b:9092")
    assert transport_of("kafka://a:9092/mine") == KafkaTransport("a:9092", "mine")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:8080",
        "ftp://a",
        "http://",
        "http://a:b",
        "http://a:99999",
        "kafka://",
        "kafka://a",
        "kafka://a:b",
    ],
)
def test_an_address_that_leads_nowhere_is_refused_at_once(url: str) -> None:
    with pytest.raises(InvalidSetting, match=r"must be|must begin"):
        transport_of(url)


def test_the_constructor_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert url_of(None) == DEFAULT_URL
    assert defaults_of({"reporter_id": None}) == {"reporter_id": "anonymous"}
    monkeypatch.setenv("TRUSTSCORE_URL", "off")
    monkeypatch.setenv("TRUSTSCORE_REPORTER_ID", "agent-7")
    monkeypatch.setenv("TRUSTSCORE_REGION", "eu-north-1")
    assert url_of(None) == "off"
    assert url_of("http://a") == "http://a"
    assert defaults_of({"reporter_id": None, "tenant": None}) == {"reporter_id": "agent-7", "region": "eu-north-1"}
    assert defaults_of({"reporter_id": "me", "tenant": "t"}) == {
        "reporter_id": "me", "region": "eu-north-1", "tenant": "t"
    }  # fmt: skip


def test_a_default_that_no_report_could_carry_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTSCORE_REGION", "x" * 101)
    with pytest.raises(InvalidSetting, match="region must be text of 1 to 100 characters"):
        TrustScore("off")


def test_all_faults_of_bounds_are_listed_at_once() -> None:
    with pytest.raises(InvalidSetting) as caught:
        TrustScore("off", bounds=Bounds(max_reports=0, max_bytes=10, linger_s=-1.0))
    assert caught.value.faults == [
        "max_reports must be at least 1; got 0",
        f"max_bytes must be at least {LARGEST_WEIGHT}; got 10",
        "linger_s must be at least 0; got -1.0",
    ]


def test_all_faults_of_a_kafka_transport_are_listed_at_once() -> None:
    with pytest.raises(InvalidSetting) as caught:
        KafkaTransport("a", batch="xml")  # type: ignore[arg-type]
    assert [fault.partition(" ")[0] for fault in caught.value.faults] == ["bootstrap", "batch"]
