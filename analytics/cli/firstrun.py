"""``trustscore up|simulate|replay``: the first run, made-up traffic, and reports from files."""

import asyncio
import math
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final, TypeAlias

import orjson
import typer
from rich.console import Console

from analytics.cli.output import BAD_INPUT, FAILED, JsonOption, emit_json, note, quiet_logs, refuse
from analytics.errors import AnalyticsError, InvalidRequest, InvalidSettings
from analytics.replay.bar import ReplayBar
from analytics.replay.errors import BadLine
from analytics.replay.publisher import Publisher
from analytics.replay.sending import Sent, check_all_acknowledged, parse_speed, send
from analytics.replay.shift import last_event_s, parse_shift, shifted
from analytics.replay.sources import Format, count_bad, guess, raise_bad, read
from analytics.replay.wire import Wire
from analytics.replay.wire import as_json as json_of
from analytics.settings import REPORTS_TOPIC, Settings, load_settings
from analytics.simulator import FLEET, REGIMES, Regime, fleet, traffic

__all__ = ["replay", "simulate", "up"]

_Chunk: TypeAlias = list[dict[str, Any]]
_FILE_S: Final = 60.0
"""Seconds of traffic written to a file when --for does not say."""
_SHOWN_BAD: Final = 5

BrokerOption = Annotated[
    str | None, typer.Option("--broker", metavar="HOST:PORT", help="Kafka; default TRUSTSCORE_BROKER.")
]
WireOption = Annotated[Wire, typer.Option(help="One JSON message a report, or Arrow messages of many.")]


def up(
    for_s: Annotated[
        float | None,
        typer.Option(
            "--for", min=1, metavar="SECONDS", help="Stop so long after the first scores; default: at Ctrl-C."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the sample traffic.")] = 7,
    port: Annotated[
        int | None, typer.Option(min=0, max=65_535, help="Of REST, MCP and pages; default 8080, or a free one.")
    ] = None,
    rate: Annotated[float, typer.Option(min=0.1, max=10_000, help="Sample reports per second.")] = 25.0,
    data_dir: Annotated[Path | None, typer.Option(help="Where runs are kept; default TRUSTSCORE_DATA_DIR.")] = None,
    broker_mb: Annotated[
        int, typer.Option(min=24, help="Memory of the broker, which frees none, at which the traffic stops.")
    ] = 1_024,
    as_json: JsonOption = False,
) -> None:
    """Start broker, worker, server and sample traffic in one go; Ctrl-C ends them all.

    Everything is on 127.0.0.1 and made up. An hour of past traffic is replayed first, then it goes on live.
    Each run has a directory of its own: its lake, its logs. The broker keeps nothing.
    """
    from analytics.local.first_run import Plan, run

    settings = _settings()
    cap = broker_mb * 1_000_000
    plan = Plan(data_dir or settings.data_dir, settings.http_host, port, seed, rate, for_s, cap)
    try:
        ended = run(plan, Console(stderr=as_json, highlight=False, soft_wrap=not sys.stdout.isatty()))
    except (AnalyticsError, OSError) as fault:
        refuse(str(fault), FAILED)
    if as_json:
        emit_json(
            orjson.dumps({"run_dir": str(ended.run_dir), **asdict(ended.view)}, option=orjson.OPT_INDENT_2).decode()
        )
    raise typer.Exit(ended.code)


def simulate(
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same traffic.")] = 7,
    providers: Annotated[int, typer.Option(min=1, max=10_000, help="How many to simulate.")] = len(FLEET),
    rate: Annotated[float, typer.Option(min=0.001, max=1e6, help="Reports per second of all together.")] = 25.0,
    for_s: Annotated[
        float | None,
        typer.Option("--for", min=0, metavar="SECONDS", help="How long; default: until Ctrl-C, 60 into a file."),
    ] = None,
    past_s: Annotated[
        float, typer.Option("--past", min=0, max=7_000_000, metavar="SECONDS", help="Traffic before now, sent at once.")
    ] = 0.0,
    at: Annotated[
        str, typer.Option(metavar="TIME", help="The moment that is now, for files: epoch or RFC 3339.")
    ] = "now",
    regimes: Annotated[str, typer.Option(help=f"Any of {', '.join(Regime)}, with commas.")] = ",".join(REGIMES),
    out: Annotated[
        str | None, typer.Option(metavar="FILE", help="JSON lines into this file, or - for stdout; default: Kafka.")
    ] = None,
    wire: WireOption = Wire.JSON,
    broker: BrokerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send seeded sample traffic through Kafka, live, or write it to a file.

    Providers are named after catalog entries with a demo- prefix and behave by their regime, whatever the real ones do.
    """
    settings = _settings()
    try:
        chosen = fleet(providers, _regimes(regimes))
        live_s = parse_shift(at, time.time(), "--at")
        if live_s is None or (at != "now" and out is None):
            raise InvalidRequest("--at", "a time, and only with --out", repr(at), "leave it out to send live")
        facts: dict[str, Any] = {"seed": seed, "providers": {p.provider_id: p.regime.value for p in chosen}}
        if out is not None:
            end_s = live_s + (_FILE_S if for_s is None else for_s)
            blocks = traffic(seed, chosen, live_s - past_s, end_s, rate, live_s)
            facts |= {"written": _write(out, blocks), "out": out}
        else:
            past = traffic(seed, chosen, live_s - past_s, live_s, rate, live_s)
            live = traffic(seed, chosen, live_s, live_s + (math.inf if for_s is None else for_s), rate, live_s)
            publisher = Publisher(broker or settings.broker, REPORTS_TOPIC, settings.partitions, wire)
            facts |= _facts(asyncio.run(_simulate(past, live, publisher, live_s)))
    except InvalidRequest as fault:
        refuse(str(fault), BAD_INPUT)
    except (AnalyticsError, OSError) as fault:
        refuse(str(fault), FAILED)
    _say_or_emit(facts, as_json and out != "-")


def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="Reports; .gz or not.")],
    form: Annotated[Format | None, typer.Option("--format", help="How FILE is written; default: by its name.")] = None,
    speed: Annotated[str, typer.Option(metavar="max|Nx", help="As fast as possible, or N times as it was.")] = "max",
    shift: Annotated[
        str | None,
        typer.Option(metavar="now|none|TIME", help="When the last report is to have been; default none, wsdream now."),
    ] = None,
    wire: WireOption = Wire.JSON,
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave bad lines out instead of stopping.")] = False,
    broker: BrokerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send reports from a file through Kafka. Exit code 0 only if Kafka confirmed every one.

    wsdream: providers become service-N, reporters user-N, 20 s a time-out, event times 900 s per slot.
    Reports older than 90 days are rejected by the worker: --shift now moves old traffic to today.
    """
    settings = _settings()
    bad: list[BadLine] = []
    on_bad = count_bad(bad) if skip_bad else raise_bad
    bar = ReplayBar(hidden=as_json)
    try:
        form = form or guess(file)
        if form is None:
            raise InvalidRequest("--format", f"one of {', '.join(Format)}", f"none for {file.name}", "state it")
        pace = parse_speed(speed)
        wanted_s = parse_shift(shift or ("now" if form is Format.WSDREAM else "none"), math.floor(time.time()))
        by_s = 0.0 if wanted_s is None else wanted_s - last_event_s(file, form, on_bad)
        bad.clear()  # a second reading meets them again
        publisher = Publisher(broker or settings.broker, REPORTS_TOPIC, settings.partitions, wire)
        with bar:
            bar.last_s = wanted_s
            sent = asyncio.run(_replay(shifted(read(file, form, on_bad), by_s), publisher, pace, bar.show))
    except (InvalidRequest, BadLine) as fault:
        before = f", or pass --skip-bad; {bar.read:,} reports before it were sent" if isinstance(fault, BadLine) else ""
        refuse(f"{fault}{before}", BAD_INPUT)
    except (AnalyticsError, OSError) as fault:
        refuse(str(fault), FAILED)
    for line in bad[:_SHOWN_BAD]:
        note(f"left out: {line}")
    facts = {"file": file.name, "format": form.value, **_facts(sent), "skipped": len(bad)}
    _say_or_emit(facts, as_json)


async def _simulate(past: Iterator[_Chunk], live: Iterator[_Chunk], publisher: Publisher, live_s: float) -> Sent:
    """Send both; a signal ends it early and in order, with what was sent confirmed."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with publisher:
        before = await send(past, publisher, stop=stop)
        after = await send(live, publisher, speed=1.0, first_s=live_s, late_s=time.time() - live_s, stop=stop)
    sent = before.then(after)
    check_all_acknowledged(sent, publisher)
    return sent


async def _replay(
    chunks: Iterable[_Chunk], publisher: Publisher, speed: float | None, progress: Callable[[Sent], None]
) -> Sent:
    async with publisher:
        sent = await send(chunks, publisher, speed, progress=progress)
    check_all_acknowledged(sent, publisher)
    return sent


def _write(out: str, blocks: Iterator[_Chunk]) -> int:
    """Reports written, one JSON object a line."""
    with _opened(out) as file:
        written = 0
        for block in blocks:
            file.writelines(json_of(report) + b"\n" for report in block)
            written += len(block)
        return written


@contextmanager
def _opened(out: str) -> Iterator[BinaryIO]:
    if out == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
    else:
        with Path(out).open("wb") as file:
            yield file


def _regimes(text: str) -> frozenset[Regime]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    unknown = [name for name in names if name not in set(Regime)]
    if unknown or not names:
        got = repr(unknown[0]) if unknown else "none"
        raise InvalidRequest("--regimes", f"any of {', '.join(Regime)}", got, "correct it or leave it out")
    return frozenset(Regime(name) for name in names)


def _settings() -> Settings:
    quiet_logs()
    try:
        return load_settings()
    except InvalidSettings as fault:
        refuse(str(fault), BAD_INPUT)


def _facts(sent: Sent) -> dict[str, Any]:
    times = {"first_event": sent.first_s, "last_event": sent.last_s}
    return {
        "read": sent.read,
        "acknowledged": sent.acknowledged,
        **{
            name: None if at_s is None else datetime.fromtimestamp(at_s, UTC).isoformat()
            for name, at_s in times.items()
        },
        "elapsed_s": round(sent.elapsed_s, 3),
        "reports_per_s": round(sent.acknowledged / sent.elapsed_s) if sent.elapsed_s else None,
    }


def _say_or_emit(facts: dict[str, Any], as_json: bool) -> None:
    if as_json:
        emit_json(orjson.dumps(facts, option=orjson.OPT_INDENT_2).decode())
        return
    if "written" in facts:
        note(f"{facts['written']:,} reports written to {facts['out']}")
        return
    skipped = f", {facts['skipped']:,} bad ones left out" if facts.get("skipped") else ""
    note(
        f"{facts['acknowledged']:,} of {facts['read']:,} reports acknowledged by Kafka in {facts['elapsed_s']:,.1f} s"
        f" ({facts['reports_per_s'] or 0:,}/s){skipped}; events from {facts['first_event']} to {facts['last_event']}"
    )
