"""Places where a worker can be made to die, for tests of what is left behind: gaps that random timing misses.

``TRUSTSCORE_CRASH_AT=state-before-marker:3`` kills the process when it comes to that place for the third time, as
``kill -9`` would. Unset, a place costs one comparison.
"""

import os
import signal
from dataclasses import dataclass
from typing import Final

__all__ = ["POINTS", "VARIABLE", "arm", "crash_point"]

VARIABLE: Final = "TRUSTSCORE_CRASH_AT"
POINTS: Final = (
    "recovery",
    "rebalance",
    "state-between-entries",
    "state-before-marker",
    "before-commit",
)
"""Every name that ``crash_point`` is called with."""


@dataclass(slots=True)
class _Armed:
    point: str
    left: int
    """Times the place is still passed before the process dies there; one more than that, to be exact."""


_armed: _Armed | None = None


def arm(place: str | None) -> None:
    """Die at ``place``, ``name`` or ``name:nth``; ``None`` and the empty string disarm.

    Raises
    ------
    ValueError
        When there is no such place.
    """
    global _armed
    if not place:
        _armed = None
        return
    name, _, nth = place.partition(":")
    if name not in POINTS or not (nth or "1").isdecimal() or int(nth or 1) < 1:
        raise ValueError(
            f"{VARIABLE} must be one of {', '.join(POINTS)}, with :2 behind it for the second time; got {place!r}; "
            "unset it, it is for tests"
        )
    _armed = _Armed(name, int(nth or 1))


def crash_point(name: str) -> None:
    """Die here, if that was asked for."""
    if _armed is None or _armed.point != name:
        return
    _armed.left -= 1
    if not _armed.left:
        os.kill(os.getpid(), signal.SIGKILL)
