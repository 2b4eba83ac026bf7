"""What lies cost on the market of seed 0. The bounds guard the price: a weaker defence falls below them."""

import numpy as np
import pytest

from analytics.attacks.cost import attack_costs, cheapest
from analytics.attacks.defences import DEFENCES
from analytics.attacks.kinds import Attack, attacked
from analytics.attacks.market import honest_market
from analytics.attacks.recorded import DAY_S

MARKET = honest_market(0)
LEAST = {
    Attack.BAD_MOUTHINGS: 20,
    Attack.SYBIL_FLOOD: 40,
    Attack.ON_OFF: 20,
    Attack.RING: 20,
    Attack.SILENT_RING: 20,
}
"""Identities that an attack on the robust rates needs at least, of 80 honest ones."""


@pytest.mark.parametrize("attack", LEAST)
def test_moving_several_providers_takes_a_quarter_of_all_or_more(attack: Attack) -> None:
    robust, plain = (cheapest(MARKET, DAY_S, attack, defence, 1) for defence in ("robust", "unweighted"))
    assert robust.identities is None or robust.identities >= LEAST[attack]
    assert plain.identities is not None
    assert plain.identities <= 8


def test_fresh_identities_do_not_pay() -> None:
    cost = cheapest(MARKET, DAY_S, Attack.WHITEWASHING, "robust", 1)
    assert (cost.identities, cost.lies_per_target, cost.days) == (None, None, None)
    assert cost.most == MARKET.reporters
    assert cost.moved < 0.02


def test_a_cost_is_the_least_that_moves_the_targets_so_far() -> None:
    cost = cheapest(MARKET, DAY_S, Attack.BAD_MOUTHINGS, "capped", 1)
    assert cost.identities is not None
    assert cost.days is not None
    rates = DEFENCES["capped"]

    def moved(identities: int, since: int = 0) -> float:
        lies = attacked(MARKET, Attack.BAD_MOUTHINGS, identities, 0, since=since)
        return float(np.abs(rates(lies.outcomes) - rates(MARKET))[lies.slandered].mean())

    assert moved(cost.identities) >= 0.1 > moved(cost.identities - 1)
    assert moved(cost.identities, MARKET.slots - round(cost.days)) >= 0.1
    assert cost.lies_per_target == cost.identities * 5 * MARKET.slots


def test_every_attack_is_priced_for_every_defence_compared() -> None:
    small = honest_market(1, reporters=12, providers=8)
    told: list[tuple[str, int, int]] = []
    found = attack_costs(small, DAY_S, seeds=1, progress=lambda *step: told.append(step))
    assert [(cost.attack, cost.defence) for cost in found] == [
        (attack, defence) for attack in Attack for defence in ("unweighted", "capped", "robust")
    ]
    assert told[-1][1:] == (len(found), len(found))
