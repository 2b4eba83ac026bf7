"""The fields of a report as the service takes them.

The service's own table is ``scoring.reports.FIELDS``; the client installs without it, so this is a copy, and
``tests/unit/client/test_fields.py`` fails when the two differ.
"""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, Required, TypedDict

__all__ = [
    "DETAILS_BYTES", "FIELDS", "Consistency", "Field", "Finding", "Outcome", "Report", "ReportFields", "Source",
]  # fmt: skip

Outcome = Literal["success", "failure", "timeout", "error"]
"""``failure``: an answer, but wrong or unusable; ``error``: no answer (protocol, 5xx, exception)."""
Source = Literal["agent", "probe", "gateway", "otel"]
Consistency = Literal["ok", "stale", "conflict", "lost"]
Finding = Literal["tls_invalid", "auth_missing", "tool_changed", "injection", "leak"]

DETAILS_BYTES: Final = 4_096


class ReportFields(TypedDict, total=False):
    """What may be said of one call besides who was called and what came of it; units are in the names."""

    timestamp: float | str | datetime
    report_id: str
    latency_ms: float
    task_type: str
    tool: str
    region: str
    provider_version: str
    reporter_id: str
    source: Source
    quality: float
    cost_usd: float
    data_age_s: float
    schema_valid: bool
    rate_limited: bool
    rate_limit_limit: float
    rate_limit_remaining: float
    rate_limit_reset_s: float
    retry_after_s: float
    consistency: Consistency
    replication_lag_ms: float
    security: Sequence[Finding]
    tenant: str
    trace_id: str
    attempt: int
    details: dict[str, Any]


class Report(ReportFields):
    """A whole report."""

    provider_id: Required[str]
    outcome: Required[Outcome]


class Field(NamedTuple):
    """One field of a report: type, unit and bounds."""

    name: str
    kind: Literal["string", "number", "integer", "bool", "strings", "object", "time"]
    unit: str = ""
    minimum: float = -math.inf
    maximum: float = math.inf
    max_length: int = 100
    choices: tuple[str, ...] = ()
    required: bool = False

    @property
    def wanted(self) -> str:
        """What a value must be, in words."""
        if self.name == "provider_id":
            return "1 to 200 characters of A-Z a-z 0-9 . _ : / @ -"
        if self.choices:
            listed = ", ".join(self.choices)
            return f"a list of {listed}" if self.kind == "strings" else f"one of {listed}"
        if self.kind == "string":
            return f"text of 1 to {self.max_length} characters"
        if self.kind in ("number", "integer"):
            noun = "a whole number" if self.kind == "integer" else "a number"
            return f"{noun} from {self.minimum:g} to {self.maximum:,.0f} {self.unit}".rstrip()
        return {
            "bool": "true or false",
            "object": f"a JSON object of at most {DETAILS_BYTES} bytes",
            "time": "epoch seconds or an RFC 3339 time with zone",
        }[self.kind]


FIELDS: Final = (
    Field("provider_id", "string", max_length=200, required=True),
    Field("outcome", "string", choices=("success", "failure", "timeout", "error"), required=True),
    Field("timestamp", "time", "s", required=True),
    Field("report_id", "string", max_length=64),
    Field("latency_ms", "number", "ms", 0, 3_600_000),
    Field("task_type", "string"),
    Field("tool", "string"),
    Field("region", "string"),
    Field("provider_version", "string"),
    Field("reporter_id", "string", max_length=200),
    Field("source", "string", choices=("agent", "probe", "gateway", "otel")),
    Field("quality", "number", "", 0, 1),
    Field("cost_usd", "number", "USD", 0, 100_000),
    Field("data_age_s", "number", "s", 0, 1_000_000_000),
    Field("schema_valid", "bool"),
    Field("rate_limited", "bool"),
    Field("rate_limit_limit", "number", "", 0, 1e12),
    Field("rate_limit_remaining", "number", "", 0, 1e12),
    Field("rate_limit_reset_s", "number", "s", 0, 1e9),
    Field("retry_after_s", "number", "s", 0, 1e9),
    Field("consistency", "string", choices=("ok", "stale", "conflict", "lost")),
    Field("replication_lag_ms", "number", "ms", 0, 1e9),
    Field("security", "strings", choices=("tls_invalid", "auth_missing", "tool_changed", "injection", "leak")),
    Field("tenant", "string"),
    Field("trace_id", "string"),
    Field("attempt", "integer", "", 0, 1_000_000),
    Field("details", "object"),
)
