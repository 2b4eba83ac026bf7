"""``trustscore credibility``: how far each reporter of a file of ratings can be believed."""

import csv
import json
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.table import Table
from rich.text import Text

from analytics.cli.output import BAD_INPUT, JsonOption, emit_json, note, refuse, say
from analytics.rating_files import read_anchors, read_ratings
from scoring.credibility import credibility as credibility_of
from scoring.credibility import reasons

__all__ = ["credibility"]

SHOWN = 10


def credibility(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", help="rater,subject,rating,timestamp")],
    out: Annotated[
        Path | None, typer.Option(metavar="OUT.csv", help="Write reporter_id,credibility,reasons here.")
    ] = None,
    anchors: Annotated[
        Path | None,
        typer.Option(
            metavar="CSV", help="What was checked: reporter_id,kind (probe|receipt|outcome),agreed,contradicted."
        ),
    ] = None,
    scale: Annotated[float | None, typer.Option(help="Best rating there can be; left out: the largest given.")] = None,
    tenure: Annotated[
        bool, typer.Option("--tenure/--without-tenure", help="Whether age, span and tempo of a reporter count.")
    ] = True,
    as_json: JsonOption = False,
) -> None:
    """Say how far each reporter can be believed, from 0 to 1, and why."""
    if scale is not None and not (np.isfinite(scale) and scale > 0):
        refuse(f"--scale must be a number above 0; got {scale}; leave it out to take the largest rating", BAD_INPUT)
    for option, path in (("FILE.csv", file), ("--anchors", anchors)):
        if path is not None and not path.is_file():
            refuse(f"{option} must be a file; got {path}, which is none; correct the path", BAD_INPUT)
    read = read_ratings(file, scale)
    known = None if anchors is None else read_anchors(anchors, read.reporters)
    found = credibility_of(read.ratings, known, with_tenure=tenure)
    rows = [
        (reporter, round(float(value), 6), "; ".join(reasons(found, row)))
        for row, (reporter, value) in enumerate(zip(read.reporters, found.value, strict=True))
    ]
    if out is not None:
        with out.open("w", newline="", encoding="utf-8") as written:
            writer = csv.writer(written, lineterminator="\n")
            writer.writerow(("reporter_id", "credibility", "reasons"))
            writer.writerows(rows)
        note(f"{len(rows):,} reporters written to {out}")
    if as_json:
        answer = [
            {"reporter_id": reporter, "credibility": value, "reasons": why.split("; ")} for reporter, value, why in rows
        ]
        emit_json(json.dumps(answer, ensure_ascii=False, indent=2))
    elif out is None:
        _print(rows)


def _print(rows: list[tuple[str, float, str]]) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("reporter", "credibility", "reasons"):
        table.add_column(name, justify="right" if name == "credibility" else "left")
    for reporter, value, why in sorted(rows, key=lambda row: row[1])[:SHOWN]:
        table.add_row(Text(reporter), f"{value:.2f}", Text(why))
    say(table)
    more = "" if len(rows) <= SHOWN else f", the {SHOWN} least credible shown (--out or --json gives all)"
    say(Text(f"{len(rows):,} reporters{more}"))
