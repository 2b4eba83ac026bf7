"""``trustscore verify``: recompute panes and scores from the lake's reports and compare."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
import typer
from rich.table import Table
from rich.text import Text

from analytics.cli.lake import LakeOption, lake_directory, said_plainly
from analytics.cli.output import BAD_INPUT, FAILED, JsonOption, emit_json, refuse, say
from analytics.cli.progress import progress_bar
from analytics.lake import Lake
from analytics.verify import TOLERANCE, PaneCheck, ScoreCheck, Verification
from analytics.verify import verify as verify_lake
from scoring.reports import epoch_s

__all__ = ["verify"]


def verify(
    lake: LakeOption = None,
    provider: Annotated[str | None, typer.Option("--provider", metavar="ID", help="Only this provider.")] = None,
    limit_scores: Annotated[
        int | None, typer.Option("--limit-scores", min=0, metavar="N", help="At most so many scores.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Every score emitted since (RFC 3339), not only the newest of each."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Recompute panes and scores from the lake's reports, and compare with what the workers wrote.

    Exit code 0: equal; 1: different, with the first differences named; 2: nothing to verify.
    """
    with said_plainly(), Lake(lake_directory(lake)) as opened:
        with progress_bar() as told:
            done = verify_lake(opened, provider, limit_scores, _moment(since), told)
        if as_json:
            answer = {"equal": done.equal, "lake": opened.path, **msgspec.to_builtins(done, str_keys=True)}
            emit_json(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode())
        else:
            _print(done)
    if not done.equal:
        raise typer.Exit(FAILED)


def _moment(since: str | None) -> float | None:
    if since is None:
        return None
    try:
        return epoch_s(since)
    except ValueError:
        refuse(f"--since must be an RFC 3339 time with zone; got {since!a}; write 2026-01-31T12:00:00Z", BAD_INPUT)


def _print(done: Verification) -> None:
    totals, copies = done.totals, len(done.duplicates)
    table = Table(box=None, pad_edge=False)
    for name in ("", "compared", "different", ""):
        table.add_column(name, justify="right" if name else "left")
    table.add_row("reports", f"{totals.reports:,}", f"{copies:,}", "twice in the lake" if copies else "each once")
    table.add_row("panes", f"{done.panes.compared:,}", f"{done.panes.different:,}", _panes_said(done.panes))
    table.add_row("scores", f"{done.scores.compared:,}", f"{done.scores.different:,}", _scores_said(done.scores))
    say(table)
    _print_left_out(done)
    _print_differences(done)
    say("equal" if done.equal else "different")


def _panes_said(check: PaneCheck) -> str:
    return "" if check.different else "counts, sums and histograms equal bit for bit"


def _scores_said(check: ScoreCheck) -> str:
    if check.bit_for_bit == check.compared:
        return "every figure equal bit for bit"
    within = f"{check.bit_for_bit:,} bit for bit, largest difference {check.largest_difference:.1e}"
    return within if check.different else f"counts equal, floats within {TOLERANCE:g} ({within})"


def _print_left_out(done: Verification) -> None:
    waiting = sum(done.waiting_reports.values())
    if waiting:
        say(Text(f"left out: the newest {waiting:,} offsets, whose panes are not committed yet"))
    if done.scores.ahead:
        say(
            f"left out: {done.scores.ahead:,} scores made from reports that are not in the lake yet; verify again later"
        )
    if done.kept_since is not None:
        say(Text(f"left out: days before {done.kept_since}, which retention has taken out of the lake"))
    if done.scores.forgotten:
        say(Text(f"left out: {done.scores.forgotten:,} scores made from reports of such days"))
    if done.scores.other_method:
        say(Text(f"left out: {done.scores.other_method:,} scores made by another version of the formulas"))


def _print_differences(done: Verification) -> None:
    for copy in done.duplicates:
        where = f"partition {copy.partition}, offset {copy.offset}, row {copy.row}"
        say(Text(f"duplicate: {copy.table}, {where}: {copy.copies} times"))
    for gap in done.panes.first:
        minute = datetime.fromtimestamp(gap.start_s, UTC).isoformat()
        pane = f"{gap.provider_id}, task {gap.task_type or '-'}, region {gap.region or '-'}, {minute}"
        say(Text(f"pane: {pane}: {gap.statistic}: the reports give {gap.missing:+,} against the table"))
    for unequal in done.scores.first:
        score = f"{unequal.provider_id} {unequal.facet}".rstrip()
        say(Text(f"score: {score}: {unequal.figure}: stored {unequal.stored}, recomputed {unequal.recomputed}"))
