"""``trustscore attack-cost``: what it takes to move a provider, for each attack and each defence."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from analytics.attacks.cost import MOVE, Cost, attack_costs
from analytics.attacks.market import honest_market
from analytics.attacks.recorded import DAY_S, read_market
from analytics.cli.output import BAD_INPUT, JsonOption, emit_json, refuse, say
from analytics.cli.progress import progress_bar
from analytics.cli.report_file import format_of
from analytics.errors import InvalidRequest
from analytics.replay.errors import BadLine
from analytics.replay.sources import Format
from scoring.outcomes import Outcomes

__all__ = ["attack_cost"]


def attack_cost(
    reports: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Honest reports; left out: a market drawn from --seed.")
    ] = None,
    form: Annotated[
        Format | None, typer.Option("--format", help="How the file is written; left out: told by its name.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the market.")] = 0,
    seeds: Annotated[int, typer.Option(min=1, max=100, help="Draws of attackers to average over.")] = 3,
    move: Annotated[float, typer.Option(min=0.001, max=0.999, help="How far the targets' rates have to move.")] = MOVE,
    as_json: JsonOption = False,
) -> None:
    """Say how many identities, lies and days move a provider, for each attack and each defence."""
    market, slot_s = (honest_market(seed), DAY_S) if reports is None else _recorded(reports, form)
    with progress_bar() as told:
        found = attack_costs(market, slot_s, seeds, move, told)
    if as_json:
        emit_json(json.dumps({"move": move, "costs": [asdict(cost) for cost in found]}, indent=2))
    else:
        _print(found, market, move)


def _recorded(path: Path, form: Format | None) -> tuple[Outcomes, float]:
    known = format_of(path, form, "--reports")
    try:
        read = read_market(path, known)
    except (BadLine, InvalidRequest) as fault:
        refuse(str(fault), BAD_INPUT)
    return read.outcomes, read.slot_s


def _print(found: list[Cost], market: Outcomes, move: float) -> None:
    say(
        Text(
            f"To move a provider by {move:g}, among {market.reporters:,} honest reporters of "
            f"{market.providers:,} providers:"
        )
    )
    table = Table(box=None, pad_edge=False)
    for name in ("attack", "defence", "identities", "lies a target", "days"):
        table.add_column(name, justify="left" if name in ("attack", "defence") else "right")
    for cost in found:
        if cost.identities is None:
            table.add_row(cost.attack, cost.defence, f"more than {cost.most:,}", "", f"moved {cost.moved:.3f}")
        else:
            figures = (f"{cost.identities:,}", f"{cost.lies_per_target:,.0f}", f"{cost.days:.3g}")
            table.add_row(cost.attack, cost.defence, *figures)
    say(table)
