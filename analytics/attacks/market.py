"""A market of honest reporters, drawn from a seed: what attacks are tried on where no recorded reports are given."""

from typing import Final

import numpy as np

from scoring.outcomes import Outcomes

__all__ = ["DAYS", "honest_market"]

DAYS: Final = 30
"""Slots of a day each."""
OUTAGE: Final = 0.3
"""Chance that a provider fails for a day, for nearly all."""
BROKEN: Final = 0.015
"""Chance that a reporter's path to a provider is bad all the time."""


def honest_market(seed: int, reporters: int = 80, providers: int = 40) -> Outcomes:
    """Reports of ``DAYS`` days, one a day from a reporter about each provider it uses, seven days in ten.

    Seven providers in ten succeed in .97 to 1 of calls, two in .8 to .97, one in .3 to .8. Three in ten have an outage
    of a day. One path in 70 is bad by itself, and every reporter fails a little more by itself, few of them much more.
    Reporters use half of the providers to all of them.
    """
    draw = np.random.default_rng(seed)
    kind = draw.permutation(np.linspace(0, 1, providers))
    base = np.interp(kind, [0.0, 0.1, 0.3, 1.0], [0.3, 0.8, 0.97, 1.0])
    path = np.where(draw.random((reporters, providers)) < BROKEN, draw.uniform(0, 0.8, (reporters, providers)), 1.0)
    own = 1 - draw.beta(0.3, 60.0, reporters)
    day = np.ones((providers, DAYS))
    down = np.flatnonzero(draw.random(providers) < OUTAGE)
    day[down, draw.integers(0, DAYS, len(down))] = 0.05
    works = (path * own[:, None] * base)[:, :, None] * day
    uses = draw.random((reporters, providers)) < draw.uniform(0.5, 1.0, (reporters, 1))
    speaks = uses[:, :, None] & (draw.random((reporters, providers, DAYS)) < 0.7)
    reporter, provider, slot = np.nonzero(speaks)
    success = (draw.random(len(reporter)) < works[reporter, provider, slot]).astype(np.float64)
    return Outcomes(reporter, provider, slot, success, reporters, providers, DAYS)
