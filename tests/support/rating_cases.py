"""Seeded ratings: who is honest is known."""

import numpy as np

from scoring.arrays import Floats
from scoring.ratings import DAY_S, Ratings

__all__ = ["crowd", "ratings_of"]


def ratings_of(table: Floats, at_s: Floats | None = None) -> Ratings:
    """Ratings of a table [reporters, subjects], nan for none; by default a subject a day, in turning order."""
    who, what = np.nonzero(~np.isnan(table))
    turn_s = 60.0 * ((who + 3 * what) % len(table))
    moments_s = what * DAY_S + turn_s if at_s is None else at_s[who, what]
    return Ratings(who, what, table[who, what], moments_s, *table.shape)


def crowd(honest: int, liars: int, subjects: int, seed: int, bias: float = 0.0) -> Floats:
    """Ratings [honest + liars, subjects]: the honest give the truth with noise, liars its opposite, or truth + bias."""
    draw = np.random.default_rng(seed)
    truth = draw.uniform(-0.7, 0.7, subjects)
    said = np.tile(truth, (honest + liars, 1)) + draw.normal(0.0, 0.08, (honest + liars, subjects))
    said[honest:] = said[honest:] + bias if bias else -said[honest:]
    return np.clip(said, -1.0, 1.0)
