"""What predicting for callers costs: the worker's rate beside a server that predicts, and one that does not; an answer.

One worker folds and scores a backlog of JSON reports, without a lake, while ``trustscore serve`` runs on the same
machine: in turn not predicting; learning from the same backlog at the default rate, 5,000 reports a second; not
predicting. The ratio is to the mean of the two.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Final

import numpy as np

from analytics.local.supervisor import Supervisor
from benchmarks.engine import JOIN_DELAY
from benchmarks.harness import Program, Row, execute
from benchmarks.peers.backlog import Backlog
from benchmarks.peers.bench import Bench, Variant, rows_of
from benchmarks.support.reports import EVEN
from benchmarks.support.service import Server
from benchmarks.support.topics import fresh_topics
from infra.kafka.server import KafkaServer
from scoring.prediction import Heard, Rolling

__all__ = ["PROGRAM", "forecast_row"]

LEAST: Final = 0.8
"""Of the rate beside a server that does not predict."""
CALLERS: Final = 1_000
PROVIDERS: Final = 200
ASKED: Final = 500
DEFAULT_RATE: Final = 5_000


def options(parser: argparse.ArgumentParser) -> None:
    """What can be asked of it."""
    parser.add_argument("--reports", type=int, default=2_000_000, help="preloaded (default 2,000,000)")


def run(given: argparse.Namespace) -> Iterator[Row]:
    """Rows of the answer, then of the worker."""
    yield forecast_row()
    with (
        tempfile.TemporaryDirectory(prefix="trustscore-prediction-") as place,
        KafkaServer(Path(place, "kafka"), properties=JOIN_DELAY) as kafka,
    ):
        bench = Bench(Path(place), kafka)
        asyncio.run(fresh_topics(kafka.address))
        bench.fill(Backlog(replace(EVEN, providers=PROVIDERS), given.reports, time.time()))
        before = _beside(bench, kafka, Path(place, "1"), given.reports, learns=False)
        during = _beside(bench, kafka, Path(place, "2"), given.reports, learns=True)
        after = _beside(bench, kafka, Path(place, "3"), given.reports, learns=False)
    idle = fmean(row.value for row in (before, after))
    yield Row("engine/beside-a-server", idle, "reports/s", facts={"reports": given.reports})
    name, peer = "engine/beside-a-server-that-predicts", "engine/beside-a-server"
    yield Row(name, during.value, "reports/s", peer, target_ratio=LEAST, peer_value=idle, facts=dict(during.facts))


def forecast_row(seed: int = 0, reports: int = 100_000) -> Row:
    """Time of one forecast by a predictor that knows 200 providers and 1,000 callers; the median of 500."""
    rng = np.random.default_rng(seed)
    provider = [f"p{number}" for number in rng.integers(0, PROVIDERS, reports)]
    caller = [f"c{number}" for number in rng.integers(0, CALLERS, reports)]
    nothing = [None] * reports
    rolling = Rolling(keep=reports)
    rolling.learn(Heard(provider, caller, nothing, nothing, rng.random(reports) < 0.97, rng.uniform(10, 900, reports)))
    took_ms = []
    for number in range(ASKED):
        began_s = time.perf_counter()
        rolling.forecast(provider[number], caller[number])
        took_ms.append((time.perf_counter() - began_s) * 1e3)
    facts = {"reports": reports, "pairs": rolling.known_pairs, "p95_ms": round(float(np.quantile(took_ms, 0.95)), 2)}
    return Row("truth/forecast", float(np.median(took_ms)), "ms", lower_is_better=True, facts=facts)


def _beside(bench: Bench, kafka: KafkaServer, place: Path, reports: int, learns: bool) -> Row:
    """Rate of one worker while a server runs."""
    children = Supervisor(place / "logs")
    env = {"TRUSTSCORE_BROKER": kafka.address, "TRUSTSCORE_LAKE": "", "TRUSTSCORE_DATA_DIR": str(place)}
    # What lies there at the start is learned four times as fast as what comes: so this is the default rate.
    env["TRUSTSCORE_PREDICT_RATE"] = str(DEFAULT_RATE / 4 if learns else 0)
    env["TRUSTSCORE_PREDICT_REPORTS"] = "10000000"
    try:
        server = Server(children, "server", env)
        server.wait_until_ready()
        used_s = server.cpu_s()
        variant = Variant("beside-a-server", lake=False)
        row = next(iter(rows_of(variant, bench.measure(variant, reports), reports, None)))
        return replace(row, facts={**row.facts, "server_cpu_s": round(server.cpu_s() - used_s, 1)})
    finally:
        children.stop_all()


PROGRAM: Final = Program("prediction", __doc__ or "", options, run)

if __name__ == "__main__":
    sys.exit(execute(PROGRAM))
