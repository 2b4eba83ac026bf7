"""A worker's life: how long it takes to start with full state, and to come back to lag 0 after it was stopped.

``python -m benchmarks life [--providers 10000] [--history 2000000] [--reports 2000000]``. A worker folds 90 days of
history and is stopped and started again over its changelog (``start``). Then it is paused while as many reports as it
will miss are sent (``steady``: from the moment it goes on until all is folded and committed), it is stopped, they are
sent again, and it is started (``catch-up``: from the last sample with nothing folded until the same). A server beside
it is asked all that time whether its answers are stale.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from benchmarks.harness import BenchmarkFailed, Program, Row, execute, say
from benchmarks.support.asking import Asking, Said
from benchmarks.support.processes import Sample, Worker, since_start
from benchmarks.support.service import Server
from benchmarks.support.stage import MIB, Stage, staged
from benchmarks.support.timeline import HISTORY_S, Timeline

__all__ = ["PROGRAM", "rate", "share_stale"]

TARGET_START_S: Final = 15.0
TARGET_CATCH_UP: Final = 0.9
ASKED: Final = "provider-00000"
MARK_S: Final = 15.0
"""What the mark may take to come, and to go: until then a flush, a question for offsets and a reader's patience."""
GIVE_UP_S: Final = 120.0
MINUTES_S: Final = 600.0
PAUSED_AT_MOST_S: Final = 60.0
"""While what it is to read steadily is sent; the group must wait for it so long."""


def options(parser: argparse.ArgumentParser) -> None:
    """What can be asked of it."""
    parser.add_argument("--providers", type=int, default=10_000, help="reported about (default 10,000)")
    parser.add_argument("--history", type=int, default=2_000_000, help="reports over 90 days (default 2,000,000)")
    parser.add_argument("--reports", type=int, default=2_000_000, help="missed while stopped (default 2,000,000)")
    parser.add_argument("--no-lake", action="store_true", help="write no lake")


def run(given: argparse.Namespace) -> Iterator[Row]:
    """Rows of one life."""
    session_s, request_s = PAUSED_AT_MOST_S, 1.5 * PAUSED_AT_MOST_S
    with staged("life", lake=not given.no_lake, session_timeout_s=session_s, request_timeout_s=request_s) as stage:
        worker = stage.worker()
        now_s = time.time()
        stage.send(Timeline(given.providers, given.history, now_s - HISTORY_S, now_s - 60.0, "history"))
        stage.wait_until_read(worker, stage.sent)
        stage.settled_bytes(worker)
        worker.stop()
        changelog_mib = round(stage.changelog_bytes() / MIB)
        worker, start_s = stage.started(GIVE_UP_S)
        facts = {"reports": given.history, "changelog_mib": changelog_mib}
        name = f"engine/start-{given.providers}-providers"
        yield Row(name, start_s, "s", target=TARGET_START_S, lower_is_better=True, facts=facts)
        yield from _lives(stage, worker, given)


def _lives(stage: Stage, worker: Worker, given: argparse.Namespace) -> Iterator[Row]:
    server = Server(stage.children, "server", stage.env)
    server.wait_until_ready()
    with Asking(server.url, ASKED) as asking:
        asking.wait_until(is_stale=False, within_s=GIVE_UP_S)
        begun = worker.sample()
        with worker.paused():
            _send_now(stage, given, "steady")
        begun = replace(begun, at_s=time.monotonic())
        steady = rate([begun, *stage.wait_until_read(worker, given.reports)])
        name, peer = f"engine/catch-up-{given.providers}-providers", f"engine/steady-{given.providers}-providers"
        yield Row(peer, steady, "reports/s", facts={"reports": given.reports})
        asking.wait_until(is_stale=False, within_s=GIVE_UP_S)
        worker.stop()
        _send_now(stage, given, "missed")
        sent_s, is_marked = time.monotonic(), True
        try:
            asking.wait_until(is_stale=True, within_s=MARK_S)
        except BenchmarkFailed as fault:  # the rates are measured all the same; the share of stale answers tells
            say(f"life: {fault}")
            is_marked = False
        marked_s = time.monotonic()
        worker, start_s = stage.started(GIVE_UP_S)
        samples = stage.wait_until_read(worker, given.reports)
        caught_up_s = samples[-1].at_s
        facts: dict[str, Any] = {"reports": given.reports, "start_s": round(start_s, 2)}
        caught = rate(since_start(samples))
        yield Row(name, caught, "reports/s", peer, facts=facts, target_ratio=TARGET_CATCH_UP)
        asking.wait_until(is_stale=False, within_s=GIVE_UP_S)
        fresh_s = time.monotonic() - caught_up_s
        said = asking.said
    waited_s = round(marked_s - sent_s, 2)
    about = {"marked_after_s": waited_s if is_marked else None, "behind_s": round(caught_up_s - marked_s, 2)}
    share = share_stale(said, marked_s, caught_up_s)
    yield Row("serving/stale-while-behind", share, "of the answers", target=1.0, facts=about)
    if is_marked:  # what was never marked loses no mark
        yield Row("serving/fresh-after-catch-up", fresh_s, "s", target=MARK_S, lower_is_better=True)
    worker.stop()


def rate(samples: Sequence[Sample]) -> float:
    """Reports a second from the first sample to the last."""
    return (samples[-1].folded - samples[0].folded) / (samples[-1].at_s - samples[0].at_s)


def share_stale(said: Sequence[Said], since_s: float, until_s: float) -> float:
    """Of the answers between two moments, how many said that they were stale.

    Raises
    ------
    BenchmarkFailed
        When there was none.
    """
    between = [one.is_stale for one in said if since_s <= one.asked_s and one.answered_s <= until_s]
    if not between:
        raise BenchmarkFailed(f"the server must have been asked in {until_s - since_s:.1f} s; it was not")
    return sum(between) / len(between)


def _send_now(stage: Stage, given: argparse.Namespace, run_name: str) -> None:
    now_s = time.time()
    stage.send(Timeline(given.providers, given.reports, now_s - MINUTES_S, now_s, run_name))


PROGRAM: Final = Program("life", __doc__ or "", options, run)

if __name__ == "__main__":
    sys.exit(execute(PROGRAM))
