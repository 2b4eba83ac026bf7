"""The client an agent holds: ``report`` on its path, everything else in a thread of its own."""

import atexit
import functools
import inspect
import logging
import os
import sys
import threading
import time
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import Any, Final, ParamSpec, Self, TypeVar, Unpack, cast

from trustscore_client import settings
from trustscore_client.buffer import Bounds, Buffer
from trustscore_client.calls import Call
from trustscore_client.checks import admit
from trustscore_client.errors import InvalidReport, InvalidSetting
from trustscore_client.fields import Report, ReportFields
from trustscore_client.sender import Retry, Sender
from trustscore_client.stats import Stats
from trustscore_client.transports.protocol import Transport

__all__ = ["TrustScore"]

P = ParamSpec("P")
R = TypeVar("R")

log = logging.getLogger("trustscore_client")

_clients: Final["weakref.WeakSet[TrustScore]"] = weakref.WeakSet()
_left_to_parent: Final[list[Sender]] = []
"""Senders of the process this one was forked from: closing their sockets and loops here would close the parent's."""


class TrustScore:
    """Reports calls to the trust service without ever standing in their way.

    Parameters
    ----------
    url
        ``kafka://host:port[,host:port][/topic]``, ``http://host:port``, ``https://…`` or ``off``; default
        ``TRUSTSCORE_URL``, else ``http://127.0.0.1:8080``.
    reporter_id, region, tenant
        Fields for every report that does not say otherwise; the first two default to ``TRUSTSCORE_REPORTER_ID`` (else
        ``anonymous``) and ``TRUSTSCORE_REGION``.
    transport
        Instead of ``url``: a way out with its own options, or an own one.
    bounds, retry
        How much may wait, how much goes at once, how long to wait between attempts.
    exit_s
        How long ``close`` and the end of the process wait for what has not been sent, seconds.
    strict
        Raise ``InvalidReport`` for a bad value instead of counting it: for tests and development.

    Raises
    ------
    InvalidSetting
        When the client cannot start with these settings. Nothing else raises, unless ``strict``.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        reporter_id: str | None = None,
        region: str | None = None,
        tenant: str | None = None,
        transport: Transport | None = None,
        bounds: Bounds = Bounds(),  # noqa: B008 - frozen
        retry: Retry = Retry(),  # noqa: B008 - frozen
        exit_s: float = 5.0,
        strict: bool = False,
    ) -> None:
        if faults := settings.faults_of(bounds):
            raise InvalidSetting(faults)
        self._transport = settings.transport_of(settings.url_of(url)) if transport is None else transport
        self._defaults = settings.defaults_of({"reporter_id": reporter_id, "region": region, "tenant": tenant})
        self._bounds, self._retry, self._exit_s, self._strict = bounds, retry, exit_s, strict
        self._begin()
        _clients.add(self)

    def _begin(self) -> None:
        self._starting = threading.RLock()
        self._thread: threading.Thread | None = None
        self._said: set[str] = set()
        self._buffer = Buffer(self._bounds)
        self._sender = Sender(self._buffer, self._transport, self._defaults, self._retry)

    @property
    def stats(self) -> Stats:
        """What became of the reports so far."""
        return self._buffer.stats

    def report(self, **fields: Unpack[Report]) -> bool:
        """Queue what was seen of one call; whether it was fit to be queued.

        ``provider_id`` and ``outcome`` are needed; ``timestamp`` is now when left out. Takes microseconds, waits for
        nothing. A bad value is counted in ``stats.invalid`` and logged once for its field.
        """
        try:
            weight, report = admit(fields, time.time())
            if self._thread is None:
                self._start()
            return self._buffer.put(weight, report)
        except Exception as error:  # an agent must not fail because its report does
            if self._strict:
                raise
            self._turn_away(error)
            return False

    def call(self, provider_id: str, **fields: Unpack[ReportFields]) -> Call:
        """A context manager that times one call and reports its outcome when left; see ``Call``."""
        return Call(self.report, provider_id, cast("dict[str, Any]", fields))

    def watch(self, provider_id: str, **fields: Unpack[ReportFields]) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """A decorator that reports every call of a function, plain or ``async``.

        Raises
        ------
        TypeError
            For a generator function: its call returns before its work begins. Use ``call`` around the loop.
        """

        def decorate(function: Callable[P, R]) -> Callable[P, R]:
            if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
                raise TypeError(
                    f"watch needs a function or a coroutine function; {function.__qualname__} is a generator; "
                    "put client.call(...) around the loop that reads it"
                )
            if inspect.iscoroutinefunction(function):

                @functools.wraps(function)
                async def watched_async(*args: P.args, **kwargs: P.kwargs) -> Any:
                    with self.call(provider_id, **fields):
                        return await function(*args, **kwargs)

                return cast("Callable[P, R]", watched_async)

            @functools.wraps(function)
            def watched(*args: P.args, **kwargs: P.kwargs) -> R:
                with self.call(provider_id, **fields):
                    return function(*args, **kwargs)

            return watched

        return decorate

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Wait until everything reported before this call is settled; False when that took longer."""
        return self._buffer.flush(timeout_s)

    def close(self, timeout_s: float | None = None) -> bool:
        """Send what waits, for at most ``timeout_s`` (default ``exit_s``), and stop; whether nothing was left.

        A client may be closed twice; reports given after it are counted as dropped.
        """
        ends_s = time.monotonic() + (self._exit_s if timeout_s is None else timeout_s)
        self._buffer.close()
        sent_all = self._buffer.flush(ends_s - time.monotonic())
        if not sent_all and (left := self._buffer.abandon()):
            reason = self._buffer.stats.last_error or "the transport did not answer in time"
            log.warning("%d reports were not sent before the end: %s", left, reason)
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(max(ends_s - time.monotonic(), 0.0))
        atexit.unregister(self.close)
        return sent_all

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _start(self) -> None:
        """Start the thread with the first report: a server that forks its workers builds its client before."""
        with self._starting:
            if self._thread is not None:
                return
            thread = threading.Thread(target=self._sender.run, name="trustscore-client", daemon=True)
            thread.start()
            self._thread = thread
            atexit.register(self.close)
            if (multiprocessing := sys.modules.get("multiprocessing.util")) is not None:
                # Its children leave by os._exit, which runs these finalizers but nothing of atexit.
                multiprocessing.Finalize(None, self.close, exitpriority=0)

    def _turn_away(self, error: Exception) -> None:
        self._buffer.turn_away(str(error))
        about = error.field if isinstance(error, InvalidReport) else type(error).__name__
        if about not in self._said:
            self._said.add(about)
            log.warning("a report was not sent (further ones like it are only counted in stats): %s", error)

    def _begin_in_child(self) -> None:
        _left_to_parent.append(self._sender)
        self._begin()


def _after_fork() -> None:
    for client in list(_clients):
        client._begin_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
