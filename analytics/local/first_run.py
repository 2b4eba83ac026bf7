"""``trustscore up``: broker, worker, server and sample traffic as children of one process, and a screen over them."""

import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Final

from rich.console import Console
from rich.live import Live

from analytics.errors import AnalyticsError
from analytics.local import screen
from analytics.local.children import BrokerDidNotStart, free_port
from analytics.local.embedded_broker import EmbeddedBroker, NoEmbeddedBroker
from analytics.local.run_dir import new_run_dir
from analytics.local.supervisor import ChildEnded, Supervisor
from analytics.local.view import View
from analytics.local.watch import Watch
from analytics.simulator import fleet

__all__ = ["Ended", "FirstRunFailed", "Plan", "run"]

PAST_S: Final = 3_600
"""Traffic replayed before the run goes live, seconds of event time."""
DEFAULT_PORT: Final = 8_080
WORKER_SETTINGS: Final = {
    "TRUSTSCORE_SESSION_TIMEOUT_S": "6",
    "TRUSTSCORE_LAKE_FLUSH_S": "4",
    "TRUSTSCORE_COMPRESSION": "lz4",
}
"""For the broker in memory: a first join waits half the session, and what a flush writes is never freed."""
_LOOK_S: Final = 1.0
_LINE_S: Final = 5.0
_START_S: Final = 120.0
_WORKER_STOPS_S: Final = 40.0
"""The worker writes what it holds into the lake first."""
_OTHERS_STOP_S: Final = 10.0
_BESIDE_TABLE: Final = 16
"""Lines of the screen that are not providers."""


class FirstRunFailed(AnalyticsError):
    """A first run that could not start, or did not get as far as scores."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What ``trustscore up`` was asked for."""

    data_dir: Path
    http_host: str
    http_port: int | None
    """None: 8080, or a free one when that is taken; 0: a free one."""
    seed: int
    rate: float
    for_s: float | None
    """Seconds after the first scores at which it ends by itself; None: at a signal."""
    broker_cap_bytes: int
    """Memory of the broker, which never gives any back, at which the sample traffic stops."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a first run ended."""

    code: int
    """0, or 1 when a part failed or did not stop cleanly."""
    view: View
    """What was known last."""
    run_dir: Path


def run(plan: Plan, console: Console) -> Ended:
    """How it ended, once every child has ended too.

    Parameters
    ----------
    plan
        What is wanted.
    console
        Gets the screen when it is a terminal, else plain lines.

    Raises
    ------
    FirstRunFailed
        When it cannot start: no broker, a taken port.
    """
    port, remarks = _port(plan)
    run_dir = new_run_dir(plan.data_dir, datetime.now(UTC))
    with _signals() as stopping, ExitStack() as parts:
        supervisor = Supervisor(run_dir / "logs")
        broker = _broker(supervisor)
        parts.callback(broker.stop)
        parts.callback(supervisor.stop_all)
        worker_port = free_port()
        _start(plan, supervisor, broker.address, run_dir, port, worker_port)
        addresses = _addresses(plan, broker.address, run_dir, port, worker_port)
        acts = {provider.provider_id: provider.regime.value for provider in fleet()}
        watch = parts.enter_context(Watch(addresses["page"].rstrip("/"), f"http://127.0.0.1:{worker_port}", acts))
        view = View(addresses=addresses, remarks=remarks, broker_cap_bytes=plan.broker_cap_bytes)
        try:
            view = _Show(plan, console, supervisor, broker, watch, stopping).until_end(view)
        except (ChildEnded, FirstRunFailed) as fault:
            console.print(str(fault), markup=False, style="red")
            return Ended(1, view, run_dir)
        code = _end(console, supervisor, broker, view, run_dir)
        return Ended(code, view, run_dir)


class _Show:
    """The time between start and end: look, draw, look again."""

    def __init__(
        self, plan: Plan, console: Console, supervisor: Supervisor, broker: EmbeddedBroker, watch: Watch,
        stopping: list[int],
    ) -> None:  # fmt: skip
        self._plan, self._console, self._supervisor = plan, console, supervisor
        self._broker, self._watch, self._stopping = broker, watch, stopping

    def until_end(self, view: View) -> View:
        """The last view, at a signal or when the time is over."""
        if not self._console.is_terminal:
            for name, address in view.addresses.items():
                self._console.print(f"{name:8} {address}", markup=False)
            return self._loop(view, None)
        with Live(console=self._console, screen=True, auto_refresh=False) as live:
            view = self._loop(view, live)
        self._console.print(screen.picture(replace(view, left_s=0.0), width=self._console.width))
        return view

    def _loop(self, view: View, live: Live | None) -> View:
        started_s = time.monotonic()
        end_s: float | None = None
        next_line_s = started_s
        while not self._stopping:
            now_s = time.monotonic()
            view = self._look(view, now_s - started_s, None if end_s is None else end_s - now_s)
            if view.scored and end_s is None and self._plan.for_s is not None:
                end_s = now_s + self._plan.for_s
            if not view.scored and now_s - started_s > _START_S:
                raise FirstRunFailed(f"no provider was scored within {_START_S:.0f} s; see the logs in "
                                     f"{self._supervisor.log_of('worker').parent}")  # fmt: skip
            if live is not None:
                self._draw(live, view)
            elif now_s >= next_line_s:
                self._console.print(screen.line(view), markup=False)
                next_line_s = now_s + _LINE_S
            if end_s is not None and now_s >= end_s:
                break
            _pause(now_s + _LOOK_S, end_s, self._stopping)
        return view

    def _draw(self, live: Live, view: View) -> None:
        beside = _BESIDE_TABLE + len(view.remarks)
        live.update(screen.picture(view, self._console.height - beside, self._console.width), refresh=True)

    def _look(self, view: View, elapsed_s: float, left_s: float | None) -> View:
        self._supervisor.check()
        held = self._broker.memory_bytes()
        if held is None:
            raise FirstRunFailed(f"the broker ended by itself; see {self._supervisor.log_of('broker')}")
        if held > self._plan.broker_cap_bytes and "traffic" in self._supervisor.running:
            self._supervisor.stop("traffic")
            sentence = f"The sample traffic stopped: the broker in memory holds {held / 1e6:,.0f} MB and frees none."
            view = replace(view, remarks=(*view.remarks, sentence))
            if not self._console.is_terminal:
                self._console.print(sentence, markup=False)
        return replace(self._watch.look(view), broker_bytes=held, elapsed_s=elapsed_s, left_s=left_s)


def _start(plan: Plan, supervisor: Supervisor, broker: str, run_dir: Path, port: int, worker_port: int) -> None:
    shared = {
        "TRUSTSCORE_BROKER": broker,
        "TRUSTSCORE_LAKE": str(run_dir / "lake"),
        "TRUSTSCORE_DATA_DIR": str(plan.data_dir),
    }
    command = [sys.executable, "-m", "analytics.cli.main"]
    supervisor.start(
        "worker", [sys.executable, "-m", "streams.worker"],
        {**shared, **WORKER_SETTINGS, "TRUSTSCORE_WORKER_PORT": str(worker_port)},
    )  # fmt: skip
    supervisor.start(
        "server", [*command, "serve"],
        {**shared, "TRUSTSCORE_HTTP_HOST": plan.http_host, "TRUSTSCORE_HTTP_PORT": str(port)},
    )  # fmt: skip
    traffic = ["simulate", "--seed", str(plan.seed), "--rate", str(plan.rate), "--past", str(PAST_S)]
    supervisor.start("traffic", [*command, *traffic], shared)


def _end(console: Console, supervisor: Supervisor, broker: EmbeddedBroker, view: View, run_dir: Path) -> int:
    """Stop in the order in which reports flow, so that nothing on its way is lost, and sum up."""
    console.print("stopping: traffic, worker, server, broker", style="dim")
    for name in ("traffic", "worker", "server"):
        supervisor.stop(name, _WORKER_STOPS_S if name == "worker" else _OTHERS_STOP_S)
    broker.stop()
    for sentence in screen.ending(view, str(run_dir)):
        console.print(sentence, markup=False)
    # One that was still loading when the signal came has no handler yet and nothing to finish.
    clean = (0, -signal.SIGTERM)
    unclean = {name: code for name, code in supervisor.exit_codes.items() if code not in clean}
    for name, code in unclean.items():
        console.print(f"the {name} did not stop cleanly (exit code {code}); see {supervisor.log_of(name)}", style="red")
    return 1 if unclean else 0


def _broker(supervisor: Supervisor) -> EmbeddedBroker:
    try:
        broker = EmbeddedBroker(log=supervisor.log_of("broker"))
        broker.start()
    except (NoEmbeddedBroker, BrokerDidNotStart) as fault:
        raise FirstRunFailed(str(fault)) from fault
    return broker


def _port(plan: Plan) -> tuple[int, tuple[str, ...]]:
    """Port of the server, and what to say of the choice."""
    wanted = DEFAULT_PORT if plan.http_port is None else plan.http_port
    if wanted == 0:
        return free_port(), ()
    if _is_free(plan.http_host, wanted):
        return wanted, ()
    if plan.http_port is not None:
        raise FirstRunFailed(f"--port must be one nobody listens on; got {wanted}; choose another or leave it out")
    port = free_port()
    return port, (f"Port {wanted} is taken, so it is {port}: set TRUSTSCORE_URL=http://{plan.http_host}:{port}",)


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def _addresses(plan: Plan, broker: str, run_dir: Path, port: int, worker_port: int) -> dict[str, str]:
    server = f"http://{plan.http_host}:{port}"
    return {
        "page": f"{server}/",
        "REST": f"{server}/v1/discover",
        "MCP": f"{server}/mcp",
        "metrics": f"{server}/metrics",
        "worker": f"http://127.0.0.1:{worker_port}/metrics",
        "Kafka": broker,
        "lake": str(run_dir / "lake"),
        "logs": str(run_dir / "logs"),
    }


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Signals caught so far, instead of their effect: the end is in order, also when asked for twice."""
    caught: list[int] = []

    def catch(number: int, frame: FrameType | None) -> None:
        caught.append(number)

    before = {number: signal.signal(number, catch) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _pause(until_s: float, end_s: float | None, stopping: list[int]) -> None:
    until_s = until_s if end_s is None else min(until_s, end_s)
    while not stopping and (left_s := until_s - time.monotonic()) > 0:
        time.sleep(min(left_s, 0.1))
