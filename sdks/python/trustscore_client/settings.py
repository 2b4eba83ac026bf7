"""What a client was told by its constructor and the environment, checked at once."""

import os
from collections.abc import Mapping
from typing import Any, Final

from trustscore_client.buffer import Bounds
from trustscore_client.checks import LARGEST_WEIGHT, admit
from trustscore_client.errors import InvalidReport, InvalidSetting
from trustscore_client.transports import HttpTransport, KafkaTransport, OffTransport, Transport

__all__ = ["DEFAULT_URL", "defaults_of", "faults_of", "transport_of", "url_of"]

DEFAULT_URL: Final = "http://127.0.0.1:8080"
"""Where ``trustscore up`` listens."""


def url_of(url: str | None) -> str:
    """The address given, else ``TRUSTSCORE_URL``, else ``DEFAULT_URL``."""
    return url or os.environ.get("TRUSTSCORE_URL") or DEFAULT_URL


def transport_of(url: str) -> Transport:
    """The way out an address names: ``kafka://host:port[,host:port][/topic]``, ``http[s]://…`` or ``off``."""
    scheme, _, rest = url.partition("://")
    if url == "off":
        return OffTransport()
    if scheme == "kafka":
        hosts, _, topic = rest.partition("/")
        return KafkaTransport(hosts, topic) if topic else KafkaTransport(hosts)
    if scheme in ("http", "https"):
        return HttpTransport(url)
    raise InvalidSetting([f"url must begin with kafka://, http:// or https://, or be off; got {url!r}"])


def defaults_of(given: Mapping[str, str | None]) -> dict[str, Any]:
    """Fields that every report of this client carries unless it says otherwise.

    ``reporter_id`` and ``region`` are taken from ``TRUSTSCORE_REPORTER_ID`` and ``TRUSTSCORE_REGION`` when not given.
    """
    named = {
        "reporter_id": os.environ.get("TRUSTSCORE_REPORTER_ID") or "anonymous",
        "region": os.environ.get("TRUSTSCORE_REGION") or None,
        **{name: value for name, value in given.items() if value is not None},
    }
    try:
        _, report = admit({**named, "provider_id": "any", "outcome": "success"}, 0.0)
    except InvalidReport as error:
        raise InvalidSetting([str(error)]) from None
    return {name: report[name] for name in named if name in report}


def faults_of(bounds: Bounds) -> list[str]:
    """Sentences, one for every bound the client cannot work with."""
    least = {"max_reports": 1, "max_bytes": LARGEST_WEIGHT, "batch_reports": 1, "batch_bytes": 1, "linger_s": 0}
    return [
        f"{name} must be at least {minimum}; got {getattr(bounds, name)!r}"
        for name, minimum in least.items()
        if not getattr(bounds, name) >= minimum
    ]
