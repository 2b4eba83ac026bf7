from collections import deque
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trustscore_client.buffer import Bounds, Buffer
from trustscore_client.stats import Stats


def buffer_of(**bounds: Any) -> Buffer:
    return Buffer(Bounds(**{"linger_s": 0.0} | bounds))


def counted(stats: Stats) -> int:
    return stats.sent + stats.dropped + stats.failed + stats.pending


operations = st.lists(
    st.tuples(st.just("put"), st.integers(1, 40))
    | st.tuples(st.just("take"), st.integers(0, 3))
    | st.tuples(st.just("turn away"), st.just(0)),
    max_size=60,
)


@given(operations, st.integers(1, 8), st.integers(40, 120), st.integers(1, 5), st.integers(1, 60))
def test_bounds_hold_and_every_report_is_accounted_for(
    steps: list[tuple[str, int]], max_reports: int, max_bytes: int, batch_reports: int, batch_bytes: int
) -> None:
    buffer = buffer_of(
        max_reports=max_reports, max_bytes=max_bytes, batch_reports=batch_reports, batch_bytes=batch_bytes
    )
    model: deque[tuple[int, int]] = deque()
    settled: list[int] = []
    puts = dropped = invalid = 0
    for step, number in steps:
        if step == "put":
            assert buffer.put(number, {"n": puts})
            model.append((puts, number))
            puts += 1
            while len(model) > max_reports or sum(weight for _, weight in model) > max_bytes:
                model.popleft()
                dropped += 1
        elif step == "take" and model:
            batch = [report["n"] for report in buffer.take()]
            assert 1 <= len(batch) <= batch_reports
            assert batch == [model.popleft()[0] for _ in batch]
            assert not buffer.flush(0.0)
            failed = min(number, len(batch))
            buffer.settle(sent=len(batch) - failed, failed=failed)
            settled += batch
        elif step == "turn away":
            buffer.turn_away("because")
            invalid += 1
        stats = buffer.stats
        assert (stats.queued, stats.dropped, stats.invalid) == (puts, dropped, invalid)
        assert stats.pending == len(model) <= max_reports
        assert counted(stats) == stats.queued
        assert buffer.flush(0.0) == (not model)
    assert settled == sorted(settled)


def test_the_oldest_make_room_for_the_newest() -> None:
    buffer = buffer_of(max_reports=3)
    for number in range(10):
        buffer.put(1, {"n": number})
    assert [report["n"] for report in buffer.take()] == [7, 8, 9]
    assert buffer.stats.dropped == 7


def test_nothing_is_taken_after_close_but_what_waits_can_be_sent() -> None:
    buffer = buffer_of()
    buffer.put(1, {"n": 0})
    buffer.close()
    assert not buffer.put(1, {"n": 1})
    assert buffer.take() == [{"n": 0}]
    buffer.settle(sent=1)
    assert buffer.take() == []
    assert buffer.stats == Stats(queued=2, sent=1, dropped=1)


def test_a_report_under_way_is_waited_for_by_flush() -> None:
    buffer = buffer_of()
    buffer.put(1, {"n": 0})
    buffer.take()
    assert not buffer.flush(0.0)
    buffer.settle(sent=1)
    assert buffer.flush(0.0)


def test_an_abandoned_buffer_drops_what_waits_and_ends_its_sender() -> None:
    buffer = buffer_of(batch_reports=1)
    for number in range(3):
        buffer.put(1, {"n": number})
    buffer.take()
    assert buffer.abandon() == 3
    assert not buffer.pause(60.0)
    buffer.settle(dropped=1)
    assert buffer.take() == []
    assert buffer.stats == Stats(queued=3, dropped=3)


def test_the_latest_error_stays_when_later_batches_arrive() -> None:
    buffer = buffer_of(batch_reports=1)
    for number in range(2):
        buffer.put(1, {"n": number})
    buffer.take()
    buffer.settle(failed=1, error="refused")
    buffer.take()
    buffer.settle(sent=1)
    assert buffer.stats.last_error == "refused"


def test_bounds_cannot_be_changed_later() -> None:
    with pytest.raises(AttributeError):
        Bounds().max_reports = 1  # type: ignore[misc]
