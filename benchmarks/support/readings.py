"""What a WS-DREAM file says of each service, counted without any code of the product, and what the lake says."""

import gzip
from collections import defaultdict
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Final

from analytics.lake import Lake

__all__ = ["Counted", "counted", "in_lake"]

TIMEOUT_S: Final = Decimal(20)
_SQL: Final = """
    with by_report as (
      select provider_id, count(*) as reports, count(*) filter (outcome = 'timeout') as timeouts from reports group by 1
    ), by_pane as (
      select provider_id, sum(success + failure + timeout + error) as reports, sum(timeout) as timeouts,
        sum(latency_us) as latency_us
      from panes group by 1
    )
    select provider_id, r.reports, r.timeouts, p.reports, p.timeouts, p.latency_us
    from by_report r full join by_pane p using (provider_id) order by provider_id limit 1000000
"""


@dataclass(frozen=True, slots=True)
class Counted:
    """One service."""

    reports: int
    timeouts: int
    """Readings of 20 s and more."""
    latency_us: int
    """Sum of the others, microseconds."""


def counted(path: Path) -> dict[str, Counted]:
    """By provider id: what the file holds, in decimal arithmetic."""
    reports: dict[str, int] = defaultdict(int)
    timeouts: dict[str, int] = defaultdict(int)
    latency_us: dict[str, int] = defaultdict(int)
    with gzip.open(path, "rt", encoding="ascii") if path.suffix == ".gz" else path.open(encoding="ascii") as lines:
        next(lines)
        for line in lines:
            _, service, *cells = line.rstrip("\r\n").split(",")
            provider = f"service-{service}"
            for seconds in (Decimal(cell) for cell in cells if cell):
                reports[provider] += 1
                if seconds >= TIMEOUT_S:
                    timeouts[provider] += 1
                else:
                    latency_us[provider] += int((seconds * 1_000_000).to_integral_value(ROUND_HALF_UP))
    return {name: Counted(count, timeouts[name], latency_us[name]) for name, count in reports.items()}


def in_lake(lake: Lake) -> dict[str, Counted]:
    """By provider id: what DuckDB counts in ``reports`` and sums in ``panes``; -1 where the two tables disagree."""
    found = {}
    for provider, reports, timeouts, pane_reports, pane_timeouts, latency_us in lake.rows(_SQL):
        agree = (reports, timeouts) == (pane_reports, pane_timeouts)
        found[provider] = Counted(reports, timeouts, int(latency_us)) if agree else Counted(-1, -1, -1)
    return found
