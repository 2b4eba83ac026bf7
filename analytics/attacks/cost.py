"""What it costs to move a provider's rate: identities, lies and days, for each attack on each defence."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from analytics.attacks.defences import DEFENCES
from analytics.attacks.kinds import PLANS, Attack, attacked
from analytics.attacks.recorded import DAY_S
from analytics.progress import Progress, silent
from scoring.outcomes import Outcomes

__all__ = ["COMPARED", "MOVE", "Cost", "attack_costs", "cheapest"]

MOVE: Final = 0.1
"""Mean move of the targets' rates that counts as a success."""
COMPARED: Final = ("unweighted", "capped", "robust")
"""Defences that are compared."""
MOST: Final = 0.5
"""Largest share of all identities that attacks: beyond it the lies are the majority."""
TRIED: Final = 40
"""Numbers of identities that are tried."""
SPANS: Final = 15
"""Spans of days that are tried."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The least with which an attack moves its targets, mean over seeds. None: not even half of all identities do."""

    attack: Attack
    defence: str
    identities: int | None
    """That lie from the first day on."""
    lies_per_target: float | None
    days: float | None
    """So many identities need, when they begin as late as they can."""
    most: int
    """Identities that were tried at most."""
    moved: float
    """How far so many, or at most ``most``, move a target."""


def attack_costs(
    market: Outcomes, slot_s: float, seeds: int = 3, move: float = MOVE, progress: Progress = silent
) -> list[Cost]:
    """Costs of every attack, always lying, on every defence that is compared.

    Parameters
    ----------
    market
        Reports of honest reporters.
    slot_s
        Seconds of a slot.
    seeds
        Draws of attackers and targets that are averaged over.
    move
        In (0, 1): how far a target has to move.
    progress
        Told how far it is.
    """
    pairs = [(attack, defence) for attack in Attack for defence in COMPARED]
    found = []
    for done, (attack, defence) in enumerate(pairs):
        progress("attacks", done, len(pairs))
        found.append(cheapest(market, slot_s, attack, defence, seeds, move))
    progress("attacks", len(pairs), len(pairs))
    return found


def cheapest(market: Outcomes, slot_s: float, attack: Attack, defence: str, seeds: int, move: float = MOVE) -> Cost:
    """The cost of one attack on one defence; arguments as of ``attack_costs``."""
    rates = DEFENCES[defence]
    clean, reporters = rates(market), market.reporters
    most = max(reporters if PLANS[attack].new else int(MOST * reporters), 1)

    def tried(identities: int, since: int = 0) -> tuple[float, float]:
        """How far that moves a target, and the lies about each."""
        made = [attacked(market, attack, identities, seed, since=since) for seed in range(seeds)]
        moved = [lies.move(clean, rates(lies.outcomes)) for lies in made]
        return float(np.mean(moved)), float(np.mean([lies.lies / len(lies.targets) for lies in made]))

    identities, moved, lies = 0, 0.0, 0.0
    for identities in _upwards(most, TRIED):
        moved, lies = tried(identities)
        if moved >= move:
            break
    else:
        return Cost(attack, defence, None, None, None, most, moved)
    shorter = _upwards(market.slots, SPANS)[:-1]
    slots = next((span for span in shorter if tried(identities, market.slots - span)[0] >= move), market.slots)
    return Cost(attack, defence, identities, lies, slots * slot_s / DAY_S, most, moved)


def _upwards(most: int, tried: int) -> list[int]:
    """Up to so many numbers from 1 to ``most``, evenly. In order, because few may do what more would not.

    >>> _upwards(5, 40), _upwards(100, 4)
    ([1, 2, 3, 4, 5], [1, 34, 67, 100])
    """
    return sorted({round(number) for number in np.linspace(1, most, min(tried, most)).tolist()})
