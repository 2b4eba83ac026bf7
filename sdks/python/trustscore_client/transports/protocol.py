"""What the sender asks of a way out, and what it is told back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["Delivery", "Link", "Transport"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one batch; whatever is neither ``refused`` nor ``unsent`` has arrived."""

    refused: tuple[int, ...] = ()
    """Places in the batch that are not wanted, now or later."""
    unsent: tuple[int, ...] = ()
    """Places in the batch to be sent again."""
    error: str = ""
    """Why, in a sentence; empty when all arrived."""
    retry_after_s: float | None = None
    """How long the other side asks to be left alone."""


class Link(Protocol):
    """An open way out. Only the sender's thread calls it; it may block, and whatever it raises means unsent."""

    def send(self, batch: Sequence[Mapping[str, Any]]) -> Delivery: ...

    def close(self) -> None: ...


class Transport(Protocol):
    """Where to and how: settings only, so that a forked child can open a link of its own."""

    def connect(self) -> Link: ...
