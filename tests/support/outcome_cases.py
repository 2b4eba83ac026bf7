"""Tables of outcomes: who lies is known."""

import numpy as np

from scoring.arrays import Floats
from scoring.outcomes import Outcomes

__all__ = ["outcomes_of_table", "town"]


def outcomes_of_table(table: Floats) -> Outcomes:
    """Outcomes of a table [reporters, providers, slots], nan for none."""
    who, whom, when = np.nonzero(~np.isnan(table))
    reporters, providers, slots = table.shape
    return Outcomes(who, whom, when, table[who, whom, when], reporters, providers, slots)


def town(seed: int, reporters: int = 30, providers: int = 12, slots: int = 30) -> Floats:
    """Honest outcomes [reporters, providers, slots] of providers that succeed in .5 to .99 of calls, worst first."""
    draw = np.random.default_rng(seed)
    rates = np.linspace(0.5, 0.99, providers)[None, :, None]
    return (draw.random((reporters, providers, slots)) < rates).astype(np.float64)
