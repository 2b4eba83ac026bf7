"""``trustscore reporters``: what each reporter's reports count, weighed over the lake and published."""

import asyncio
import signal
from typing import TYPE_CHECKING, Annotated

import msgspec
import structlog
import typer
from rich.table import Table
from rich.text import Text

from analytics.cli.lake import LakeOption, lake_directory, said_plainly
from analytics.cli.output import FAILED, JsonOption, emit, emit_json, quiet_logs, say
from analytics.cli.source import UrlOption, answers_at
from analytics.models import ReporterAnswer
from analytics.settings import Settings, load_settings
from scoring.reporters import ReporterRecord

if TYPE_CHECKING:
    from analytics.lake_access import LakeAccess

__all__ = ["app"]

app = typer.Typer(
    help="Weigh reporters: what each one's reports count.", no_args_is_help=True, pretty_exceptions_enable=False
)
SHOWN = 10
log = structlog.get_logger()


@app.command("show")
def show_command(
    reporter_id: Annotated[str, typer.Argument(metavar="REPORTER_ID", help="Id as it stands in reports.")],
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what one reporter's reports count, and why. Exit code 1: none of them was weighed."""

    async def ask() -> ReporterAnswer:
        async with answers_at(load_settings(url=url)) as answers:
            return await answers.reporter(reporter_id)

    answer = asyncio.run(ask())
    emit(answer, as_json, lambda: Text(answer.summary, "bold"))
    if not answer.known:
        raise typer.Exit(FAILED)


@app.command("weigh")
def weigh_command(
    lake: LakeOption = None,
    every: Annotated[
        float | None, typer.Option(min=1, help="Seconds between two rounds; left out: one round, then it ends.")
    ] = None,
    publish: Annotated[bool, typer.Option(help="Publish what changed on trust.reporters.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Weigh all reporters of the last TRUSTSCORE_WEIGH_WINDOW_S seconds in the lake, and publish what changed.

    SIGTERM or Ctrl-C stops it, exit code 0.
    """
    with said_plainly():
        settings = load_settings(lake=lake_directory(lake))
        quiet_logs()
        records = asyncio.run(_rounds(settings, every, publish))
    if as_json:
        emit_json(msgspec.json.format(msgspec.json.encode(records), indent=2).decode())
    else:
        _print(records)


async def _rounds(settings: Settings, every_s: float | None, publish: bool) -> list[ReporterRecord]:
    """The records of the last round."""
    from analytics.lake_access import LakeAccess

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    lake = LakeAccess(settings.lake)
    try:
        while True:
            records = await _round(settings, lake, publish)
            if every_s is None or stop.is_set():
                return records
            try:
                await asyncio.wait_for(stop.wait(), every_s)
            except TimeoutError:
                continue
            return records
    finally:
        lake.close()


async def _round(settings: Settings, lake: "LakeAccess", publish: bool) -> list[ReporterRecord]:
    import time

    from analytics.reporters import ReporterBook, weighed
    from analytics.reporters import publish as published

    records = await lake.ask(weighed, time.time(), settings.weigh_window_s)
    if publish:
        book = ReporterBook(settings, lake, time.time)
        async with book.listening():
            await book.follower.wait_for_word(settings.produce_timeout_s)
        await published(settings, records, book.published)
    return records


def _print(records: list[ReporterRecord]) -> None:
    table = Table(box=None, pad_edge=False)
    for name in ("reporter", "weight", "reports", "reasons"):
        table.add_column(name, justify="right" if name in ("weight", "reports") else "left")
    for record in sorted(records, key=lambda record: (record.weight, record.reporter_id))[:SHOWN]:
        row = Text(record.reporter_id), f"{record.weight:.2f}", f"{record.reports:,}", Text("; ".join(record.reasons))
        table.add_row(*row)
    say(table)
    less = sum(record.weight < 1 for record in records)
    say(Text(f"{len(records):,} reporters, {less:,} of them count less than whole"))
