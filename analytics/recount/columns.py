"""What one report adds to each statistic, in SQL."""

from collections.abc import Mapping
from typing import Any, Final

import duckdb

from scoring.reports import SECURITY
from scoring.stats import BUCKET_BOUNDS_US, STATS

__all__ = ["COUNTED", "SUMS", "fill", "prepare"]

_ANSWERED: Final = "outcome in ('success', 'failure') and latency_ms is not null"
_LATENCY_US: Final = f"case when {_ANSWERED} then floor(latency_ms * 1e3 + 5e-1)::BIGINT end"

# What one report adds to each statistic; null adds nothing. Decimal literals are written as doubles (1e3, 5e-1).
_ADDS: Final[Mapping[str, str]] = {
    **{outcome: f"(outcome = '{outcome}')::BIGINT" for outcome in ("success", "failure", "timeout", "error")},
    "latency_n": f"({_ANSWERED})::BIGINT",
    "latency_us": _LATENCY_US,
    "latency_satisfied": f"(({_LATENCY_US}) <= 1000000)::BIGINT",
    "latency_tolerating": f"(({_LATENCY_US}) between 1000001 and 4000000)::BIGINT",
    "quality_n": "(quality is not null)::BIGINT",
    "quality_ppm": "floor(quality * 1e6 + 5e-1)::BIGINT",
    "schema_n": "(schema_valid is not null)::BIGINT",
    "schema_ok": "schema_valid::BIGINT",
    "freshness_n": "(data_age_s is not null)::BIGINT",
    "freshness_ppm": "floor(pow(2e0, -data_age_s / 864e2) * 1e6 + 5e-1)::BIGINT",
    "data_age_ms": "floor(data_age_s * 1e3 + 5e-1)::BIGINT",
    "cost_n": "(cost_usd is not null)::BIGINT",
    "cost_nusd": "floor(cost_usd * 1e9 + 5e-1)::BIGINT",
    "cost_ppm": "floor(1e0 / (1e0 + cost_usd / 1e-2) * 1e6 + 5e-1)::BIGINT",
    "rate_limit_n": "(rate_limited is not null)::BIGINT",
    "rate_limited": "rate_limited::BIGINT",
    "consistency_n": "(consistency is not null)::BIGINT",
    "consistency_ppm": "case consistency when 'ok' then 1000000 when 'stale' then 500000 else 0 end::BIGINT",
    "lag_n": "(replication_lag_ms is not null)::BIGINT",
    "lag_ms": "floor(replication_lag_ms + 5e-1)::BIGINT",
    "security_n": "(security is not null)::BIGINT",
    "security_clean": "(len(security) = 0)::BIGINT",
    **{finding: f"list_contains(security, '{finding}')::BIGINT" for finding in SECURITY},
}
assert set(_ADDS) == set(STATS)
_TYPES: Final = {"provider_id": "VARCHAR", "facet": "VARCHAR"}

COUNTED: Final = f"""
  select provider_id, coalesce(task_type, '') as task_type, coalesce(region, '') as region, partition, "offset",
    epoch_us(timestamp) // 60000000 * 60 as minute_s, epoch_us(timestamp) as event_us, {_LATENCY_US} as answered_us,
    {", ".join(f"{_ADDS[name]} as {name}" for name in STATS)}
  from reports
"""
"""Reports with what each adds; ``minute_s`` is the start of its pane."""

SUMS: Final = ", ".join(f"coalesce(sum({name}), 0)::BIGINT as {name}" for name in STATS)


def prepare(cursor: duckdb.DuckDBPyConnection, committed: Mapping[int, int]) -> None:
    """Make the temporary tables the counting needs.

    Parameters
    ----------
    cursor
        Of a lake's connection; its own temporary tables.
    committed
        Last offset of each partition that both ``reports`` and ``panes`` hold.
    """
    bounds = [*BUCKET_BOUNDS_US.tolist()[:-1], 2**62]
    cursor.execute(
        "create or replace temp table latency_bounds as select unnest($bounds::BIGINT[]) as bound_us,"
        " unnest(range(len($bounds))) as bucket",
        {"bounds": bounds},
    )
    fill(cursor, "committed", {"partition": [*committed], "through": [*committed.values()]})


def fill(cursor: duckdb.DuckDBPyConnection, table: str, columns: Mapping[str, list[Any]]) -> None:
    """A temporary table of these columns."""
    listed = ", ".join(f"unnest(${name}::{_TYPES.get(name, 'BIGINT')}[]) as {name}" for name in columns)
    cursor.execute(f"create or replace temp table {table} as select {listed}", dict(columns))
