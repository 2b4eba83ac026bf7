"""Columns of the lake's tables, as plain data: the worker writes them, the analytics read them."""

from typing import Final

from scoring.stats import STATS

__all__ = ["DIMENSIONS", "PANES", "REJECTS", "REPORTS", "SCORES"]

DIMENSIONS: Final = (
    "reliability", "uptime", "latency", "error_rate", "quality", "freshness", "security",
    "cost_efficiency", "geographic_availability", "consistency", "rate_limits",
)  # fmt: skip
"""The seven, then the four further ones."""

REPORTS: Final = {
    "date": "date",  # UTC day of the event; partition column
    "timestamp": "timestamp",
    "provider_id": "string",
    "outcome": "string",
    "report_id": "string",
    "latency_ms": "float64",
    "task_type": "string",
    "tool": "string",
    "region": "string",
    "provider_version": "string",
    "reporter_id": "string",
    "source": "string",
    "quality": "float64",
    "cost_usd": "float64",
    "data_age_s": "float64",
    "schema_valid": "bool",
    "rate_limited": "bool",
    "rate_limit_limit": "float64",
    "rate_limit_remaining": "float64",
    "rate_limit_reset_s": "float64",
    "retry_after_s": "float64",
    "consistency": "string",
    "replication_lag_ms": "float64",
    "security": "list<string>",
    "tenant": "string",
    "trace_id": "string",
    "attempt": "int64",
    "details": "string",  # JSON
    "received_at": "timestamp",  # the broker's record time
    "partition": "int32",  # where in trust.reports it stands
    "offset": "int64",
    "row": "int32",  # position in the message (0 for JSON)
}

PANES: Final = {
    "date": "date",
    "provider_id": "string",
    "task_type": "string",  # "" where reports state none
    "region": "string",
    "pane_start": "timestamp",  # UTC minute
    "partition": "int32",
    "last_offset": "int64",
    **dict.fromkeys(STATS, "int64"),
    "latency_buckets": "list<int32>",
    "latency_counts": "list<int64>",
}
"""Increments of one-minute panes: a pane is the sum of its rows (late reports add a row)."""

SCORES: Final = {
    "date": "date",  # UTC day of as_of; partition column
    "as_of": "timestamp",
    "provider_id": "string",
    "facet": "string",  # "", "task=…" or "region=…"
    "trust_score": "float64",  # null without evidence
    "lower": "float64",
    "upper": "float64",
    "success_probability": "float64",
    "confidence": "string",
    "n": "int64",
    "n_effective": "float64",
    "flags": "list<string>",
    **dict.fromkeys(DIMENSIONS, "float64"),
    **{f"z_{name}": "float64" for name in DIMENSIONS},
    "record": "string",  # the whole trust.scores value, JSON
    "partition": "int32",  # where in trust.scores it stands
    "offset": "int64",
}

REJECTS: Final = {
    "date": "date",
    "received_at": "timestamp",
    "topic": "string",
    "partition": "int32",
    "offset": "int64",
    "row": "int32",  # -1: the whole message
    "field": "string",
    "reason": "string",
    "value": "binary",
    "headers": "string",  # JSON, values base64
}
