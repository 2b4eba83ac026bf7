"""``trustscore weights fit``: weights of the dimensions learned from outcomes, and whether they would be better."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from analytics.cli.output import BAD_INPUT, JsonOption, emit_json, note, refuse, say
from analytics.cli.report_file import format_of
from analytics.replay.errors import BadLine
from analytics.replay.sources import Format
from analytics.weights import Learnable, learnable
from scoring.tables import DIMENSIONS
from scoring.weight_fit import PULL, Gain, NothingToLearn, gain
from scoring.weights import DEFAULT

__all__ = ["app"]

app = typer.Typer(help="Learn how much each dimension should count.", no_args_is_help=True)


@app.callback()
def weights() -> None:
    """Learn how much each dimension should count."""


@app.command()
def fit(
    reports: Annotated[Path, typer.Argument(metavar="REPORTS", help="A file of reports, .gz or not.")],
    form: Annotated[
        Format | None, typer.Option("--format", help="How it is written; left out: told by its name.")
    ] = None,
    latency_target: Annotated[
        float, typer.Option("--latency-target-ms", min=1, help="A call goes well when it succeeds within this.")
    ] = 1_000.0,
    pull: Annotated[float, typer.Option(min=0, help="Calls that the weights in use count as.")] = PULL,
    moments: Annotated[int, typer.Option(min=4, max=10_000, help="Moments at which scores are taken.")] = 100,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Write the learned weights here, as JSON.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Learn weights of the dimensions from what came next, and say what they would gain on later calls.

    Nothing is changed: the weights in use stay until somebody adopts others.
    """
    known = format_of(reports, form, "REPORTS")
    if out is not None and not out.parent.is_dir():
        refuse(f"--out must lie in a directory that exists; got {out}; make {out.parent} first", BAD_INPUT)
    try:
        given = learnable(reports, known, latency_target, moments)
        found = gain(given.samples, DEFAULT, pull)
    except (BadLine, NothingToLearn) as fault:
        refuse(str(fault), BAD_INPUT)
    learned = {name: round(value, 4) for name, value in asdict(found.learned).items()}
    if out is not None:
        out.write_text(json.dumps(learned, indent=2) + "\n", encoding="utf-8")
        note(f"learned weights written to {out}")
    if as_json:
        facts = {**asdict(found), "learned": learned, "in_use": asdict(DEFAULT), "is_gain": found.is_one}
        facts |= {"before": found.before._asdict(), "after": found.after._asdict()}
        facts["evidence"] = dict(zip(DIMENSIONS, found.evidence, strict=True))
        emit_json(json.dumps(facts, indent=2))
    else:
        _print(given, found)


def _print(given: Learnable, found: Gain) -> None:
    say(
        Text(
            f"{given.reports:,} reports of {given.providers:,} providers, {given.good_rate:.2%} went well; learned "
            f"from {found.learned_from:,} calls, measured on {found.measured_on:,} later ones"
        )
    )
    table = Table(box=None, pad_edge=False)
    for name in ("dimension", "in use", "learned", "evidence"):
        table.add_column(name, justify="left" if name == "dimension" else "right")
    for name, share in zip(DIMENSIONS, found.evidence, strict=True):
        table.add_row(
            name, f"{getattr(DEFAULT, name):.3f}", f"{getattr(found.learned, name):.3f}", f"{share:.0%} of calls"
        )
    say(table)
    say(
        Text(
            f"Brier {found.before.brier:.4f} with the weights in use, {found.after.brier:.4f} with the learned ones; "
            f"log loss {found.before.log_loss:.4f} and {found.after.log_loss:.4f}"
        )
    )
    gained = f"{found.brier_gain:+.5f} ± {found.standard_error:.5f}"
    verdict = (
        f"The gain is more than chance ({gained}, one standard error): worth adopting where the calls are like these."
        if found.is_one
        else f"No gain beyond chance ({gained}, one standard error): keep the weights in use."
    )
    say(Text(verdict, "bold"))
