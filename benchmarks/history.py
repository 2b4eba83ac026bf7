"""What answers cost at full size: a check, a ranking, 90 days of a provider by the hour, a question nobody foresaw.

``python -m benchmarks history [--scale 0.01] [--lake DIRECTORY]``. A lake of 100 million reports of 10,000 providers
over 90 days is made from a seed (``benchmarks.support.full_lake``; 11 GB, an hour and a half on two cores), kept where
``--lake`` says and found there again. All days but the last, which counts as still being written, are rolled up by the
hour, as maintenance does it. The scores fill the board (of a smaller lake: 10,000 providers drawn from a seed).
Histories are of providers drawn anew. Checks are of providers as unevenly as they are called, while a score arrives for
every twentieth; what they cost where all providers are asked about alike is among the facts, and of a score that has
just come in a row of its own.
"""

import argparse
import asyncio
import gc
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analytics import queries
from analytics.lake import Lake
from analytics.rollup import roll_up
from analytics.service import Service
from analytics.settings import load_settings
from benchmarks.harness import BenchmarkFailed, Program, Row, execute, say
from benchmarks.support.full_board import provider_id, score_records
from benchmarks.support.full_lake import HEAD, FullLake, make

__all__ = ["PROGRAM"]

REPORTS: Final = 100_000_000
PROVIDERS: Final = 10_000
DAYS: Final = 90
CHECK_P50_US: Final = 20.0
RANK_MS: Final = 5.0
HISTORY_MS: Final = 50.0
ADHOC_MS: Final = 300.0
CHECKS: Final = 20_000
ARRIVES_EVERY: Final = 20
"""Checks after which one of the scores comes anew."""
RANKS: Final = 50
HISTORIES: Final = 60
ADHOCS: Final = 7
REPORT_BYTES: Final = 36
"""Of disk for a report kept in the lake."""
PANES_BYTES: Final = 81
"""The same for its panes: 14 by the minute, 67 by the hour."""
SPARE_BYTES: Final = 4 << 30
ADHOC: Final = """
    select region, quantile_cont(latency_ms, 0.95) as p95_ms, count(*) as n from reports
    where date >= $first_day group by region order by region limit 1_000
"""
_MADE: Final = "made.json"


class Timed(NamedTuple):
    """Milliseconds of each time something was done, on the wall and of processor."""

    wall_ms: NDArray[np.float64]
    cpu_ms: NDArray[np.float64]

    def facts(self, **more: Any) -> dict[str, Any]:
        """Figures beside the median."""
        p95_ms, most_ms = np.percentile(self.wall_ms, (95, 100))
        cpu_ms = float(np.median(self.cpu_ms))
        return {"p95_ms": _short(p95_ms), "max_ms": _short(most_ms), "cpu_p50_ms": _short(cpu_ms), **more}


def options(parser: argparse.ArgumentParser) -> None:
    """What can be asked of it."""
    parser.add_argument("--scale", type=float, default=1.0, help="share of reports and providers (default 1)")
    parser.add_argument("--lake", type=Path, help="keep the lake here, and use what is there")


def run(given: argparse.Namespace) -> Iterator[Row]:
    """Rows over one lake."""
    with _place(given.lake) as root:
        made = _lake(root, given.scale)
        with Lake(root) as lake:
            yield from _histories(lake, made)
            yield from _adhoc(lake, made)
        yield from asyncio.run(_answers(root, made))


@contextmanager
def _place(wanted: Path | None) -> Iterator[Path]:
    if wanted is not None:
        yield wanted
        return
    with tempfile.TemporaryDirectory(prefix="trustscore-history-") as place:
        yield Path(place, "lake")


def _lake(root: Path, scale: float) -> dict[str, Any]:
    """Facts of the lake, which is made where there is none of the size asked for."""
    reports, providers = round(REPORTS * scale), max(round(PROVIDERS * scale), 10)
    known = root.with_name(f"{root.name}-{_MADE}")
    wanted = {"reports": reports, "providers": providers, "days": DAYS}
    if known.exists():
        facts: dict[str, Any] = json.loads(known.read_text(encoding="utf-8"))
        if {name: facts[name] for name in wanted} != wanted:
            raise BenchmarkFailed(f"{root} must hold {wanted}; got {facts}; name another directory")
        return facts
    root.parent.mkdir(parents=True, exist_ok=True)
    free_bytes = shutil.disk_usage(root.parent).free - SPARE_BYTES - reports * PANES_BYTES
    kept = min(1.0, max(free_bytes, 0) / (reports * REPORT_BYTES))
    if kept <= 0:
        raise BenchmarkFailed(
            f"{root} must have {(reports * PANES_BYTES + SPARE_BYTES) >> 30} GiB of room; name another"
        )
    say(f"history: making {reports:,} reports of {providers:,} providers, {kept:.0%} of them kept one by one")
    until = datetime.now(UTC).date()
    made = make(FullLake(str(root), reports, providers, DAYS, until, kept))
    began_s = time.monotonic()
    hours = sum(week.rows for week in roll_up(str(root), until - timedelta(days=1), threads=None))
    facts = wanted | {
        "rows": {**made.rows, "hours": hours},
        "size_mb": {name: round(size / 1e6) for name, size in made.size_bytes.items()},
        "reports_kept": round(kept, 3),
        "until": until.isoformat(),
        "made_in_s": round(made.seconds),
        "rolled_up_in_s": round(time.monotonic() - began_s),
    }
    known.write_text(json.dumps(facts), encoding="utf-8")
    say(f"history: {facts}")
    return facts


def _histories(lake: Lake, made: dict[str, Any]) -> Iterator[Row]:
    """90 days by the hour: of providers all over the ranking, and of the busiest."""
    until_s = datetime.fromisoformat(made["until"]).replace(tzinfo=UTC).timestamp()
    since_s = until_s - made["days"] * 86_400
    rng = np.random.default_rng(7)
    drawn = rng.choice(made["providers"], min(HISTORIES, made["providers"]), replace=False).tolist()

    def history(number: int) -> list[queries.HistoryRow]:
        return queries.history(lake, provider_id(number), "", "hour", since_s, until_s, limit=10_000)

    first_ms = _timed(lambda: history(drawn[0]), 1).wall_ms[0]
    points: list[int] = []
    timed = _together([_timed(partial(lambda n: points.append(len(history(n))), number), 1) for number in drawn])
    if not all(points):
        raise BenchmarkFailed("every provider must have a history")
    asked = {"provider_id": provider_id(drawn[0])}
    (wanted,) = lake.rows("select count(*) from reports where provider_id = $provider_id", asked)[0]
    got = sum(row.n for row in history(drawn[0]))
    if got != wanted and made["reports_kept"] == 1.0:
        raise BenchmarkFailed(f"the history of {asked['provider_id']} must hold its {wanted:,} reports; got {got:,}")
    busiest = _timed(lambda: history(0), 7)
    facts = timed.facts(
        first_ms=_short(first_ms), points_p50=int(np.median(points)), busiest_p50_ms=_short(np.median(busiest.wall_ms)),
        busiest_points=len(history(0)), providers=len(drawn), lake=made,
    )  # fmt: skip
    name = "analytics/provider-90-day-hourly-p95"
    yield Row(name, float(np.median(timed.wall_ms)), "ms", None, HISTORY_MS, lower_is_better=True, facts=facts)


def _adhoc(lake: Lake, made: dict[str, Any]) -> Iterator[Row]:
    """p95 by region of the last 7 days over all providers, exact, from the reports one by one."""
    first_day = date.fromisoformat(made["until"]) - timedelta(days=7)
    found: list[tuple[Any, ...]] = []
    timed = _timed(lambda: found.extend(lake.rows(ADHOC, {"first_day": first_day})), ADHOCS)
    facts = timed.facts(
        first_ms=_short(timed.wall_ms[0]), reports=sum(n for *_, n in found) // ADHOCS, sql=" ".join(ADHOC.split())
    )
    name = "analytics/adhoc-p95-by-region-7-days"
    yield Row(name, float(np.median(timed.wall_ms)), "ms", None, ADHOC_MS, lower_is_better=True, facts=facts)


async def _answers(root: Path, made: dict[str, Any]) -> list[Row]:
    """Checks and rankings of a service whose board holds what the lake's scores say."""
    with tempfile.TemporaryDirectory(prefix="trustscore-history-data-") as data_dir:
        service = Service(load_settings(lake=str(root), data_dir=Path(data_dir), broker="127.0.0.1:9"))
        began_s = time.perf_counter()
        found = await service.lake.ask(queries.latest_scores)
        board_s = time.perf_counter() - began_s
        providers = max(made["providers"], PROVIDERS)  # a smaller lake holds too few to rank
        for record in found if providers == made["providers"] else score_records(providers, time.time()):
            service.board.put(record)
        service.feed.state.contact_s, service.feed.state.is_caught_up = time.time() + 1e9, True
        gc.collect()
        gc.freeze()
        try:
            return [*await _checks(service, providers, board_s), *await _ranks(service, providers)]
        finally:
            gc.unfreeze()
            service.lake.close()


async def _checks(service: Service, providers: int, board_s: float) -> list[Row]:
    rng = np.random.default_rng(8)
    calls = 1 / (HEAD + np.arange(providers))
    ids, evenly = (
        [provider_id(number) for number in rng.choice(providers, CHECKS, p=share).tolist()]
        for share in (calls / calls.sum(), None)
    )
    answer = await service.answers.check(ids[0])
    if not answer.known or answer.trust_score is None or answer.dimensions["latency"].peer is None:
        raise BenchmarkFailed(f"a check must give a score and its peers; got {answer}")
    used_s = time.process_time()
    mixed = await _asked(service, ids, ARRIVES_EVERY)
    used_s = time.process_time() - used_s
    p50_us, p99_us = (float(value) for value in np.percentile(mixed, (50, 99)))
    evenly_us = float(np.median(await _asked(service, evenly, ARRIVES_EVERY)))
    facts = {
        "p99_us": round(p99_us, 1), "evenly_p50_us": round(evenly_us, 1), "cpu_us": round(used_s / CHECKS * 1e6, 1),
        "checks": CHECKS, "providers": providers, "records": len(service.board), "from_lake_s": round(board_s, 1),
    }  # fmt: skip
    first_us = float(np.median(await _asked(service, evenly, 1)))
    return [
        Row("serving/check-in-process-p50", p50_us, "µs", None, CHECK_P50_US, lower_is_better=True, facts=facts),
        Row("serving/check-of-a-new-score-p50", first_us, "µs", lower_is_better=True),
    ]


async def _asked(service: Service, ids: list[str], arrives_every: int) -> NDArray[np.float64]:
    """Microseconds of each check; the score of every ``arrives_every``-th comes anew before it."""
    took_ns = np.empty(len(ids))
    for number, one in enumerate(ids):
        if number % arrives_every == 0 and (record := service.board.get(one)) is not None:
            service.board.put(replace(record))
        before_ns = time.perf_counter_ns()
        await service.answers.check(one)
        took_ns[number] = time.perf_counter_ns() - before_ns
    return took_ns / 1e3


async def _ranks(service: Service, providers: int) -> list[Row]:
    wall_ms, cpu_ms = [], []
    for _ in range(RANKS):
        began_s, used_s = time.perf_counter(), time.process_time()
        answer = await service.answers.rank(limit=10)
        wall_ms.append((time.perf_counter() - began_s) * 1e3)
        cpu_ms.append((time.process_time() - used_s) * 1e3)
        if answer.considered != providers:
            raise BenchmarkFailed(f"a ranking must consider {providers:,} providers; got {answer.considered:,}")
    timed = Timed(np.array(wall_ms), np.array(cpu_ms))
    facts = timed.facts(providers=providers)
    p50_ms = float(np.median(timed.wall_ms))
    return [Row("serving/rank-10000", p50_ms, "ms", None, RANK_MS, lower_is_better=True, facts=facts)]


def _timed(act: Callable[[], object], times: int) -> Timed:
    wall_ms, cpu_ms = [], []
    for _ in range(times):
        began_s, used_s = time.perf_counter(), time.process_time()
        act()
        wall_ms.append((time.perf_counter() - began_s) * 1e3)
        cpu_ms.append((time.process_time() - used_s) * 1e3)
    return Timed(np.array(wall_ms), np.array(cpu_ms))


def _together(parts: list[Timed]) -> Timed:
    return Timed(np.concatenate([part.wall_ms for part in parts]), np.concatenate([part.cpu_ms for part in parts]))


def _short(value: float) -> float:
    return float(f"{value:.4g}")


PROGRAM: Final = Program("history", __doc__ or "", options, run)

if __name__ == "__main__":
    raise SystemExit(execute(PROGRAM))
