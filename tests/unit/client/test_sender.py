import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trustscore_client import Bounds, Delivery, Retry, Stats
from trustscore_client.buffer import Buffer
from trustscore_client.sender import Sender

from tests.unit.client.ways_out import ScriptedTransport, unsent

AT_ONCE = Retry(first_s=0.0, longest_s=0.0)


def sent_by(transport: ScriptedTransport, count: int, **bounds: int) -> Stats:
    """What became of ``count`` reports when a sender worked until all were settled, in this thread."""
    buffer = Buffer(Bounds(linger_s=0.0, **bounds))
    for number in range(count):
        buffer.put(1, {"provider_id": "weather", "outcome": "success", "timestamp": float(number)})
    buffer.close()
    Sender(buffer, transport, {"reporter_id": "me"}, AT_ONCE).run()
    return buffer.stats


def test_batches_go_out_in_order_and_complete() -> None:
    transport = ScriptedTransport()
    assert sent_by(transport, 25, batch_reports=10) == Stats(queued=25, sent=25)
    assert [len(batch) for batch in transport.attempts] == [10, 10, 5]
    reports = [report for batch in transport.attempts for report in batch]
    assert [report["timestamp"] for report in reports] == list(range(25))
    assert len({report["report_id"] for report in reports}) == 25
    assert {report["reporter_id"] for report in reports} == {"me"}
    assert all(1 <= len(report["report_id"]) <= 64 for report in reports)


def test_a_failed_attempt_is_made_again_with_the_same_reports() -> None:
    transport = ScriptedTransport(unsent, unsent, unsent)
    assert sent_by(transport, 3) == Stats(queued=3, sent=3, last_error="the other side is away")
    assert transport.attempts == [transport.attempts[0]] * 4


def test_only_what_did_not_arrive_is_sent_again() -> None:
    transport = ScriptedTransport(Delivery(unsent=(0, 2), error="half"), Delivery(unsent=(1,), error="less"))
    assert sent_by(transport, 3).sent == 3
    assert [[report["timestamp"] for report in batch] for batch in transport.attempts] == [[0, 1, 2], [0, 2], [2]]


def test_what_is_refused_is_counted_and_not_sent_again() -> None:
    transport = ScriptedTransport(Delivery(refused=(1,), unsent=(2,), error="latency_ms must be >= 0"))
    stats = sent_by(transport, 3)
    assert stats == Stats(queued=3, sent=2, failed=1, last_error="latency_ms must be >= 0")
    assert [[report["timestamp"] for report in batch] for batch in transport.attempts] == [[0, 1, 2], [2]]


def test_whatever_a_link_raises_means_another_attempt_on_a_new_link() -> None:
    transport = ScriptedTransport(ValueError("a fault of the link"), OSError("and another"))
    assert sent_by(transport, 2) == Stats(queued=2, sent=2, last_error="OSError: and another")
    assert (transport.links, transport.closed) == (3, 3)


def test_an_outage_is_logged_once_and_so_is_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "trustscore_client")
    sent_by(ScriptedTransport(unsent, unsent, unsent), 4, batch_reports=2)
    assert [record.getMessage() for record in caplog.records] == [
        "2 reports could not be sent and wait for another attempt: the other side is away",
        "reports are sent again",
    ]


def test_refusals_and_drops_are_logged_once_with_a_reason(caplog: pytest.LogCaptureFixture) -> None:
    refusal = Delivery(refused=(0,), error="the reason")
    sent_by(ScriptedTransport(refusal, refusal), 10, batch_reports=2, max_reports=8)
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == 2
    assert messages[0].startswith("the buffer was full: the 2 oldest reports were dropped")
    assert messages[1].startswith("1 of 2 reports were refused")
    assert messages[1].endswith("the reason")


@given(st.integers(0, 10_000), st.floats(0, 1, exclude_max=True))
def test_pauses_grow_to_a_limit(attempt: int, jitter: float) -> None:
    retry = Retry(first_s=0.1, longest_s=30.0)
    pause_s = retry.pause_s(attempt, jitter)
    assert 0.05 <= pause_s <= 30.0
    assert pause_s <= retry.pause_s(attempt + 1, jitter)


def test_a_pause_the_other_side_asks_for_is_kept_within_reason() -> None:
    assert Retry().pause_s(0, 0.5, 7.0) == 7.0
    assert Retry().pause_s(0, 0.5, 1e9) == 600.0
