"""Success rates of providers that liars move little, and what each reporter's evidence is worth.

Where nobody lies they are the plain capped rates, nearly to the bit: evidence is touched only at a provider that many
contradict the same way, or whose contradictors move together at several providers.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from scoring.arrays import Floats, Ints, ratio
from scoring.credibility import ANCHOR_WEIGHT, ANCHORS_HALF, Anchors
from scoring.doubt import contested, dissent, expected, rings, targeted
from scoring.outcomes import Capped, InvalidOutcomes, Outcomes, capped

__all__ = ["RobustRates", "anchor_trust", "robust_rates"]

ROUNDS: Final = 3


@dataclass(frozen=True, slots=True)
class RobustRates:
    """Of P providers and U reporters."""

    rate: Floats
    """Success rate of each provider, [P]; nan for one nobody reported."""
    capped: Floats
    """The same with every voice believed alike, [P]."""
    doubted: Floats
    """Share of each provider's evidence that others' evidence stands in for, [P]; nan as above."""
    weight: Floats
    """Of each reporter, from 0, [U]: 1 when nothing of it is doubted; the believed share of its evidence, divided among
    the members of its ring, times what its anchors give; nan for one without reports."""
    ring: Ints
    """Size of the ring each reporter is in, [U]; 0: in none."""
    believed: Floats = field(repr=False)
    """Share of each pair's evidence that counts, [K], by ``pairs``."""
    pairs: Capped = field(repr=False)


def robust_rates(outcomes: Outcomes, anchors: Anchors | None = None) -> RobustRates:
    """Success rate of each provider from capped, cross-examined evidence.

    Parameters
    ----------
    outcomes
        One window of reports. A stream calls this for each window anew; nothing is carried over.
    anchors
        Weighted counts of each reporter's checked reports; None: nothing was checked.

    Raises
    ------
    InvalidOutcomes
        When the anchors are not one number from 0 per reporter.

    Notes
    -----
    **Cap.** y_upt: share of successes among the reports of reporter u about provider p in slot t: one voice, however
    many reports. **Expected.** m_pt: mean of y over the believed voices of p in t, so an outage that all see is
    nobody's dissent. **Apart.** r_up = mean over u's n slots of y − m; D_up = r_up − median of p. **Bad dissent**:
    ``D < −max(.08, 5 s, 2 √(n f + 1) / n)``, f the failure share of p, s² = (1.4826 MAD of D)² − f (1 − f) / n: more
    than reporters of p differ by nature and by chance; the MAD is of all voices, believed or not. **Good dissent**:
    D > .08 and failures at most n f / 10, n f at least 4. The two are not alike: a path that works better than the
    usual is common, so good evidence is doubted only where it is perfect, many failures were due, and perfection is a
    heap; one that fails more is rare where all others succeed. **Contested.** Where a share o of p's reporters dissents
    one way, doubt in these pairs is ``min(1, max(0, (o − .13) / .06)) · min(1, max(0, (.5 − o) / .1))``. Of good
    dissents only those without a failure count here, each as the share ``max(0, 1 − b / a)``, a how many these are, b
    how many dissent upwards with a failure: better paths differ, lies do not. **Rings.** Reporters that share three
    dissents, half of all that either has, are linked; components of 5 and of 5 % of all reporters are rings. Its
    targets are the providers where its mean D is .05 and four standard errors off the others'; there none of its voices
    counts, elsewhere all do. Three rounds, medians and means from believed voices. **Rate.** Mean over p's voices of y
    where believed and m_pt where not: what the others saw at that time stands in for what is doubted, so leaving it out
    shifts nothing. **Anchors** multiply a voice (``anchor_trust``), and shield it from doubt as far as they agreed.

    Median and MAD: Huber, Robust Statistics, 1981. Groups that move together: Mukherjee, Liu, Glance, Spotting Fake
    Reviewer Groups in Consumer Reviews, WWW 2012. What it gives and where it breaks: ``docs/methods.md``.

    Examples
    --------
    >>> reporter, provider, slot = (axis.ravel() for axis in np.indices((20, 3, 10)))
    >>> lies = (reporter < 4) & (provider == 0)
    >>> found = robust_rates(Outcomes(reporter, provider, slot, np.where(lies, 0.0, 1.0), 20, 3, 10))
    >>> found.capped.round(2).tolist(), found.rate.round(2).tolist()
    ([0.8, 1.0, 1.0], [1.0, 1.0, 1.0])
    """
    pairs = capped(outcomes)
    trust, shield = anchor_trust(anchors, outcomes.reporters)
    voice = trust[pairs.reporter]
    believed = np.ones(len(voice))
    size = np.zeros(outcomes.reporters, dtype=np.int64)
    for _ in range(ROUNDS):
        found = dissent(pairs, voice * believed)
        doubt = contested(pairs, found, voice)
        number, size = rings(pairs, found)
        for ring in np.unique(number[size > 0]):
            doubt[targeted(pairs, found, voice, (number == ring)[pairs.reporter])] = 1.0
        believed = 1 - doubt * (1 - shield[pairs.reporter])
    each, kept = voice[pairs.pair], (voice * believed)[pairs.pair]
    said = kept * pairs.value + (each - kept) * expected(pairs, voice * believed)
    worth = ratio(pairs.by_reporter(pairs.spoken * believed), pairs.by_reporter(pairs.spoken))
    whole = pairs.by_provider(voice * pairs.spoken)
    return RobustRates(
        rate=ratio(pairs.by_provider(pairs.by_pair(said)), whole),
        capped=ratio(pairs.by_provider(pairs.by_pair(pairs.value)), pairs.by_provider(pairs.spoken)),
        doubted=ratio(pairs.by_provider(pairs.by_pair(each - kept)), whole),
        weight=trust * worth / np.maximum(size, 1),
        ring=size,
        believed=believed,
        pairs=pairs,
    )


def anchor_trust(anchors: Anchors | None, reporters: int) -> tuple[Floats, Floats]:
    """What anchors multiply each reporter's voice by, and how far they shield it from doubt, 0..1, both [U].

    n anchors give ``a = (agreed + 1) / (n + 2)`` and the share ``λ = n / (n + 5)``: ``1 − λ + 20 λ max(0, 2a − 1)``,
    and the shield ``λ max(0, 2a − 1)``. So anchored truth counts up to twentyfold, and anchored lies not at all.

    >>> trust, shield = anchor_trust(Anchors(np.array([0.0, 95.0, 0.0]), np.array([0.0, 0.0, 95.0])), 3)
    >>> trust.round(2).tolist(), shield.round(2).tolist()
    ([1.0, 18.66, 0.05], [0.0, 0.93, 0.0])
    """
    if anchors is None:
        return np.ones(reporters), np.zeros(reporters)
    for name, counts in (("agreed", anchors.agreed), ("contradicted", anchors.contradicted)):
        if counts.shape != (reporters,) or not np.all((counts >= 0) & np.isfinite(counts)):
            raise InvalidOutcomes(f"anchors {name}", f"{reporters} counts from 0", repr(counts))
    checked = anchors.agreed + anchors.contradicted
    share, right = checked / (checked + ANCHORS_HALF), (anchors.agreed + 1) / (checked + 2)
    sure = share * np.maximum(0.0, 2 * right - 1)
    return 1 - share + ANCHOR_WEIGHT * sure, sure
