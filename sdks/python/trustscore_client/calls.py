"""One call to a provider, timed and reported."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self

from trustscore_client.fields import Consistency, Finding, Outcome, Source

__all__ = ["Call", "outcome_of"]


def outcome_of(error: BaseException | None) -> Outcome | None:
    """What an exception says of the provider; None when it says nothing.

    No exception is a success. What is no ``Exception`` (``asyncio.CancelledError``, ``KeyboardInterrupt``, trio's
    ``Cancelled``) is the caller giving up, not the provider failing. ``TimeoutError`` and every class with "timeout" in
    its name or a base's (httpx, requests, aiohttp, the model vendors' libraries) is a timeout; a group is one when all
    its members are.

    >>> outcome_of(TimeoutError()), outcome_of(ValueError()), outcome_of(KeyboardInterrupt())
    ('timeout', 'error', None)
    """
    if error is None:
        return "success"
    if isinstance(error, ExceptionGroup):
        return "timeout" if all(outcome_of(one) == "timeout" for one in error.exceptions) else "error"
    names = [base.__name__ for base in type(error).__mro__]
    if not isinstance(error, Exception) or "CancelledError" in names:
        return None
    return "timeout" if any("timeout" in name.lower() for name in names) else "error"


class Call:
    """A context manager, for ``with`` and ``async with``, that reports when it is left; exceptions pass through.

    Every field of a report may be set on it meanwhile; ``outcome`` and ``latency_ms`` that are set win over what was
    seen. A cancelled call is reported only when ``outcome`` was set.
    """

    outcome: Outcome | None = None
    timestamp: float | str | datetime | None = None
    report_id: str | None = None
    latency_ms: float | None = None
    task_type: str | None = None
    tool: str | None = None
    region: str | None = None
    provider_version: str | None = None
    reporter_id: str | None = None
    source: Source | None = None
    quality: float | None = None
    cost_usd: float | None = None
    data_age_s: float | None = None
    schema_valid: bool | None = None
    rate_limited: bool | None = None
    rate_limit_limit: float | None = None
    rate_limit_remaining: float | None = None
    rate_limit_reset_s: float | None = None
    retry_after_s: float | None = None
    consistency: Consistency | None = None
    replication_lag_ms: float | None = None
    security: Sequence[Finding] | None = None
    tenant: str | None = None
    trace_id: str | None = None
    attempt: int | None = None
    details: dict[str, Any] | None = None

    def __init__(self, report: Callable[..., object], provider_id: str, fields: Mapping[str, Any]) -> None:
        self.provider_id = provider_id
        vars(self).update(fields)
        self._report = report
        self._started_s = 0.0

    def __enter__(self) -> Self:
        self._started_s = time.perf_counter()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        latency_ms = (time.perf_counter() - self._started_s) * 1000
        outcome = outcome_of(error) if self.outcome is None else self.outcome
        if outcome is None:
            return
        said = {name: value for name, value in vars(self).items() if not name.startswith("_") and value is not None}
        self._report(**{"latency_ms": latency_ms, **said, "outcome": outcome})

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)
