"""``trustscore backtest``: how well the score predicts the next call, on a file of reports."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from analytics.backtest import Backtest, replayed, write_rows
from analytics.backtest import backtest as backtest_of
from analytics.cli.output import BAD_INPUT, JsonOption, emit_json, note, refuse, say
from analytics.cli.report_file import format_of
from analytics.replay.errors import BadLine
from analytics.replay.sources import Format

__all__ = ["backtest"]

WIDTH = 40
"""Columns of the reliability diagram."""


def backtest(
    reports: Annotated[Path, typer.Argument(metavar="REPORTS", help="A file of reports, .gz or not.")],
    form: Annotated[
        Format | None, typer.Option("--format", help="How it is written; left out: told by its name.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write one CSV row for each prediction here.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Replay reports in event-time order, predict each before it is known, and say how good that was."""
    known = format_of(reports, form, "REPORTS")
    if out is not None and not out.parent.is_dir():
        refuse(f"--out must lie in a directory that exists; got {out}; make {out.parent} first", BAD_INPUT)
    try:
        given = replayed(reports, known)
    except BadLine as fault:
        refuse(str(fault), BAD_INPUT)
    done, said = backtest_of(given)
    if out is not None:
        write_rows(out, given, said)
        note(f"{done.reports:,} predictions written to {out}")
    if as_json:
        emit_json(json.dumps(_plain(asdict(done)), indent=2))
    else:
        _print(done)


def _plain(value: Any) -> Any:
    """The same for JSON: nan becomes null."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        items = value._asdict() if hasattr(value, "_asdict") else None
        return _plain(items) if items is not None else [_plain(item) for item in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def _print(done: Backtest) -> None:
    say(
        Text(
            f"{done.reports:,} reports of {done.providers:,} providers by {done.reporters:,} reporters, "
            f"{done.success_rate:.2%} successful"
        )
    )
    table = Table(box=None, pad_edge=False)
    for name in ("", "Brier", "log loss", "calibration error", "routing regret"):
        table.add_column(name, justify="right" if name else "left")
    for name, measured in done.measured.items():
        table.add_row(
            name.replace("_", " "), f"{measured.brier:.4f}", f"{measured.log_loss:.4f}",
            f"{measured.calibration_error:.4f}", f"{measured.routing_regret:.5f}",
        )  # fmt: skip
    say(table)
    say(Text(f"routing: {done.decisions:,} choices of one provider in five; latency within its 90 % interval: "
             f"{done.latency_coverage:.1%}"))  # fmt: skip
    say(Text(f"success rate of a provider's next calls within its 90 % interval: {done.rate_coverage:.1%} of "
             f"{done.rate_stretches:,} stretches, {done.rate_width:.3f} wide on average"))  # fmt: skip
    say(_diagram(done))


def _diagram(done: Backtest) -> Table:
    """Of the predictions for the caller: a bar to the observed rate, a mark where it was predicted."""
    table = Table(box=None, pad_edge=False)
    for name in ("predicted", "observed", "reports"):
        table.add_column(name, justify="right")
    table.add_column("observed (█), predicted (|)")
    for each in done.reliability:
        if each.reports:
            bar = list(("█" * round(each.observed * WIDTH)).ljust(WIDTH + 1))
            bar[min(round(each.predicted * WIDTH), WIDTH)] = "|"
            table.add_row(f"{each.predicted:.3f}", f"{each.observed:.3f}", f"{each.reports:,}", "".join(bar))
    return table
