"""Reports to the server's ``POST /v1/reports``, on the standard library alone."""

import http.client
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from trustscore_client.encoding import encode
from trustscore_client.errors import InvalidSetting
from trustscore_client.transports.protocol import Delivery

__all__ = ["HttpTransport"]

_PATH: Final = "/v1/reports"
_ANSWER_BYTES: Final = 4 * 1024 * 1024
_SOME_INVALID: Final = 422
"""The server took the reports it does not name."""
_REFUSED: Final = frozenset({400, 415, _SOME_INVALID})
_TOO_LARGE: Final = 413
_STALE: Final = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError, ConnectionAbortedError)


@dataclass(frozen=True, slots=True)
class HttpTransport:
    """A server's address, e.g. ``http://127.0.0.1:8080``."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with every request, e.g. an authorization."""
    timeout_s: float = 10.0

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidSetting([f"url must be http://HOST[:PORT] or https://HOST[:PORT]; got {self.url!r}"])

    def connect(self) -> "HttpLink":
        return HttpLink(self)


class HttpLink:
    """One kept-alive connection, opened when first needed and again after every fault."""

    def __init__(self, transport: HttpTransport) -> None:
        parts = urlsplit(transport.url)
        make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = make(parts.hostname or "", parts.port, timeout=transport.timeout_s)
        self._path = parts.path.rstrip("/").removesuffix(_PATH) + _PATH
        self._shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{self._path}"
        self._headers = {"Content-Type": "application/json", "User-Agent": "trustscore-client", **transport.headers}

    def send(self, batch: Sequence[Mapping[str, Any]]) -> Delivery:
        body = b"[" + b",".join([encode(report) for report in batch]) + b"]"
        everything = tuple(range(len(batch)))
        try:
            status, retry_after, answer = self._post(body)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            return Delivery(unsent=everything, error=f"{self._shown} could not be reached: {_named(error)}")
        if 200 <= status < 300:
            return Delivery()
        if status == _TOO_LARGE and len(batch) > 1:
            return self._send_halves(batch)
        said = f"{self._shown} answered {status}: {_sentence(answer)}"
        if status in _REFUSED or status == _TOO_LARGE:
            named = _named_places(answer, len(batch)) if status == _SOME_INVALID else ()
            return Delivery(refused=named or everything, error=said)
        return Delivery(unsent=everything, error=said, retry_after_s=retry_after)

    def close(self) -> None:
        self._connection.close()

    def _post(self, body: bytes) -> tuple[int, float | None, bytes]:
        kept_alive = self._connection.sock is not None
        try:
            return self._exchange(body)
        except _STALE:
            # The server closes idle connections; that it did shows only now. The report ids make a second send safe.
            self._connection.close()
            if not kept_alive:
                raise
            return self._exchange(body)

    def _exchange(self, body: bytes) -> tuple[int, float | None, bytes]:
        self._connection.request("POST", self._path, body, self._headers)
        response = self._connection.getresponse()
        answer = response.read(_ANSWER_BYTES)
        if not response.isclosed():
            self._connection.close()
        retry_after = response.getheader("Retry-After", "")
        return response.status, float(retry_after) if retry_after.isdecimal() else None, answer

    def _send_halves(self, batch: Sequence[Mapping[str, Any]]) -> Delivery:
        middle = len(batch) // 2
        first, second = self.send(batch[:middle]), self.send(batch[middle:])
        return Delivery(
            (*first.refused, *(middle + place for place in second.refused)),
            (*first.unsent, *(middle + place for place in second.unsent)),
            first.error or second.error,
            first.retry_after_s or second.retry_after_s,
        )


def _named_places(answer: bytes, count: int) -> tuple[int, ...]:
    """Places of the reports an answer names: the ``index`` of every object in a list of it."""
    try:
        body = json.loads(answer)
    except ValueError:
        return ()
    return tuple(sorted({place for place in _indexes(body) if 0 <= place < count}))


def _indexes(value: Any) -> list[int]:
    if isinstance(value, list):
        indexes = [one.get("index") for one in value if isinstance(one, dict)]
        return [index for index in indexes if type(index) is int]
    if isinstance(value, dict):
        return [index for one in value.values() if isinstance(one, dict | list) for index in _indexes(one)]
    return []


def _sentence(answer: bytes) -> str:
    return " ".join(answer[:300].decode("utf-8", "replace").split()) or "nothing"


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
