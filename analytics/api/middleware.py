"""Around every request: a bound on its body, a count of its answer."""

import time
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from analytics.metrics import Telemetry

__all__ = ["MOST_BODY_BYTES", "BodyLimit", "RequestCount"]

MOST_BODY_BYTES: Final = 16 * 1024 * 1024


class BodyLimit:
    """Refuses a body of more than ``most_bytes``, stated or streamed, with 413."""

    def __init__(self, app: ASGIApp, most_bytes: int = MOST_BODY_BYTES) -> None:
        self._app, self._most_bytes = app, most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        received = 0

        async def bounded() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._most_bytes:
                # Raised inside the route, so that the error handlers give it the one shape.
                raise HTTPException(413, f"body must be at most {self._most_bytes:,} bytes")
            return message

        await self._app(scope, bounded, send)


class RequestCount:
    """Counts and times every answer by its route."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        self._app, self._telemetry = app, telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, begun_s = 500, time.perf_counter()

        async def seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, seen)
        finally:
            # The route's pattern: an id in a label would make a series of every provider anybody asks for.
            route = getattr(scope.get("route"), "path", "other")
            method = scope["method"] if scope["method"] in ("GET", "POST", "HEAD", "DELETE", "OPTIONS") else "other"
            self._telemetry.request(method, route, status, time.perf_counter() - begun_s)
