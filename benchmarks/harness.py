"""What every benchmark shares: its rows, the machine they were taken on, ``results.json``, and the printed table.

A benchmark is a module with a ``PROGRAM``. ``python -m benchmarks`` runs them all, ``python -m benchmarks engine``
one, ``python -m benchmarks --show`` prints what is on file.
"""

import argparse
import json
import logging
import os
import platform
import signal
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

__all__ = [
    "RESULTS",
    "BenchmarkFailed",
    "Program",
    "Row",
    "execute",
    "machine",
    "merged",
    "must_be_file",
    "say",
    "stored",
    "table",
]

RESULTS: Final = Path(__file__).with_name("results.json")
DIGITS: Final = 4
"""Significant digits kept of what is measured (counts keep all): a second run differs in the third."""


class BenchmarkFailed(Exception):
    """A benchmark that could not be finished, or whose result is wrong; what it measured before stays."""


def must_be_file(name: str, path: Path, wanted: str = "a file") -> None:
    """Return when there is a file at the path that was given as ``name``; ``BenchmarkFailed`` otherwise."""
    if not path.is_file():
        raise BenchmarkFailed(f"{name} must be {wanted}; got {path}, which is none")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure."""

    name: str
    """``program/what``, such as ``engine/fold-score-lake-json``."""
    value: float
    unit: str
    peer: str | None = None
    """Name of the row of the same run it is compared with."""
    target: float | None = None
    lower_is_better: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict)
    """How it came about: amounts, and figures beside it."""
    target_ratio: float | None = None
    """What ``value`` divided by the peer's must reach."""
    peer_value: float | None = None
    """What the peer gave right before and after this row (mean), where it ran then; otherwise its own row's value."""

    def ratio(self, values: Mapping[str, float]) -> float | None:
        """To the peer, given the values of all rows of the run; None without a peer that ran."""
        if self.peer is None:
            return None
        theirs = values.get(self.peer) if self.peer_value is None else self.peer_value
        return self.value / theirs if theirs else None

    @property
    def met(self) -> bool | None:
        """Whether ``target`` is reached; None without one."""
        return None if self.target is None else self._reaches(self.value, self.target)

    def judged(self, ratio: float | None) -> bool | None:
        """Whether ``target`` and ``target_ratio`` are reached; None without one, or when a wanted ratio is unknown."""
        if self.target_ratio is None:
            return self.met
        if ratio is None:
            return None
        return self.met is not False and self._reaches(ratio, self.target_ratio)

    def _reaches(self, got: float, goal: float) -> bool:
        return got <= goal if self.lower_is_better else got >= goal


class Program(NamedTuple):
    """A benchmark: what it is called, what it asks for, and what it gives."""

    name: str
    about: str
    options: Callable[[argparse.ArgumentParser], None]
    run: Callable[[argparse.Namespace], Iterable[Row]]
    """May raise ``BenchmarkFailed`` after its rows."""


def say(sentence: str) -> None:
    """Tell how far it is, beside the table."""
    print(sentence, file=sys.stderr, flush=True)


def machine() -> dict[str, Any]:
    """What the figures depend on: processor, cores, memory, Python."""
    memory_bytes = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory": f"{memory_bytes / 2**30:.1f} GiB",
        "python": platform.python_version(),
    }


def stored(rows: Sequence[Row], on: Mapping[str, Any], at: datetime, load_1m: float) -> list[dict[str, Any]]:
    """Rows as ``results.json`` keeps them, each with its ratio to a peer of the same run.

    Parameters
    ----------
    rows
        Of one run.
    on
        The machine.
    at
        When the run ended.
    load_1m
        Load average of the last minute when it began: above 0.5, something else was running too.
    """
    values = {row.name: row.value for row in rows}
    kept = []
    for row in rows:
        ratio = row.ratio(values)
        kept.append(
            {
                **asdict(row),
                "value": _rounded(row.value),
                "peer_value": None if row.peer_value is None else _rounded(row.peer_value),
                "ratio": None if ratio is None else _rounded(ratio),
                "met": row.judged(ratio),
                "measured_at": at.isoformat(timespec="seconds"),
                "load_1m": round(load_1m, 2),
                "machine": dict(on),
            }
        )
    return kept


def merged(old: Iterable[dict[str, Any]], new: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """All rows by name; of two with the same name the new one."""
    by_name = {row["name"]: row for row in (*old, *new)}
    return [by_name[name] for name in sorted(by_name)]


def table(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows for a person."""
    head = ("name", "value", "unit", "against", "target", "")
    lines = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    numbers = {1, 4}
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in numbers else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def execute(program: Program, arguments: Sequence[str] | None = None, results: Path = RESULTS) -> int:
    """Run one benchmark, keep its rows and print them; exit code 0, 1 when it failed, 130 after Ctrl-C."""
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks {program.name}",
        description=program.about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    program.options(parser)
    options = parser.parse_args(arguments)
    load_1m = os.getloadavg()[0]
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # "not leader" for each partition of a topic made just now
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)  # either way, what was started is stopped
    rows: list[Row] = []
    code = 0
    try:
        for row in program.run(options):
            say(f"  {row.name}: {_number(row.value)} {row.unit}".rstrip())
            rows.append(row)
    except BenchmarkFailed as fault:
        say(f"{program.name}: {fault}")
        code = 1
    except KeyboardInterrupt:
        say(f"{program.name}: interrupted after {len(rows)} rows, which are kept")
        code = 130
    finally:
        signal.signal(signal.SIGTERM, before)
    if rows:
        fresh = stored(rows, machine(), datetime.now(UTC), load_1m)
        kept = json.dumps(merged(read(results), fresh), indent=2, ensure_ascii=False)
        results.write_text(kept + "\n", encoding="utf-8")
        print(table(fresh), flush=True)
    return code


def read(results: Path = RESULTS) -> list[dict[str, Any]]:
    """Rows on file; none when there is no file."""
    if not results.exists():
        return []
    rows: list[dict[str, Any]] = json.loads(results.read_text(encoding="utf-8"))
    return rows


def _cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    against = f"{row['ratio']:g} × {row['peer']}" if row["ratio"] is not None else ""
    relation = "≤" if row["lower_is_better"] else "≥"
    goals = [_number(row["target"])] if row["target"] is not None else []
    if row.get("target_ratio") is not None:  # rows kept by an earlier version state none
        goals.append(f"{row['target_ratio']:g} ×")
    target = " and ".join(f"{relation} {goal}" for goal in goals)
    met = {None: "", True: "met", False: "MISSED"}[row["met"]]
    return (row["name"], _number(row["value"]), row["unit"], against, target, met)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.4g}"


def _rounded(value: float) -> float:
    return int(value) if float(value).is_integer() else float(f"{value:.{DIGITS}g}")


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
