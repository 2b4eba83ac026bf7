"""Places where a worker can be made to die or to stop, for tests of what then happens: gaps that random timing misses.

``TRUSTSCORE_CRASH_AT=state-before-marker:3`` kills the process when it comes to that place for the third time, as
``kill -9`` would; ``state-before-marker:3:stop`` stops it there until SIGCONT. Unset, a place costs one comparison.
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
    "send-state",
    "before-lake-commit",
    "after-lake-commit",
    "before-commit",
)
"""Every name that ``crash_point`` is called with."""
_SIGNALS: Final = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


@dataclass(slots=True)
class _Armed:
    point: str
    left: int
    """The time, from now on, at which it happens."""
    signal: signal.Signals


_armed: _Armed | None = None


def arm(place: str | None) -> None:
    """Die or stop at ``place``: ``name``, ``name:nth`` or ``name:nth:stop``; ``None`` and the empty string disarm.

    Raises
    ------
    ValueError
        When there is no such place.
    """
    global _armed
    if not place:
        _armed = None
        return
    name, nth, how = (place.split(":") + ["1", "kill"][place.count(":") :])[:3]
    if name not in POINTS or not nth.isdecimal() or int(nth) < 1 or how not in _SIGNALS or place.count(":") > 2:
        raise ValueError(
            f"{VARIABLE} must be one of {', '.join(POINTS)}, with :2 behind it for the second time, and :2:stop to "
            f"stop and not to die; got {place!r}; unset it, it is for tests"
        )
    _armed = _Armed(name, int(nth), _SIGNALS[how])


def crash_point(name: str) -> None:
    """Die or stop here, if that was asked for."""
    if _armed is None or _armed.point != name:
        return
    _armed.left -= 1
    if not _armed.left:
        os.kill(os.getpid(), _armed.signal)
