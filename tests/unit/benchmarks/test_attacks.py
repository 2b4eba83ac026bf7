"""The guard of the defence: on a market from a seed these bounds fail when it weakens."""

import argparse
from pathlib import Path

import numpy as np
import pytest

from analytics.attacks.kinds import STEALTHY, Attack
from analytics.attacks.market import honest_market
from benchmarks.attacks import DEFENCES, SINGLE, material, rows_of, run, tau, try_attack
from benchmarks.harness import BenchmarkFailed
from scoring.robust import robust_rates

MARKET = honest_market(0)
SMALL = honest_market(1, reporters=40, providers=16)


def test_clean_rates_are_the_plain_ones() -> None:
    for seed in range(3):
        market = honest_market(seed)
        found = robust_rates(market)
        assert tau(found.capped, found.rate) >= 0.99
        assert np.abs(found.rate - found.capped).max() <= 0.01


@pytest.mark.parametrize("attack", list(Attack))
def test_a_fifth_of_liars_moves_little(attack: Attack) -> None:
    found = try_attack(MARKET, attack, 0.2, 2)
    assert found.own >= 0.86, "tau with the own clean ranking"
    assert found.raw >= 0.86, "tau with the raw clean ranking"
    assert found.material >= 0.97, "pairs more than .01 apart"
    assert found.shift <= (0.05 if attack in SINGLE else 0.035)


@pytest.mark.parametrize("attack", [Attack.BAD_MOUTHINGS, Attack.SYBIL_FLOOD, Attack.RING])
def test_capping_alone_does_not_hold_what_is_held_here(attack: Attack) -> None:
    plain, found = (try_attack(MARKET, attack, 0.2, 1, DEFENCES[name]) for name in ("capped", "robust"))
    assert plain.own < found.own - 0.15
    assert plain.shift > 3 * found.shift


@pytest.mark.parametrize("attack", [Attack.RING, Attack.BAD_MOUTHINGS])
def test_stealthy_liars_move_little(attack: Attack) -> None:
    found = try_attack(MARKET, attack, 0.2, 2, lying=STEALTHY)
    assert found.own >= 0.85
    assert found.shift <= 0.03


def test_rows_state_targets_worst_attacks_and_each_attack() -> None:
    rows = {row.name: row for row in rows_of(SMALL, "attack", 1, (Attack.BAD_MOUTHING, Attack.RING))}
    assert rows["truth/attack-robust-worst-own"].target == 0.9
    assert rows["truth/attack-robust-worst-shift-multi"].lower_is_better
    assert rows["truth/attack-capped-worst-own"].target is None
    assert rows["truth/attack-ring-30"].facts.keys() == {"raw", "material", "shift", "least_own"}
    assert rows["truth/attack-robust-stealthy-worst-raw"].target == 0.85
    assert rows["truth/attack-unweighted-worst-own"].value < rows["truth/attack-robust-worst-own"].value


def test_simple_defences_are_what_they_are_called() -> None:
    market = honest_market(0, reporters=5, providers=3)
    keys = set(zip(market.reporter.tolist(), market.provider.tolist(), strict=True))
    rates = {key: market.success[(market.reporter == key[0]) & (market.provider == key[1])].mean() for key in keys}
    for row in range(3):
        each = sorted(rate for (_, whom), rate in rates.items() if whom == row)
        assert DEFENCES["median"](market)[row] == pytest.approx(each[(len(each) - 1) // 2])
        if len(each) == 5:
            assert DEFENCES["trimmed"](market)[row] == pytest.approx(np.mean(each[1:-1]))
        assert DEFENCES["unweighted"](market)[row] == pytest.approx(market.success[market.provider == row].mean())


def test_material_pairs_are_those_apart() -> None:
    assert material(np.array([0.5, 0.505, 0.9]), np.array([0.6, 0.5, 0.55])) == 0.5


def test_a_file_that_is_none_fails() -> None:
    with pytest.raises(BenchmarkFailed, match="FILE must be a file"):
        list(run(argparse.Namespace(file=Path("none.csv"), seeds=1)))
