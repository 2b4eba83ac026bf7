"""How far seeded attacks move rates and ranking, beside simple defences.

``python -m benchmarks attacks FILE`` lays them over a WS-DREAM response time file; without one, over a seeded market.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from scipy.stats import kendalltau

from analytics.attacks.defences import DEFENCES
from analytics.attacks.kinds import PLANS, STEALTHY, Attack, Attacked, attacked, newcomers_for
from analytics.attacks.market import honest_market
from analytics.attacks.recorded import read_market
from analytics.replay.sources import Format
from benchmarks.harness import Program, Row, execute, must_be_file, say
from scoring.arrays import Floats
from scoring.outcomes import Outcomes
from scoring.robust import robust_rates

__all__ = ["DEFENCES", "PROGRAM", "Trial", "material", "rows_of", "try_attack"]

SEEDS: Final = 3
SHARES: Final = (0.1, 0.2, 0.3)
JUDGED: Final = 0.2
"""Share of attackers for which targets are set."""
APART: Final = 0.01
"""Difference of clean rates from which the order of two providers is material."""
SINGLE: Final = (Attack.PROMOTION, Attack.BAD_MOUTHING)


class Trial(NamedTuple):
    """What an attack did to a defence's rates, mean over seeds."""

    own: float
    """Kendall's tau with the defence's own rates of the clean market."""
    raw: float
    """Kendall's tau with the plain capped rates of the clean market."""
    material: float
    """Share of pairs in the order they have clean, of those more than .01 apart."""
    shift: float
    """Mean absolute move of the targets."""
    least_own: float
    """The worst seed's ``own``."""


def options(parser: argparse.ArgumentParser) -> None:
    """What can be asked of it."""
    parser.add_argument("file", nargs="?", type=Path, help="user,service,t00,t01,…: seconds")
    parser.add_argument("--seeds", type=int, default=SEEDS)


def run(given: argparse.Namespace) -> Iterator[Row]:
    """Rows of a file, or of the seeded market under names of their own."""
    if given.file is None:
        say("attacks: no file given, so over a market drawn from a seed")
        yield from rows_of(honest_market(0), "attack-market", given.seeds)
        return
    must_be_file("FILE", given.file)
    yield from rows_of(read_market(given.file, Format.WSDREAM).outcomes, "attack", given.seeds)


def rows_of(
    market: Outcomes, name: str, seeds: int = SEEDS, attacks: tuple[Attack, ...] = tuple(Attack)
) -> Iterator[Row]:
    """Clean figures, the worst attack for every defence, then every attack and share for the robust rates."""
    facts = {
        "reports": len(market.success),
        "reporters": market.reporters,
        "providers": market.providers,
        "seeds": seeds,
    }
    clean, plain = robust_rates(market).rate, DEFENCES["capped"](market)
    yield Row(f"truth/{name}-clean-tau", tau(plain, clean), "tau", target=0.97, facts=facts)
    cost = _brier_cost(market)
    yield Row(f"truth/{name}-clean-brier-cost", cost, "Brier", target=0.0005, lower_is_better=True, facts=facts)
    for defence, rates in DEFENCES.items():
        found = {attack: try_attack(market, attack, JUDGED, seeds, rates) for attack in attacks}
        yield from _worst(f"truth/{name}-{defence}", found, judged=defence == "robust")
        if defence == "robust":
            yield from _each(f"truth/{name}", found, JUDGED)
    for share in SHARES:
        if share != JUDGED:
            found = {attack: try_attack(market, attack, share, seeds) for attack in attacks}
            yield from _each(f"truth/{name}", found, share)
    for defence in ("capped", "robust"):
        found = {attack: try_attack(market, attack, JUDGED, seeds, DEFENCES[defence], STEALTHY) for attack in attacks}
        yield from _stealthy(f"truth/{name}-{defence}", found, judged=defence == "robust")


def try_attack(
    market: Outcomes,
    attack: Attack,
    share: float,
    seeds: int,
    rates: Callable[[Outcomes], Floats] | None = None,
    lying: tuple[float, float] | None = None,
) -> Trial:
    """One attack by that share of all identities, mean over seeds; the robust rates unless told otherwise."""
    defend = DEFENCES["robust"] if rates is None else rates
    own, plain = defend(market), DEFENCES["capped"](market)
    found = np.array([_figures(own, plain, defend, _laid(market, attack, share, seed, lying)) for seed in range(seeds)])
    own_tau, raw_tau, ordered, shift = found.mean(axis=0).tolist()
    return Trial(own_tau, raw_tau, ordered, shift, float(found[:, 0].min()))


def tau(one: Floats, other: Floats) -> float:
    """Kendall's tau-b of two rankings."""
    return float(kendalltau(one, other).statistic)


def material(clean: Floats, rates: Floats) -> float:
    """Share of the pairs more than .01 apart in ``clean`` that ``rates`` puts into the same order."""
    one, other = np.triu_indices(len(clean), 1)
    was, now = clean[one] - clean[other], rates[one] - rates[other]
    apart = np.abs(was) > APART
    return float(np.mean((np.sign(was) == np.sign(now))[apart]))


def _laid(market: Outcomes, attack: Attack, share: float, seed: int, lying: tuple[float, float] | None) -> Attacked:
    reporters = market.reporters
    identities = newcomers_for(share, reporters) if PLANS[attack].new else round(share * reporters)
    return attacked(market, attack, identities, seed, lying)


def _figures(
    own: Floats, plain: Floats, defend: Callable[[Outcomes], Floats], lies: Attacked
) -> tuple[float, float, float, float]:
    rates = defend(lies.outcomes)
    return tau(own, rates), tau(plain, rates), material(own, rates), lies.move(own, rates)


def _brier_cost(market: Outcomes) -> float:
    """Mean squared error of the first half's robust rates against the second half's reports, less the capped rates'."""
    early = market.slot < market.slots // 2
    half = Outcomes(
        market.reporter[early], market.provider[early], market.slot[early], market.success[early],
        market.reporters, market.providers, market.slots,
    )  # fmt: skip
    found = robust_rates(half)
    whom, said = market.provider[~early], market.success[~early]
    known = np.isfinite(found.rate)[whom]
    errors = [np.mean((said - rates[whom])[known] ** 2) for rates in (found.rate, found.capped)]
    return float(errors[0] - errors[1])


def _worst(name: str, found: Mapping[Attack, Trial], judged: bool) -> Iterator[Row]:
    """The worst attack in every respect."""
    for what, goal in (("own", 0.9), ("raw", 0.85), ("material", 0.98)):
        attack = min(found, key=lambda each: getattr(found[each], what))
        value = float(getattr(found[attack], what))
        yield Row(f"{name}-worst-{what}", value, "tau" if what != "material" else "pairs",
                  target=goal if judged else None, facts={"attack": attack})  # fmt: skip
    for what, goal in (("single", 0.05), ("multi", 0.02)):
        some = [attack for attack in found if (attack in SINGLE) == (what == "single")]
        if some:
            attack = max(some, key=lambda each: found[each].shift)
            yield Row(f"{name}-worst-shift-{what}", found[attack].shift, "rate", lower_is_better=True,
                      target=goal if judged else None, facts={"attack": attack})  # fmt: skip


def _stealthy(name: str, found: Mapping[Attack, Trial], judged: bool) -> Iterator[Row]:
    for what in ("own", "raw"):
        attack = min(found, key=lambda each: getattr(found[each], what))
        value = float(getattr(found[attack], what))
        yield Row(f"{name}-stealthy-worst-{what}", value, "tau", target=0.85 if judged else None,
                  facts={"attack": attack})  # fmt: skip


def _each(name: str, found: Mapping[Attack, Trial], share: float) -> Iterator[Row]:
    for attack, trial in found.items():
        rest = {what: round(value, 4) for what, value in trial._asdict().items() if what != "own"}
        yield Row(f"{name}-{attack}-{share * 100:.0f}", trial.own, "tau", facts=rest)


PROGRAM: Final = Program("attacks", __doc__ or "", options, run)

if __name__ == "__main__":
    sys.exit(execute(PROGRAM))
