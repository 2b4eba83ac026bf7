import asyncio
import concurrent.futures
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, NoReturn

import pytest
from trustscore_client import MemoryTransport, TrustScore
from trustscore_client.calls import Call, outcome_of


class ReadTimeout(Exception):
    """Named like httpx's and requests', which are no ``TimeoutError`` either."""


class SlowPool(ReadTimeout):
    """A child whose own name does not say it."""


def reports_of(work: Any) -> list[Mapping[str, Any]]:
    """What a client sent after ``work`` was done with it; its exception, if any, must be expected by the test."""
    sent = MemoryTransport()
    with TrustScore(transport=sent, strict=True) as client:
        work(client)
    return sent.reports


def leave_by(call: Call, error: BaseException, **said: Any) -> NoReturn:
    """End a call with an exception, after something was said of it."""
    with call:
        for name, value in said.items():
            setattr(call, name, value)
        raise error


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "success"),
        (ValueError(), "error"),
        (TimeoutError(), "timeout"),
        (ReadTimeout(), "timeout"),
        (SlowPool(), "timeout"),
        (ExceptionGroup("", [TimeoutError(), ReadTimeout()]), "timeout"),
        (ExceptionGroup("", [TimeoutError(), ValueError()]), "error"),
        (asyncio.CancelledError(), None),
        (concurrent.futures.CancelledError(), None),
        (KeyboardInterrupt(), None),
        (SystemExit(0), None),
        (GeneratorExit(), None),
        (BaseExceptionGroup("", [asyncio.CancelledError()]), None),
    ],
)
def test_what_an_exception_says_of_the_provider(error: BaseException | None, outcome: str | None) -> None:
    assert outcome_of(error) == outcome


def test_a_call_is_timed_and_reported_with_what_was_set_meanwhile() -> None:
    def work(client: TrustScore) -> None:
        with client.call("weather", task_type="search", attempt=2) as call:
            call.quality = 0.9
            call.details = {"rows": 3}

    [report] = reports_of(work)
    assert report["latency_ms"] >= 0
    expected = {"provider_id": "weather", "outcome": "success", "task_type": "search", "attempt": 2, "quality": 0.9}
    assert {name: report[name] for name in expected} == expected
    assert report["details"] == {"rows": 3}


def test_what_was_set_wins_over_what_was_seen() -> None:
    def work(client: TrustScore) -> None:
        with pytest.raises(KeyError):
            leave_by(client.call("weather"), KeyError("unusable answer"), outcome="failure", latency_ms=7.0)

    [report] = reports_of(work)
    assert (report["outcome"], report["latency_ms"]) == ("failure", 7.0)


def test_an_exception_passes_through_unchanged() -> None:
    error = ReadTimeout("too slow")

    def work(client: TrustScore) -> None:
        with pytest.raises(ReadTimeout) as caught:
            leave_by(client.call("weather"), error)
        assert caught.value is error
        assert error.__context__ is None
        assert error.__cause__ is None

    assert [report["outcome"] for report in reports_of(work)] == ["timeout"]


def test_a_bad_value_does_not_replace_the_agents_exception() -> None:
    client = TrustScore(transport=MemoryTransport())
    with pytest.raises(KeyError):
        leave_by(client.call("weather"), KeyError("the agent's own"), quality=17.0)
    assert client.stats.invalid == 1
    client.close()


def test_cancellation_is_not_the_providers_failure() -> None:
    started = asyncio.Event()

    async def agent(client: TrustScore) -> None:
        async with client.call("weather"):
            started.set()
            await asyncio.Event().wait()

    async def cancel(client: TrustScore) -> None:
        task = asyncio.create_task(agent(client))
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    assert reports_of(lambda client: asyncio.run(cancel(client))) == []


def test_a_cancelled_call_is_reported_when_its_outcome_was_set() -> None:
    def work(client: TrustScore) -> None:
        with pytest.raises(asyncio.CancelledError):
            leave_by(client.call("weather"), asyncio.CancelledError(), outcome="timeout")

    assert [report["outcome"] for report in reports_of(work)] == ["timeout"]


def test_a_timeout_inside_the_call_is_reported_as_one() -> None:
    async def agent(client: TrustScore) -> None:
        async with client.call("weather"), asyncio.timeout(0):
            await asyncio.Event().wait()

    def work(client: TrustScore) -> None:
        with pytest.raises(TimeoutError):
            asyncio.run(agent(client))

    assert [report["outcome"] for report in reports_of(work)] == ["timeout"]


def test_watch_reports_every_call_of_a_function() -> None:
    def work(client: TrustScore) -> None:
        @client.watch("calculator", tool="divide")
        def divide(dividend: float, divisor: float) -> float:
            """The quotient."""
            return dividend / divisor

        assert divide(6, divisor=3) == 2
        assert (divide.__name__, divide.__doc__) == ("divide", "The quotient.")
        with pytest.raises(ZeroDivisionError):
            divide(1, 0)

    reports = reports_of(work)
    assert [report["outcome"] for report in reports] == ["success", "error"]
    assert {report["tool"] for report in reports} == {"divide"}


def test_watch_reports_a_coroutine_when_it_is_done() -> None:
    async def agent(client: TrustScore) -> None:
        @client.watch("weather")
        async def forecast(city: str) -> str:
            await asyncio.sleep(0)
            if city == "nowhere":
                raise TimeoutError
            return f"sun in {city}"

        waiting = forecast("Oslo")
        assert client.stats.queued == 0
        assert await waiting == "sun in Oslo"
        assert client.stats.queued == 1
        with pytest.raises(TimeoutError):
            await forecast("nowhere")

    assert [r["outcome"] for r in reports_of(lambda c: asyncio.run(agent(c)))] == ["success", "timeout"]


def test_watch_says_what_to_do_with_a_generator() -> None:
    def rows() -> Iterator[int]:
        yield 1

    async def pages() -> AsyncIterator[int]:
        yield 1

    client = TrustScore("off")
    for function in (rows, pages):
        with pytest.raises(TypeError, match=r"is a generator; put client\.call\(\.\.\.\) around"):
            client.watch("weather")(function)
