"""Ways to lie about providers, laid over the reports of honest reporters. Same seed, same lies."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NamedTuple

import numpy as np

from scoring.arrays import Bools, Floats, Ints, ratio
from scoring.outcomes import Outcomes

__all__ = ["PLANS", "STEALTHY", "Attack", "Attacked", "Plan", "attacked", "newcomers_for", "quarters"]

STEALTHY: Final = (0.1, 0.3)
"""Part of its reports on a target in which a stealthy attacker lies: drawn for each from this range."""
PERIOD: Final = 8
"""Slots that an on-off attacker lies, and then tells the truth."""
LIVES: Final = 8
"""Generations of identities within the window of a whitewashing attacker."""


class Attack(StrEnum):
    """What attackers do."""

    PROMOTION = "promotion"
    """Praise one provider of the worst quarter."""
    BAD_MOUTHING = "bad-mouthing"
    """Slander one of the best quarter."""
    PROMOTIONS = "promotions"
    """Praise five."""
    BAD_MOUTHINGS = "bad-mouthings"
    """Slander five."""
    SYBIL_FLOOD = "sybil-flood"
    """New identities praise five and slander five in the last third of the time."""
    SLOW_POISONING = "slow-poisoning"
    """Known reporters lie ever more often, from never to always, about five and five."""
    ON_OFF = "on-off"
    """They lie in eight slots and tell the truth in the next eight."""
    WHITEWASHING = "whitewashing"
    """As a flood, all the time, with fresh identities after each eighth of it."""
    RING = "ring"
    """Known reporters praise ten and slander ten, and are honest elsewhere."""
    SILENT_RING = "silent-ring"
    """The same, and they report nothing else."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How an attack is laid out."""

    promoted: int
    slandered: int
    new: bool = False
    """Whether attackers are identities beside the reporters, not some of them."""
    silent: bool = False
    """Whether they report nothing but their targets."""
    reports: int = 5
    """Lies a slot about each target."""


PLANS: Final = {
    Attack.PROMOTION: Plan(1, 0),
    Attack.BAD_MOUTHING: Plan(0, 1),
    Attack.PROMOTIONS: Plan(5, 0),
    Attack.BAD_MOUTHINGS: Plan(0, 5),
    Attack.SYBIL_FLOOD: Plan(5, 5, new=True),
    Attack.SLOW_POISONING: Plan(5, 5),
    Attack.ON_OFF: Plan(5, 5, reports=3),
    Attack.WHITEWASHING: Plan(5, 5, new=True),
    Attack.RING: Plan(10, 10),
    Attack.SILENT_RING: Plan(10, 10, silent=True),
}


class Attacked(NamedTuple):
    """A market with its attackers."""

    outcomes: Outcomes
    attackers: Ints
    """Rows of the reporters that lie, ascending."""
    promoted: Ints
    """Rows of the providers that they praise."""
    slandered: Ints
    lies: int
    """Reports that are lies."""

    @property
    def targets(self) -> Ints:
        """Rows of all providers that they lie about."""
        return np.concatenate([self.promoted, self.slandered])

    def move(self, clean: Floats, rates: Floats) -> float:
        """Mean absolute move of the targets, from their clean rates to those with the lies."""
        return float(np.abs(rates - clean)[self.targets].mean())


def newcomers_for(share: float, reporters: int) -> int:
    """How many identities must be added to be that share of all.

    >>> newcomers_for(0.2, 80)
    20
    """
    return round(share * reporters / (1 - share))


def attacked(
    market: Outcomes,
    attack: Attack,
    identities: int,
    seed: int,
    lying: tuple[float, float] | None = None,
    *,
    pools: tuple[Ints, Ints] | None = None,
    since: int = 0,
) -> Attacked:
    """The market's reports with those of attackers in it.

    Parameters
    ----------
    market
        Reports of honest reporters.
    attack
        What is done.
    identities
        How many attack; at most as many as report, unless they are new.
    seed
        >= 0; decides who, whom and when.
    lying
        None: always, several reports a slot. Else the range from which each attacker draws the part of its reports that
        are lies; one report a slot, the others honest (newcomers copy those of some reporter).
    pools
        Rows of the providers that those praised and those slandered are drawn from; None: the worst and the best
        quarter by plain success rate.
    since
        First slot with lies.
    """
    plan = PLANS[attack]
    draw = np.random.default_rng([seed, list(Attack).index(attack)])
    worst, best = quarters(market) if pools is None else pools
    promoted = draw.choice(worst, min(plan.promoted, len(worst)), replace=False)
    slandered = draw.choice(best, min(plan.slandered, len(best)), replace=False)
    targets = np.concatenate([promoted, slandered])
    if plan.new:
        who = np.arange(market.reporters, market.reporters + identities)
    else:
        who = np.sort(draw.permutation(market.reporters)[:identities])
    active = _activity(attack, identities, market.slots) * (np.arange(market.slots) >= since)
    chance = active if lying is None else active * draw.uniform(*lying, (identities, 1))
    lies = draw.random((identities, len(targets), market.slots)) < chance[:, None, :]
    reporters = market.reporters + (identities if plan.new else 0)
    kept = _honest(market, who, targets, lies, reporters, plan.silent)
    each = plan.reports if lying is None else 1
    liar, target, slot = (np.repeat(rows, each) for rows in np.nonzero(lies))
    told = [(who[liar], targets[target], slot, (target < len(promoted)).astype(np.float64))]
    if plan.new and lying is not None:
        told.append(_cover(market, who, targets, ~lies & (active > 0)[:, None, :], draw))
    columns = [np.concatenate(parts) for parts in zip(kept, *told, strict=True)]
    outcomes = Outcomes(columns[0], columns[1], columns[2], columns[3], reporters, market.providers, market.slots)
    return Attacked(outcomes, who, promoted, slandered, len(liar))


_Columns = tuple[Ints, Ints, Ints, Floats]


def quarters(market: Outcomes) -> tuple[Ints, Ints]:
    """Rows of the worst and of the best quarter of the providers with reports, by plain success rate."""
    count = np.bincount(market.provider, minlength=market.providers)
    order = np.argsort(ratio(np.bincount(market.provider, market.success, market.providers), count), kind="stable")
    known = order[: int((count > 0).sum())]  # those without reports sort last
    quarter = max(len(known) // 4, 1)
    return known[:quarter], known[len(known) - quarter :]


def _activity(attack: Attack, identities: int, slots: int) -> Floats:
    """Chance that each attacker lies in each slot, [identities, slots]."""
    slot = np.arange(slots)
    line: Floats
    match attack:
        case Attack.SYBIL_FLOOD:
            line = np.where(slot >= 2 * slots // 3, 1.0, 0.0)
        case Attack.SLOW_POISONING:
            line = slot / max(slots - 1, 1)
        case Attack.ON_OFF:
            line = np.where((slot // PERIOD) % 2 == 0, 1.0, 0.0)
        case Attack.WHITEWASHING:
            life = np.arange(identities)[:, None] % LIVES
            return np.where(slot * LIVES // max(slots, 1) == life, 1.0, 0.0)
        case _:
            line = np.ones(slots)
    return np.tile(line, (identities, 1))


def _honest(market: Outcomes, who: Ints, targets: Ints, lies: Bools, reporters: int, silent: bool) -> _Columns:
    """Reports that stay: those not replaced by a lie, and of silent attackers none."""
    liar, target = np.full(reporters, -1), np.full(market.providers, -1)
    liar[who], target[targets] = np.arange(len(who)), np.arange(len(targets))
    his, its = liar[market.reporter], target[market.provider]
    gone = (his >= 0) & (its >= 0)
    gone[gone] = lies[his[gone], its[gone], market.slot[gone]]
    if silent:
        gone |= his >= 0
    return market.reporter[~gone], market.provider[~gone], market.slot[~gone], market.success[~gone]


def _cover(market: Outcomes, who: Ints, targets: Ints, free: Bools, draw: np.random.Generator) -> _Columns:
    """Honest reports on the targets that newcomers copy, each from one reporter, where they do not lie."""
    model = draw.integers(0, market.reporters, len(who))
    target = np.full(market.providers, -1)
    target[targets] = np.arange(len(targets))
    parts: list[_Columns] = []
    for row, (newcomer, source) in enumerate(zip(who.tolist(), model.tolist(), strict=True)):
        its = np.flatnonzero((market.reporter == source) & (target[market.provider] >= 0))
        its = its[free[row, target[market.provider[its]], market.slot[its]]]
        parts.append((np.full(len(its), newcomer), market.provider[its], market.slot[its], market.success[its]))
    empty = np.zeros(0, dtype=np.int64)
    parts.append((empty, empty, empty, np.zeros(0)))
    reporter, provider, slot, success = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return reporter, provider, slot, success
