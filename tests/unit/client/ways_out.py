"""Transports for the tests: real ones, in this process, that do what a test needs of the other side."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trustscore_client import Delivery

Batch = Sequence[Mapping[str, Any]]


class ScriptedTransport:
    """Answers each attempt with the next step of a script, and takes everything once the script is at its end.

    A step is a ``Delivery`` to return, an exception to raise, or a function of the batch that does either.
    """

    def __init__(self, *steps: Delivery | Exception | Callable[[Batch], Delivery]) -> None:
        self._steps = list(steps)
        self.attempts: list[list[Mapping[str, Any]]] = []
        self.links = 0
        self.closed = 0

    def connect(self) -> "ScriptedTransport":
        self.links += 1
        return self

    def send(self, batch: Batch) -> Delivery:
        self.attempts.append(list(batch))
        step = self._steps.pop(0) if self._steps else Delivery()
        if isinstance(step, Exception):
            raise step
        return step if isinstance(step, Delivery) else step(batch)

    def close(self) -> None:
        self.closed += 1


class StuckTransport:
    """Hangs in ``send`` until released, like a server that accepts connections and says nothing."""

    def __init__(self) -> None:
        self.entered, self.released = threading.Event(), threading.Event()
        self.sent = 0

    def connect(self) -> "StuckTransport":
        return self

    def send(self, batch: Batch) -> Delivery:
        self.entered.set()
        self.released.wait()
        self.sent += len(batch)
        return Delivery()

    def close(self) -> None:
        """Nothing is held open."""


class AwayTransport:
    """Is never there."""

    def __init__(self) -> None:
        self.attempts = 0
        self.tried_again = threading.Event()

    def connect(self) -> "AwayTransport":
        return self

    def send(self, batch: Batch) -> Delivery:
        self.attempts += 1
        if self.attempts == 2:
            self.tried_again.set()
        return unsent(batch)

    def close(self) -> None:
        """Nothing is held open."""


def unsent(batch: Batch) -> Delivery:
    return Delivery(unsent=tuple(range(len(batch))), error="the other side is away")
