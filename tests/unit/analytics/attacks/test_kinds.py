import numpy as np
import pytest

from analytics.attacks.kinds import LIVES, PLANS, STEALTHY, Attack, attacked, newcomers_for, quarters
from analytics.attacks.market import honest_market
from scoring.outcomes import Outcomes

MARKET = honest_market(0, reporters=20, providers=24)


def rows(market: Outcomes) -> set[tuple[int, int, int, float]]:
    columns = market.reporter, market.provider, market.slot, market.success
    return set(zip(*(column.tolist() for column in columns), strict=True))


@pytest.mark.parametrize("lying", [None, STEALTHY])
@pytest.mark.parametrize("attack", list(Attack))
def test_the_honest_say_what_they_said_and_the_seed_decides_the_rest(
    attack: Attack, lying: tuple[float, float] | None
) -> None:
    one, again, other = (attacked(MARKET, attack, 5, seed, lying) for seed in (1, 1, 2))
    assert rows(one.outcomes) == rows(again.outcomes) != rows(other.outcomes)
    honest = ~np.isin(MARKET.reporter, one.attackers)
    kept = {row for row in rows(MARKET) if row[0] not in set(one.attackers.tolist())}
    assert {row for row in rows(one.outcomes) if row[0] not in set(one.attackers.tolist())} == kept
    assert len(kept) == honest.sum()


@pytest.mark.parametrize("attack", list(Attack))
def test_attackers_lie_about_their_targets_only(attack: Attack) -> None:
    found = attacked(MARKET, attack, 5, 0)
    plan = PLANS[attack]
    worst, best = quarters(MARKET)
    assert len(found.promoted) == min(plan.promoted, len(worst))
    assert len(found.slandered) == min(plan.slandered, len(best))
    assert set(found.promoted) <= set(worst)
    assert set(found.slandered) <= set(best)
    targets = np.concatenate([found.promoted, found.slandered])
    new = rows(found.outcomes) - rows(MARKET)
    assert {who for who, *_ in new} <= set(found.attackers.tolist())
    assert {whom for _, whom, _, _ in new} <= set(targets.tolist())
    assert all(success == (whom in found.promoted) for _, whom, _, success in new)
    elsewhere = ~np.isin(found.outcomes.provider, targets) & np.isin(found.outcomes.reporter, found.attackers)
    assert elsewhere.any() == (not plan.new and not plan.silent)
    assert found.lies % plan.reports == 0 < found.lies


def test_a_stealthy_attacker_lies_in_a_tenth_to_three_tenths_of_its_reports() -> None:
    for attack in (Attack.RING, Attack.BAD_MOUTHINGS):
        found = attacked(MARKET, attack, 5, 0, STEALTHY)
        his = np.isin(found.outcomes.reporter, found.attackers) & np.isin(found.outcomes.provider, found.slandered)
        assert 0.05 < 1 - found.outcomes.success[his].mean() < 0.45


def test_times_of_the_lies() -> None:
    third = 2 * MARKET.slots // 3
    flood = attacked(MARKET, Attack.SYBIL_FLOOD, 5, 0)
    assert flood.outcomes.slot[np.isin(flood.outcomes.reporter, flood.attackers)].min() == third
    white = attacked(MARKET, Attack.WHITEWASHING, 16, 0)
    lives = [set(white.outcomes.slot[white.outcomes.reporter == who].tolist()) for who in white.attackers]
    assert all(len(life) <= -(-MARKET.slots // LIVES) for life in lives)
    assert set.union(*lives) == set(range(MARKET.slots))
    poison = attacked(MARKET, Attack.SLOW_POISONING, 5, 0)
    lies = np.isin(poison.outcomes.reporter, poison.attackers) & np.isin(poison.outcomes.provider, poison.slandered)
    early = poison.outcomes.slot < MARKET.slots // 2
    assert (poison.outcomes.success[lies & early] == 0).sum() < (poison.outcomes.success[lies & ~early] == 0).sum()
    onoff = attacked(MARKET, Attack.ON_OFF, 5, 0)
    slot, said = onoff.outcomes.slot, onoff.outcomes.success
    his = np.isin(onoff.outcomes.reporter, onoff.attackers) & np.isin(onoff.outcomes.provider, onoff.slandered)
    assert said[his & (slot < 8)].max() == 0.0
    assert said[his & (slot >= 8) & (slot < 16)].mean() > 0.8
    late = attacked(MARKET, Attack.BAD_MOUTHING, 5, 0, since=20)
    assert rows(late.outcomes) ^ rows(MARKET) == {
        row for row in rows(late.outcomes) ^ rows(MARKET) if row[2] >= 20 and row[1] in late.slandered
    }


def test_pools_say_whom() -> None:
    found = attacked(MARKET, Attack.RING, 5, 0, pools=(np.array([3, 4]), np.array([7])))
    assert set(found.promoted) == {3, 4}
    assert found.slandered.tolist() == [7]


def test_newcomers_are_that_share_of_all() -> None:
    assert newcomers_for(0.2, 80) / (80 + newcomers_for(0.2, 80)) == 0.2
