"""How far each reporter's evidence about a provider is doubted: who dissents, where many do, who moves together."""

from typing import Final, NamedTuple

import numpy as np

from scoring.arrays import Bools, Floats, Ints, or_zero, ratio
from scoring.circles import circles
from scoring.outcomes import Capped

__all__ = ["Dissent", "contested", "dissent", "expected", "rings", "targeted"]

FLOOR: Final = 0.08
"""Least difference of a reporter's rate to the usual one that is a dissent."""
SPREADS: Final = 5.0
"""Robust standard deviations from which it is a bad one, where reporters of a provider differ by nature."""
CHANCE: Final = 2.0
"""Standard deviations of the number of failures that must lie between a bad dissent and chance."""
PERFECT: Final = 0.1
"""A good dissent has at most so many times the failures that were due to it..."""
LUCK: Final = 4.0
"""...and that many were due at least: no failure where two were due is luck."""
SPARSE: Final = 3.0
"""Slots after which a reporter has half the weight of one with many, in medians and means of reporters."""
CONTESTED: Final = (0.13, 0.19)
"""Share of a provider's reporters that dissent one way: up to the first all are believed, from the second none."""
MINORITY: Final = (0.4, 0.5)
"""Up to this share they are a minority that can be wrong; from the second on reporters just differ, and all count."""
RING_SHARE: Final = 0.05
"""Share of all reporters from which those that move together are a ring."""
RING_LEAST: Final = 5
"""Fewer are never one: chance, or one broken network."""
RING_GAP: Final = 0.05
"""Difference of a ring's mean to the others' from which a provider is its target..."""
RING_Z: Final = 4.0
"""...and standard errors that it must be..."""
RING_SPREAD: Final = 0.05
"""...made of at least this standard deviation of one reporter's rate..."""
RING_SPEAKS: Final = 3
"""...where at least so many members speak."""


class Dissent(NamedTuple):
    """How each pair of a reporter and a provider differs from what is usual for the provider in its slots, [K]."""

    apart: Floats
    """Its rate less that of the median reporter, each against what was expected in its slots."""
    bad: Bools
    """Whether it dissents downwards."""
    good: Bools
    """Whether it dissents upwards."""
    perfect: Bools
    """Whether it does so without any failure."""


def expected(pairs: Capped, voice: Floats) -> Floats:
    """Mean of the voices about each cell's provider in its slot, [C]; of the whole window where none speaks in it.

    0 where no voice about the provider counts at all.

    >>> who, whom = np.arange(2), np.zeros(2, dtype=np.int64)
    >>> heard = Capped(np.array([1.0, 0.0]), who, whom, who, whom, np.ones(2), 2, 1, 1)
    >>> expected(heard, np.array([3.0, 1.0])).tolist()
    [0.75, 0.75]
    """
    each = voice[pairs.pair]
    said, heard = pairs.by_place(each * pairs.value), pairs.by_place(each)
    window = (pairs.providers, pairs.slots)
    overall = np.nan_to_num(ratio(said.reshape(window).sum(axis=1), heard.reshape(window).sum(axis=1)))
    usual = np.divide(said, heard, out=np.repeat(overall, pairs.slots), where=heard > 1e-9)
    of_cell: Floats = usual[pairs.place]
    return of_cell


def dissent(pairs: Capped, voice: Floats) -> Dissent:
    """Who contradicts the others about whom, given what each pair's voice counts, [K]; formulas in ``robust_rates``."""
    few = pairs.spoken / (pairs.spoken + SPARSE)
    rest = pairs.by_pair(pairs.value - expected(pairs, voice)) / pairs.spoken
    # where nobody is believed any more, the plain median
    heard = np.where(pairs.by_provider(voice)[pairs.provider] > 1e-9, voice, 1.0) * few
    apart = rest - pairs.medians(rest, heard)[pairs.provider]
    # of all, believed or not: reporters differ less among those that are left once who differs is doubted
    spread = 1.4826 * pairs.medians(np.abs(apart), few)[pairs.provider]
    failures = pairs.spoken - pairs.by_pair(pairs.value)
    usual = ratio(pairs.by_provider(heard * failures), pairs.by_provider(heard * pairs.spoken))[pairs.provider]
    due = usual * pairs.spoken
    chance = CHANCE * np.sqrt(due + 1) / pairs.spoken
    nature = np.sqrt(np.maximum(spread**2 - usual * (1 - usual) / pairs.spoken, 0.0))
    bad = apart < -np.maximum(np.maximum(FLOOR, SPREADS * nature), chance)
    good = (apart > FLOOR) & (failures <= PERFECT * due) & (due >= LUCK)
    return Dissent(apart, bad, good, good & (failures == 0))


def contested(pairs: Capped, found: Dissent, voice: Floats) -> Floats:
    """Doubt in each pair because many dissent about the provider as it does, 0..1, [K]."""
    (least, most), (few, differ) = CONTESTED, MINORITY
    everyone = pairs.by_provider(voice)
    doubt = np.zeros(len(found.apart))
    for dissents in (found.bad.astype(np.float64), found.perfect * _too_many(pairs, found, voice)[pairs.provider]):
        share = np.nan_to_num(ratio(pairs.by_provider(voice * dissents), everyone))
        many = np.clip((share - least) / (most - least), 0.0, 1.0)
        minority = np.clip((differ - share) / (differ - few), 0.0, 1.0)
        doubt += dissents * (many * minority)[pairs.provider]
    return doubt


def _too_many(pairs: Capped, found: Dissent, voice: Floats) -> Floats:
    """Share of each provider's perfect dissents that exceeds its nearly perfect ones, 0..1, [providers].

    Paths that are better by nature differ, so where some never fail as many seldom do; praise is a heap at perfection.
    """
    perfect, nearly = (pairs.by_provider(voice * which) for which in (found.perfect, found.good & ~found.perfect))
    return or_zero(ratio(np.maximum(perfect - nearly, 0.0), perfect))


def rings(pairs: Capped, found: Dissent) -> tuple[Ints, Ints]:
    """Number of each reporter's circle, and its size where it is a ring, else 0; both [reporters]."""
    dissents = found.bad | found.good
    column = 2 * pairs.provider + found.good
    number = circles(pairs.reporter[dissents], column[dissents], pairs.reporters, 2 * pairs.providers)
    speaking = int((pairs.by_reporter(pairs.spoken) > 0).sum())
    size: Ints = np.bincount(number, minlength=1)[number].astype(np.int64)
    return number, np.where(size >= max(RING_LEAST, RING_SHARE * speaking), size, 0)


def targeted(pairs: Capped, found: Dissent, voice: Floats, members: Bools) -> Bools:
    """Which pairs are a ring's at one of its targets, [K]; ``members`` says which pairs are the ring's."""
    sure = voice * pairs.spoken / (pairs.spoken + SPARSE)
    ours, others = sure * members, sure * ~members
    own, rest = (pairs.by_provider(each * found.apart) for each in (ours, others))
    mean = ratio(rest, pairs.by_provider(others))
    gap = np.abs(ratio(own, pairs.by_provider(ours)) - mean)
    spread = pairs.by_provider(others * (found.apart - np.nan_to_num(mean)[pairs.provider]) ** 2)
    variance = ratio(spread, pairs.by_provider(others)) + RING_SPREAD**2
    speaking = pairs.by_provider(members.astype(np.float64))
    far = gap > np.maximum(RING_GAP, RING_Z * np.sqrt(variance / np.maximum(speaking, 1)))  # nan is not
    hit: Bools = members & (far & (speaking >= RING_SPEAKS))[pairs.provider]
    return hit
