"""Arguments of the MCP tools: their types, and the words a model chooses values by."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema

from analytics.models import Bucket, ReportAnswer
from scoring.reports import FIELDS
from scoring.reports import Field as ReportField

__all__ = [
    "BucketName", "Category", "Limit", "Moment", "ProviderId", "ProviderIds", "Region", "ReporterId",
    "TaskType", "Text", "json_schema", "with_report_signature",
]  # fmt: skip

ProviderId = Annotated[
    str,
    Field(
        description="Id of the provider as it is reported, e.g. `io.github.acme/weather`. "
        "Take it from trustscore_discover or trustscore_rank when in doubt."
    ),
]
ProviderIds = Annotated[
    list[str] | None,
    Field(description="Ids to choose among, e.g. those you are connected to. Leave out to rank all that are known."),
]
TaskType = Annotated[
    str | None,
    Field(description="Kind of work, e.g. `web-search`: judge by reports of that kind only. Leave out for all."),
]
Region = Annotated[
    str | None,
    Field(description="Where the caller stands, e.g. `eu-west`: judge by reports from there. Not beside task_type."),
]
ReporterId = Annotated[
    str | None,
    Field(
        description="Who would call, as it stands in your reports: adds what this caller may expect of its next call."
    ),
]
Text = Annotated[str | None, Field(description="Words to look for in id, name, category and task types.")]
Category = Annotated[str | None, Field(description="Only providers of this category of the catalog, e.g. `databases`.")]
Limit = Annotated[int, Field(description="How many to return at most.", json_schema_extra={"minimum": 1})]
Moment = Annotated[
    str | float | None, Field(description="RFC 3339 time with zone, or epoch seconds. Leave out for the widest span.")
]
BucketName = Annotated[Bucket, Field(description="Length of time that one point of the answer covers.")]


def json_schema(field: ReportField) -> dict[str, Any]:
    """JSON schema of one field of a report."""
    unit = f" ({field.unit})" if field.unit else ""
    schema: dict[str, Any] = {"description": f"{field.meaning[0].upper()}{field.meaning[1:]}{unit}: {field.wanted}."}
    choices: dict[str, Any] = {"enum": list(field.choices)} if field.choices else {}
    match field.kind:
        case "string":
            schema |= {"type": "string", **(choices or {"minLength": 1, "maxLength": field.max_length})}
        case "number" | "integer":
            schema |= {"type": field.kind, "minimum": field.minimum, "maximum": field.maximum}
        case "bool":
            schema |= {"type": "boolean"}
        case "strings":
            schema |= {"type": "array", "items": {"type": "string", **choices}}
        case "object":
            schema |= {"type": "object"}
        case "time":
            schema |= {"type": ["number", "string"]}
            schema["description"] += " Leave out for now."
    return schema


def with_report_signature(
    function: Callable[..., Awaitable[ReportAnswer]],
) -> Callable[..., Awaitable[ReportAnswer]]:
    """``function`` with every field of a report as a keyword argument.

    The values are typed ``Any``: the schema tells the model what to send, and ``scoring.reports.validate`` says in its
    own sentence what was wrong with it, as it does for Kafka and REST.
    """
    parameters = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.name in ("provider_id", "outcome") else None,
            annotation=Annotated[Any, WithJsonSchema(json_schema(field))],
        )
        for field in FIELDS
    ]
    function.__signature__ = inspect.Signature(parameters, return_annotation=ReportAnswer)  # type: ignore[attr-defined]
    return function
