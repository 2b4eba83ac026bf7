"""What requests look like, for OpenAPI, with examples."""

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from analytics.intake import ARROW, MOST_ARROW_BYTES, MOST_REPORTS
from analytics.mcp_arguments import json_schema
from analytics.models import Bucket
from analytics.questions import MOST_IDS
from scoring.reports import FIELDS

__all__ = ["RANK_BODY", "REPORTS_BODY", "DiscoverQuestion", "FacetQuestion", "HistoryQuestion", "RankQuestion"]

_Text = Annotated[str | None, Field(min_length=1, max_length=100)]


class _Question(BaseModel):
    """Arguments of an address; one it does not know is an error, so that a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FacetQuestion(_Question):
    """Whose reports count: of a task type, else from a region, else all."""

    task_type: _Text = None
    region: _Text = None


class CheckQuestion(FacetQuestion):
    """The same, and who would call."""

    reporter_id: Annotated[
        str | None,
        Field(min_length=1, max_length=200, description="adds what this caller may expect of its next call"),
    ] = None


class HistoryQuestion(FacetQuestion):
    """Span and grain of a history."""

    bucket: Bucket = "hour"
    since: Annotated[str | None, Field(description="RFC 3339 with zone, or epoch seconds")] = None
    until: Annotated[str | None, Field(description="the same; left out: now")] = None
    limit: Annotated[int, Field(ge=1, le=10_000)] = 1_000


class RankQuestion(_Question):
    """Whom to rank, for what."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={
            "examples": [{"provider_ids": ["docker/brave", "docker/exa"], "task_type": "web_search"}, {"limit": 5}]
        },
    )
    provider_ids: Annotated[
        list[str] | None, Field(min_length=1, max_length=MOST_IDS, description="left out: all that have reports")
    ] = None
    task_type: _Text = None
    limit: Annotated[int, Field(ge=1, le=1_000)] = 10


class DiscoverQuestion(_Question):
    """What to search for; several conditions must all hold."""

    text: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    task_type: _Text = None
    category: _Text = None
    limit: Annotated[int, Field(ge=1, le=1_000)] = 20


RANK_BODY: Final[dict[str, Any]] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": RankQuestion.model_json_schema()}}}
}
"""Body of ``POST /v1/rank``; read like the one of reports, so that it is refused in the same words."""

_REPORT: Final[dict[str, Any]] = {
    "type": "object",
    "title": "Report",
    "required": ["provider_id", "outcome"],
    "properties": {field.name: json_schema(field) for field in FIELDS},
    "additionalProperties": True,
    "description": "timestamp defaults to now, report_id to a random one; unknown fields are kept in details",
}
_ONE: Final = {
    "provider_id": "docker/brave",
    "outcome": "success",
    "latency_ms": 412.5,
    "task_type": "web_search",
    "reporter_id": "my-agent",
}
REPORTS_BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "oneOf": [
                        _REPORT,
                        {"type": "array", "items": _REPORT, "minItems": 1, "maxItems": MOST_REPORTS},
                    ]
                },
                "examples": {
                    "one": {"value": _ONE},
                    "many": {
                        "value": [_ONE, {"provider_id": "docker/exa", "outcome": "timeout", "latency_ms": 30_000}]
                    },
                },
            },
            ARROW: {
                "schema": {
                    "type": "string",
                    "format": "binary",
                    "description": f"an Arrow IPC stream of at most {MOST_ARROW_BYTES:,} bytes, columns as the fields",
                }
            },
        },
    }
}
"""Body of ``POST /v1/reports``; it is read by hand, for it has three forms."""
