"""The rows of the lake that a score counts, and those that speak to each dimension, as SQL. Pure."""

from typing import Final

from analytics.lake.views import literals
from scoring.records import ScoreRecord
from scoring.stats import WINDOWS, covers
from scoring.tables import DIMENSIONS

__all__ = ["SPEAKS", "rows_of"]

SPEAKS: Final = {
    "reliability": "true",
    "uptime": "true",
    "latency": "outcome in ('success', 'failure') and latency_ms is not null",
    "error_rate": "outcome <> 'timeout'",
    "quality": "(quality is not null or schema_valid is not null)",
    "freshness": "data_age_s is not null",
    "security": "security is not null",
    "cost_efficiency": "cost_usd is not null",
    "geographic_availability": "region is not null",
    "consistency": "consistency is not null",
    "rate_limits": "rate_limited is not null",
}
"""Condition on a row of ``reports`` under which it speaks to a dimension."""
assert tuple(SPEAKS) == DIMENSIONS
_FIELDS: Final = {"task": "task_type", "region": "region"}


def rows_of(record: ScoreRecord) -> str:
    """Statement that selects the reports behind a record from the lake's view ``reports``, oldest first.

    It ends before its order: a condition of ``SPEAKS`` can be added with ``and``.
    """
    window = WINDOWS[-1]
    first_s, last_s = covers(window, record.as_of_s)
    kind, _, value = record.facet.partition("=")
    where = [
        f"provider_id = {_text(record.provider_id)}",
        *([f"{_FIELDS[kind]} = {_text(value)}"] if record.facet else []),
        f"date >= to_timestamp({first_s})::DATE",
        f"epoch(timestamp) >= {first_s}",
        f"epoch(timestamp) < {last_s + window.level_s}",
        _through(record.through),
    ]
    return f"select * from reports where {' and '.join(where)}"


def _through(through: dict[int, int]) -> str:
    places = " or ".join(f'partition = {number} and "offset" <= {offset}' for number, offset in sorted(through.items()))
    return f"({places or 'false'})"


def _text(value: str) -> str:
    return literals([value])[1:-1]
