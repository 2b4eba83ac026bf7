import json
import logging
import signal
import threading
import time
from typing import Any

import pytest
from trustscore_client import Bounds, Delivery, InvalidReport, MemoryTransport, Retry, Stats, TrustScore

from tests.unit.client.ways_out import AwayTransport, ScriptedTransport, StuckTransport, unsent


def test_a_report_gets_time_id_and_defaults() -> None:
    sent = MemoryTransport()
    before_s = time.time()
    with TrustScore(transport=sent, reporter_id="agent-7", region="eu", tenant="t") as client:
        assert client.report(provider_id="weather", outcome="success", latency_ms=41.5, region="us")
    [report] = sent.reports
    assert before_s <= report["timestamp"] <= time.time()
    assert report["report_id"]
    expected = {"provider_id": "weather", "outcome": "success", "latency_ms": 41.5}
    assert {name: report[name] for name in expected} == expected
    assert (report["reporter_id"], report["region"], report["tenant"]) == ("agent-7", "us", "t")


def test_what_a_report_says_itself_is_kept() -> None:
    sent = MemoryTransport()
    with TrustScore(transport=sent) as client:
        client.report(provider_id="a", outcome="error", timestamp=12.0, report_id="mine", reporter_id="other")
    [report] = sent.reports
    assert (report["timestamp"], report["report_id"], report["reporter_id"]) == (12.0, "mine", "other")


def test_ids_differ_between_clients() -> None:
    sent = MemoryTransport()
    for _ in range(2):
        with TrustScore(transport=sent) as client:
            client.report(provider_id="a", outcome="success")
    assert len({report["report_id"] for report in sent.reports}) == 2


def test_a_transport_that_hangs_never_holds_up_the_agent() -> None:
    stuck = StuckTransport()
    client = TrustScore(transport=stuck, bounds=Bounds(max_reports=100, batch_reports=10))
    assert client.report(provider_id="first", outcome="success")
    assert stuck.entered.wait(30)
    for _ in range(10_000):
        assert client.report(provider_id="weather", outcome="success", latency_ms=41.5)
    stats = client.stats
    assert stats == Stats(queued=10_001, dropped=9_900, pending=101)
    assert not client.flush(0.01)
    assert not client.close(0.01)
    assert client.stats == Stats(queued=10_001, dropped=10_000, pending=1)
    stuck.released.set()


def test_memory_is_bounded_by_bytes_too() -> None:
    stuck = StuckTransport()
    client = TrustScore(transport=stuck, bounds=Bounds(max_bytes=200_000, batch_reports=1))
    details = {"text": "x" * 3_000}
    for _ in range(1_000):
        client.report(provider_id="weather", outcome="success", details=details)
    assert 1 <= client.stats.pending <= 200_000 // 30_000 + 1
    assert client.stats.dropped >= 990
    stuck.released.set()
    client.close()


def test_a_bad_value_is_counted_and_logged_once_for_its_field(caplog: pytest.LogCaptureFixture) -> None:
    sent = MemoryTransport()
    with TrustScore(transport=sent) as client:
        for latency_ms in (-1.0, -2.0):
            assert not client.report(provider_id="a", outcome="success", latency_ms=latency_ms)
        assert not client.report(provider_id="", outcome="success")
        assert not client.report()  # type: ignore[call-arg]
        assert client.report(provider_id="a", outcome="success")
    assert client.stats.invalid == 4
    assert client.stats.sent == len(sent.reports) == 1
    assert [record.getMessage().partition(": ")[2] for record in caplog.records] == [
        "latency_ms must be a number from 0 to 3,600,000 ms; got -1.0; send it within bounds or leave it out",
        "provider_id must be 1 to 200 characters of A-Z a-z 0-9 . _ : / @ -; got ''; correct it",
    ]


class Hostile:
    """An object that raises whatever is asked of it."""

    def __float__(self) -> float:
        raise RuntimeError("no number")

    def __repr__(self) -> str:
        raise RuntimeError("no text")


def test_not_even_a_hostile_object_raises_into_the_agent() -> None:
    with TrustScore(transport=MemoryTransport()) as client:
        bad: Any = Hostile()
        assert not client.report(provider_id="a", outcome="success", latency_ms=bad)
        assert not client.report(provider_id=bad, outcome=bad, details=bad, timestamp=bad)
    assert client.stats.invalid == 2
    assert "no number" in client.stats.last_error or "no text" in client.stats.last_error


def test_strict_raises_for_development() -> None:
    with TrustScore(transport=MemoryTransport(), strict=True) as client:
        with pytest.raises(InvalidReport, match="outcome must be one of success, failure, timeout, error; got 'good'"):
            client.report(provider_id="a", outcome="good")  # type: ignore[arg-type]
        assert client.stats.queued == 0


def test_unknown_fields_travel_in_details() -> None:
    sent = MemoryTransport()
    given: Any = {"provider_id": "a", "outcome": "success", "mood": "good", "details": {"step": 1}}
    with TrustScore(transport=sent) as client:
        client.report(**given)
    assert sent.reports[0]["details"] == {"mood": "good", "step": 1}


def test_reports_of_many_threads_all_arrive_once() -> None:
    sent = MemoryTransport()
    client = TrustScore(transport=sent)

    def agent(number: int) -> None:
        for count in range(500):
            client.report(provider_id=f"p{number}", outcome="success", attempt=count)

    threads = [threading.Thread(target=agent, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.close(60)
    assert client.stats == Stats(queued=4_000, sent=4_000)
    assert len({report["report_id"] for report in sent.reports}) == 4_000
    for number in range(8):
        own = [report["attempt"] for report in sent.reports if report["provider_id"] == f"p{number}"]
        assert own == list(range(500))


def test_a_server_that_comes_back_gets_everything() -> None:
    transport = ScriptedTransport(unsent, ConnectionError("still away"), unsent)
    client = TrustScore(transport=transport, retry=Retry(first_s=0.001))
    for _ in range(20):
        client.report(provider_id="a", outcome="success")
    assert client.flush(60)
    assert client.stats.sent == 20
    assert client.close()


def test_flush_does_not_sit_out_a_long_pause() -> None:
    tried = threading.Event()

    def first_attempt(batch: Any) -> Delivery:
        tried.set()
        return unsent(batch)

    client = TrustScore(transport=ScriptedTransport(first_attempt), retry=Retry(first_s=3_600.0, longest_s=3_600.0))
    client.report(provider_id="a", outcome="success")
    assert tried.wait(30)
    assert client.flush(60)
    assert client.close()


def test_closing_says_how_many_were_left(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "trustscore_client")
    away = AwayTransport()
    client = TrustScore(transport=away, retry=Retry(first_s=0.001, longest_s=0.001))
    for _ in range(3):
        client.report(provider_id="a", outcome="success")
    assert away.tried_again.wait(30)
    assert not client.close(0.0)
    assert caplog.records[-1].getMessage() == "3 reports were not sent before the end: the other side is away"


def test_a_closed_client_counts_what_it_can_no_longer_send() -> None:
    sent = MemoryTransport()
    client = TrustScore(transport=sent)
    client.report(provider_id="a", outcome="success")
    assert client.close()
    assert client.close()
    assert not client.report(provider_id="a", outcome="success")
    assert client.stats == Stats(queued=2, sent=1, dropped=1)
    assert len(sent.reports) == 1


def test_an_unused_client_starts_no_thread() -> None:
    before = set(threading.enumerate())
    client = TrustScore(transport=MemoryTransport())
    assert set(threading.enumerate()) == before
    client.report(provider_id="a", outcome="success")
    assert {thread.name for thread in set(threading.enumerate()) - before} == {"trustscore-client"}
    client.close()
    assert set(threading.enumerate()) == before


def test_off_sends_nothing_and_says_so_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    with TrustScore("off") as client:
        client.report(provider_id="a", outcome="success")
    assert client.stats == Stats(queued=1, sent=1)
    assert caplog.records == []


def test_a_report_made_by_a_signal_handler_does_not_deadlock() -> None:
    client = TrustScore(transport=MemoryTransport())
    kept = signal.signal(signal.SIGUSR1, lambda *_: client.report(provider_id="handler", outcome="success") and None)
    try:
        for _ in range(200):
            signal.raise_signal(signal.SIGUSR1)
            client.report(provider_id="agent", outcome="success")
    finally:
        signal.signal(signal.SIGUSR1, kept)
    assert client.close(60)
    assert client.stats.sent == 400


def test_the_readmes_reports_are_json() -> None:
    sent = MemoryTransport()
    with TrustScore(transport=sent) as client:
        client.report(provider_id="weather-mcp", outcome="failure", latency_ms=41.5, cost_usd=0.002)
    assert json.loads(json.dumps(sent.reports[0]))["cost_usd"] == 0.002
