"""Reports to the server's ``POST /v1/reports``, on the standard library alone."""

import http.client
import json
import re
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
_REFUSED: Final = frozenset({400, 415})
_TOO_LARGE: Final = 413
_IN_FIELD: Final = re.compile(r"\w*\[(\d{1,9})\]")
_STALE: Final = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError, ConnectionAbortedError)


@dataclass(frozen=True, slots=True)
class HttpTransport:
    """A server's address, e.g. ``http://127.0.0.1:8080``."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with every request, e.g. an authorization."""
    timeout_s: float = 10.0

    def __post_init__(self) -> None:
        if not _is_address(self.url):
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
        said = f"{self._shown} answered {status}: {_sentence(answer)}"
        if status == _SOME_INVALID:
            named, others_taken = _named_places(answer, len(batch)), _others_taken(answer)
            return Delivery(refused=named, error=said) if others_taken else self._send_rest(batch, named, said)
        if status == _TOO_LARGE:
            return self._send_rest(batch, (), said)
        if status in _REFUSED:
            return Delivery(refused=everything, error=said)
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

    def _send_rest(self, batch: Sequence[Mapping[str, Any]], named: tuple[int, ...], said: str) -> Delivery:
        """Send a batch of which nothing was taken without the reports that were named, in halves.

        A server may name only the first of many that are invalid: halving finds k of them in at most 2 k + 1 requests.
        A single report that was not named is the one that was meant.
        """
        named = (0,) if len(batch) == 1 else named
        rest = sorted(set(range(len(batch))) - set(named))
        refused, unsent = list(named), []
        retry_after_s = None
        for half in (rest[: len(rest) // 2], rest[len(rest) // 2 :]):
            if half:
                delivery = self.send([batch[place] for place in half])
                refused += [half[place] for place in delivery.refused]
                unsent += [half[place] for place in delivery.unsent]
                said = delivery.error or said
                retry_after_s = delivery.retry_after_s or retry_after_s
        return Delivery(tuple(refused), tuple(unsent), said, retry_after_s)


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _named_places(answer: bytes, count: int) -> tuple[int, ...]:
    """Places of the reports an answer names: by ``"index": 3``, or by ``"field": "[3].latency_ms"``."""
    try:
        places = set(_places(json.loads(answer)))
    except (ValueError, RecursionError):
        return ()
    return tuple(sorted(place for place in places if 0 <= place < count))


def _places(value: Any) -> list[int]:
    if isinstance(value, list):
        return [place for one in value for place in _places(one)]
    if not isinstance(value, dict):
        return []
    if type(value.get("index")) is int:
        return [value["index"]]
    if found := _IN_FIELD.match(str(value.get("field", ""))):
        return [int(found[1])]
    return _places(list(value.values()))


def _others_taken(answer: bytes) -> bool:
    """Whether the server says that it took the reports it does not name: ``"accepted": 12``."""
    try:
        body = json.loads(answer)
    except (ValueError, RecursionError):
        return False
    accepted = body.get("accepted") if isinstance(body, dict) else None
    return type(accepted) is int and accepted > 0


def _sentence(answer: bytes) -> str:
    return " ".join(answer[:300].decode("utf-8", "replace").split()) or "nothing"


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
