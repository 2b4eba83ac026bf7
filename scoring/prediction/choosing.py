"""Which of several providers a caller should take: who is likely to succeed, and of like ones who is not slow."""

from typing import Final, TypeVar

import numpy as np

from scoring.arrays import Floats

__all__ = ["SLOWNESS", "worth"]

SLOWNESS: Final = 0.01
"""Probability of success that latency e times as long is worth."""
Number = TypeVar("Number", float, Floats)


def worth(success: Number, latency_p95_ms: Number) -> Number:
    """What to compare providers by, for one caller: the greatest is to be taken.

    Parameters
    ----------
    success
        Probability that the call succeeds.
    latency_p95_ms
        What 95 of 100 such calls take at most, milliseconds.

    Notes
    -----
    ``success − .01 ln(1 + latency)``. Slow providers fail more often than is known of them yet: over eight ways to deal
    out the WS-DREAM development half, choosing one of five by this gives 11 % less success away than choosing by the
    probability alone (docs/methods.md, section 12).

    Examples
    --------
    >>> round(float(worth(0.99, 99.0)), 3), round(float(worth(0.995, 9_999.0)), 3)
    (0.944, 0.903)
    """
    value: Number = success - SLOWNESS * np.log1p(latency_p95_ms)
    return value
