"""Calls to predict and what came of them, as arrays of equal length; every id is a whole number from 0."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from scoring.arrays import Bools, Floats, Ints
from scoring.errors import ScoringError

__all__ = ["ABSENT", "Calls", "InvalidCalls", "Outcomes"]

ABSENT: Final = -1
"""Id of a task, region or reporter that is not stated."""


class InvalidCalls(ScoringError):
    """Calls that cannot be used: which field, what was wanted, and what came."""

    def __init__(self, field: str, wanted: str, got: str) -> None:
        self.field, self.wanted, self.got = field, wanted, got
        super().__init__(f"{field} of calls must be {wanted}; got {got}; correct the arrays")


@dataclass(frozen=True, slots=True)
class Calls:
    """N calls, in the order they end; arrays [N].

    Raises
    ------
    InvalidCalls
        When lengths differ, or an id lies below -1 (below 0 for a provider).
    """

    time_s: Floats
    """When each call ends, epoch seconds."""
    provider: Ints
    reporter: Ints
    """Who calls; -1: nobody in particular."""
    task: Ints
    region: Ints

    def __post_init__(self) -> None:
        for name in ("provider", "reporter", "task", "region"):
            ids = getattr(self, name)
            if ids.shape != self.time_s.shape:
                raise InvalidCalls(name, f"of shape {self.time_s.shape}, as time_s is", f"{ids.shape}")
            lowest = 0 if name == "provider" else ABSENT
            if ids.size and ids.min() < lowest:
                raise InvalidCalls(name, f"ids from {lowest}", f"{ids.min()}")

    def __len__(self) -> int:
        return len(self.time_s)

    def part(self, rows: slice) -> "Calls":
        """Some of the calls."""
        return Calls(self.time_s[rows], self.provider[rows], self.reporter[rows], self.task[rows], self.region[rows])


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What came of N calls; arrays [N].

    Raises
    ------
    InvalidCalls
        When lengths differ.
    """

    success: Bools
    latency_ms: Floats
    """From request to answer, >= 0; nan where it is not known."""

    def __post_init__(self) -> None:
        if self.success.shape != self.latency_ms.shape:
            raise InvalidCalls("latency_ms", f"of shape {self.success.shape}", f"{self.latency_ms.shape}")

    def part(self, rows: slice) -> "Outcomes":
        """Some of the outcomes."""
        return Outcomes(self.success[rows], self.latency_ms[rows])


def calls_of(time_s: float, provider: int, reporter: int = ABSENT, task: int = ABSENT, region: int = ABSENT) -> Calls:
    """One call.

    >>> len(calls_of(0.0, 3))
    1
    """
    ids = (np.array([name], dtype=np.int64) for name in (provider, reporter, task, region))
    return Calls(np.array([time_s]), *ids)
