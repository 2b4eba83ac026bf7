"""Ways out that lead nowhere: one keeps the reports for a test of an agent, one forgets them."""

from collections.abc import Mapping, Sequence
from typing import Any

from trustscore_client.transports.protocol import Delivery

__all__ = ["MemoryTransport", "OffTransport"]


class MemoryTransport:
    """Keeps what is sent in ``reports``, in order."""

    def __init__(self) -> None:
        self.reports: list[Mapping[str, Any]] = []

    def connect(self) -> "MemoryTransport":
        return self

    def send(self, batch: Sequence[Mapping[str, Any]]) -> Delivery:
        self.reports.extend(batch)
        return Delivery()

    def close(self) -> None:
        """Nothing is held open."""


class OffTransport:
    """Sends nothing: ``TRUSTSCORE_URL=off``."""

    def connect(self) -> "OffTransport":
        return self

    def send(self, batch: Sequence[Mapping[str, Any]]) -> Delivery:
        return Delivery()

    def close(self) -> None:
        """Nothing is held open."""
