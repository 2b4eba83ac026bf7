"""``trustscore lake``: what is in the lake, fewer and larger files, one file for other tools."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
import structlog
import typer
from deltalake.exceptions import CommitFailedError
from rich.table import Table
from rich.text import Text

from analytics import queries
from analytics.cli.output import BAD_INPUT, FAILED, JsonOption, emit_json, refuse, say
from analytics.cli.progress import progress_bar
from analytics.compaction import TableCompaction, compact
from analytics.errors import AnalyticsError
from analytics.lake import Lake
from analytics.maintenance import care_of, give_way, maintain
from analytics.settings import load_settings
from analytics.snapshot import snapshot
from scoring.reports import OUTCOMES

__all__ = ["LakeOption", "app", "lake_directory", "said_plainly"]

app = typer.Typer(
    help="Look after the lake: what is in it, compaction, one file for other tools.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

LakeOption = Annotated[
    str | None,
    typer.Option("--lake", help="Directory of the lake, or s3://bucket/prefix.", show_default="TRUSTSCORE_LAKE"),
]


@app.command("info")
def info_command(lake: LakeOption = None, as_json: JsonOption = False) -> None:
    """Say what is in the lake: tables, files, reports by outcome, how new it is."""
    with said_plainly(), Lake(lake_directory(lake)) as opened:
        states, totals, newest = opened.states(), queries.totals(opened), queries.freshness(opened)
        if as_json:
            tables = [state._asdict() for state in states]
            _emit({"lake": opened.path, "tables": tables, "totals": totals, "newest": newest})
            return
        shown = _grid("table", "version", "files", "size", "rows")
        for state in states:
            version = "-" if state.version is None else str(state.version)
            shown.add_row(state.name, version, f"{state.files:,}", _size(state.size_bytes), f"{state.rows:,}")
        say(shown)
        outcomes = ", ".join(f"{getattr(totals, name):,} {name}" for name in OUTCOMES)
        say(f"{totals.reports:,} reports on {totals.providers:,} providers by {totals.reporters:,} reporters")
        say(f"outcomes: {outcomes}")
        say(f"newest report {_moment(newest.last_report_s)}, newest score {_moment(newest.as_of_s)}")


@app.command("compact")
def compact_command(
    lake: LakeOption = None,
    vacuum_hours: Annotated[
        int | None,
        typer.Option("--vacuum-hours", help="Also delete files that no version of the last so many hours needs."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Merge small files per day, and the pane increments of closed days. Safe beside a live worker."""
    with said_plainly():
        with progress_bar() as told:
            done = compact(lake_directory(lake), datetime.now(UTC).date(), vacuum_hours, told)
        if as_json:
            _emit({"tables": done})
        else:
            _print_compaction(done)
        problems = [problem for table in done for problem in table.problems]
        if problems:
            refuse("; ".join(problems), FAILED)


@app.command("maintain")
def maintain_command(
    lake: LakeOption = None,
    every: Annotated[
        float | None, typer.Option("--every", help="Seconds between two rounds (or TRUSTSCORE_MAINTAIN_S).")
    ] = None,
) -> None:
    """Keep the lake small beside ingest, until it is stopped: retention, compaction, deletion of what nobody needs.

    How long the tables are kept say TRUSTSCORE_KEEP_REPORTS_DAYS and the like. It gives way to other processes.
    SIGTERM or Ctrl-C stops it after the round under way, exit code 0.
    """
    with said_plainly():
        settings = load_settings(maintain_s=every)
        address = lake_directory(lake)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    give_way()
    maintain(address, care_of(settings), stop)


@app.command("snapshot")
def snapshot_command(
    file: Annotated[Path, typer.Argument(help="Where to: FILE.duckdb", metavar="FILE")],
    lake: LakeOption = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite even what is no DuckDB file.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write one DuckDB file with all of the lake, for other tools; readers see whole files only."""
    with said_plainly(), Lake(lake_directory(lake)) as opened:
        with progress_bar() as told:
            rows = snapshot(opened, file, force, told)
        size = file.stat().st_size
        if as_json:
            _emit({"file": str(file), "size_bytes": size, "rows": rows})
        else:
            listed = ", ".join(f"{count:,} {table}" for table, count in rows.items() if table != "lake_tables")
            say(Text(f"{file}: {_size(size)}: {listed}"))


@contextmanager
def said_plainly() -> Iterator[None]:
    """Errors become sentences on stderr: exit code 2 for what has to be corrected, 1 for work that failed."""
    try:
        yield
    except AnalyticsError as error:
        refuse(str(error), BAD_INPUT)
    except CommitFailedError as error:
        refuse(f"other compactions of this lake came first: {str(error).splitlines()[0]}; run one at a time", FAILED)


def lake_directory(given: str | None) -> str:
    """The lake to work on: the option, else the settings."""
    directory = given or load_settings().lake
    if directory is None:
        refuse("TRUSTSCORE_LAKE is empty, so there is no lake; name one: --lake DIR", BAD_INPUT)
    return directory


def _print_compaction(done: list[TableCompaction]) -> None:
    shown = _grid("table", "files", "size", "rows", "deleted")
    for table in done:
        shown.add_row(
            table.table,
            f"{table.files_before:,} → {table.files_after:,}",
            f"{_size(table.bytes_before)} → {_size(table.bytes_after)}",
            f"{table.rows_before:,} → {table.rows_after:,}" if table.table == "panes" else f"{table.rows_after:,}",
            f"{table.deleted_files:,}",
        )
    say(shown if done else "the lake holds no table yet: nothing to compact")


def _grid(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right")
    return table


def _emit(answer: dict[str, object]) -> None:
    emit_json(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode())


def _size(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:,.1f} MB"


def _moment(epoch_s: float | None) -> str:
    return "none" if epoch_s is None else datetime.fromtimestamp(epoch_s, UTC).isoformat(" ", "seconds")
