"""A report: what one agent saw of one call to one provider. Its fields, their units and bounds, and their check.

``FIELDS`` is the one place that knows them: the wire decoder, the lake, REST, MCP and the CLI are built from it.
"""

import json
import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple

from scoring.errors import InvalidReport

__all__ = [
    "CONSISTENCY", "DETAILS_BYTES", "FIELDS", "FUTURE_S", "OUTCOMES", "PAST_S", "PROVIDER_ID", "SECURITY", "SOURCES",
    "Field", "check_time", "epoch_s", "validate",
]  # fmt: skip

OUTCOMES: Final = ("success", "failure", "timeout", "error")
SOURCES: Final = ("agent", "probe", "gateway", "otel")
CONSISTENCY: Final = ("ok", "stale", "conflict", "lost")
SECURITY: Final = ("tls_invalid", "auth_missing", "tool_changed", "injection", "leak")
PROVIDER_ID: Final = re.compile(r"[A-Za-z0-9._:/@-]{1,200}\Z")
DETAILS_BYTES: Final = 4_096
FUTURE_S: Final = 300.0
"""A report may be this far ahead of the broker's clock, seconds."""
PAST_S: Final = 90 * 86_400.0
"""A report may be this old when it reaches the broker, seconds."""


class Field(NamedTuple):
    """One field of a report: type, unit and bounds."""

    name: str
    kind: Literal["string", "number", "integer", "bool", "strings", "object", "time"]
    meaning: str
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
    Field("provider_id", "string", "who was called", max_length=200, required=True),
    Field("outcome", "string", "what came of it", choices=OUTCOMES, required=True),
    Field("timestamp", "time", "when the call ended (event time)", "s", required=True),
    Field("report_id", "string", "the producer's idempotency key", max_length=64),
    Field("latency_ms", "number", "from request to answer", "ms", 0, 3_600_000),
    Field("task_type", "string", "what kind of work was asked for"),
    Field("tool", "string", "name of the tool called"),
    Field("region", "string", "where the caller stands"),
    Field("provider_version", "string", "version the provider states"),
    Field("reporter_id", "string", "who reports; default anonymous", max_length=200),
    Field("source", "string", "what kind of observer reports", choices=SOURCES),
    Field("quality", "number", "how good the answer was", "", 0, 1),
    Field("cost_usd", "number", "what the call cost", "USD", 0, 100_000),
    Field("data_age_s", "number", "age of the data in the answer", "s", 0, 1_000_000_000),
    Field("schema_valid", "bool", "whether the answer matched the tool's schema"),
    Field("rate_limited", "bool", "whether the provider refused for rate"),
    Field("rate_limit_limit", "number", "calls allowed per window", "", 0, 1e12),
    Field("rate_limit_remaining", "number", "calls left in the window", "", 0, 1e12),
    Field("rate_limit_reset_s", "number", "until the window ends", "s", 0, 1e9),
    Field("retry_after_s", "number", "how long the provider asks to wait", "s", 0, 1e9),
    Field("consistency", "string", "whether the data agreed with what was known", choices=CONSISTENCY),
    Field("replication_lag_ms", "number", "how far a replica was behind", "ms", 0, 1e9),
    Field("security", "strings", "what a check found; an empty list: checked, nothing found", choices=SECURITY),
    Field("tenant", "string", "whose traffic this is"),
    Field("trace_id", "string", "trace the call belongs to"),
    Field("attempt", "integer", "1 for the first try", "", 0, 1_000_000),
    Field("details", "object", "anything else; stored, never scored"),
)
_BY_NAME: Final = {field.name: field for field in FIELDS}


def epoch_s(value: float | str) -> float:
    """Epoch seconds of a report's ``timestamp``.

    Parameters
    ----------
    value
        Epoch seconds, or an RFC 3339 time with a zone.

    Raises
    ------
    ValueError
        When a text is no time, or has no zone.

    Examples
    --------
    >>> epoch_s("1970-01-01T00:01:00Z"), epoch_s(1.5)
    (60.0, 1.5)
    """
    if isinstance(value, str):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None or len(value) < 11:
            raise ValueError("no zone")
        return moment.timestamp()
    return float(value)


def check_time(event_s: float, now_s: float, report: str = "") -> None:
    """Raise ``InvalidReport`` when a report is more than 5 minutes ahead of ``now_s`` or more than 90 days behind."""
    if event_s > now_s + FUTURE_S:
        ahead = f"{event_s - now_s:.1f} s ahead"
        raise InvalidReport("timestamp", "at most 300 s ahead of the broker's clock", ahead, "set the clock", report)
    if event_s < now_s - PAST_S:
        behind = f"{(now_s - event_s) / 86_400:.2f} days old"
        raise InvalidReport("timestamp", "at most 90 days old", behind, "send reports sooner", report)


def validate(report: Mapping[str, Any]) -> dict[str, Any]:
    """The report as known fields only, unknown ones moved into ``details``, ``null`` ones left out.

    Parameters
    ----------
    report
        Field values as decoded from JSON.

    Returns
    -------
    dict
        ``timestamp`` stays as given; every value has the type and bounds of its ``Field``.

    Raises
    ------
    InvalidReport
        At the first field that is missing or out of bounds.

    Examples
    --------
    >>> validate({"provider_id": "a", "outcome": "success", "timestamp": 1, "mood": "good"})["details"]
    {'mood': 'good'}
    >>> validate({"provider_id": "a", "outcome": "success", "timestamp": 1, "latency_ms": -12.0})
    Traceback (most recent call last):
    scoring.errors.InvalidReport: latency_ms must be a number from 0 to 3,600,000 ms; got -12.0; send it within bounds or leave it out
    """  # noqa: E501
    given = report.get("report_id")
    label = given if isinstance(given, str) and len(given) <= 64 else ""
    kept: dict[str, Any] = {}
    for field in FIELDS:
        value = report.get(field.name)
        if value is None:
            if field.required:
                raise InvalidReport(field.name, field.wanted, "nothing", "add the field", label)
            continue
        if not _fits(field, value):
            step = "correct it" if field.required else "send it within bounds or leave it out"
            raise InvalidReport(field.name, field.wanted, _shown(value), step, label)
        kept[field.name] = value
    unknown = {name: value for name, value in report.items() if name not in _BY_NAME}
    if unknown:
        kept["details"] = {**unknown, **kept.get("details", {})}
        if not _fits(_BY_NAME["details"], kept["details"]):
            got = "unknown fields that make it larger"
            raise InvalidReport("details", _BY_NAME["details"].wanted, got, "send fewer unknown fields", label)
    return kept


def _fits(field: Field, value: Any) -> bool:
    match field.kind:
        case "string":
            if not isinstance(value, str) or not _encodable(value):
                return False
            if field.name == "provider_id":
                return PROVIDER_ID.match(value) is not None
            return value in field.choices if field.choices else 1 <= len(value) <= field.max_length
        case "bool":
            return isinstance(value, bool)
        case "number" | "integer":
            whole = isinstance(value, int) and not isinstance(value, bool)
            if not whole and not (isinstance(value, float) and field.kind == "number"):
                return False
            return bool(field.minimum <= value <= field.maximum)
        case "strings":
            return isinstance(value, list) and all(isinstance(v, str) and v in field.choices for v in value)
        case "object":
            return isinstance(value, dict) and _json_bytes(value) <= DETAILS_BYTES
        case _:  # a time
            return _is_time(value)


def _is_time(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return False
    try:
        return -1e11 < epoch_s(value) < 1e11
    except (ValueError, OverflowError):
        return False


def _json_bytes(value: dict[str, Any]) -> float:
    try:
        return len(json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode())
    except (ValueError, TypeError, RecursionError):
        return math.inf


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        size = _json_bytes(value)
        return f"an object of {size:,.0f} bytes" if size < math.inf else "an object that is no JSON"
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
