"""A catalog entry: the facts known about a provider without calling it. Its fields, their bounds, and their check."""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, cast
from urllib.parse import urlsplit

from analytics.catalog.errors import Fault, shown
from scoring.reports import PROVIDER_ID

__all__ = ["CATEGORIES", "COLUMNS", "CatalogEntry", "Origin", "Place", "check", "is_endpoint"]

Origin = Literal["builtin", "import"]

COLUMNS: Final = ("provider_id", "name", "task_types", "category", "source", "endpoint")
"""Fields of an entry in CSV, JSON and JSON lines, in this order."""

CATEGORIES: Final[Mapping[str, str]] = {
    "ai_agents": "agent memory, retrieval over own knowledge, orchestration, evaluation",
    "ai_models": "access to models; generated text, images, speech and video",
    "api_tools": "calling, describing, testing and guarding APIs",
    "browser_automation": "driving a web browser",
    "cloud_infrastructure": "cloud platforms, their costs, virtual machines, infrastructure as code",
    "code_tools": "reading, changing, building, testing and running code",
    "communication": "mail, chat, telephony, meetings, social media",
    "containers": "containers, images, Kubernetes",
    "culture_reference": "art, books, religion, history, encyclopedias, news, learning",
    "data_analytics": "pipelines, streams, warehouses, dashboards, open data",
    "databases": "relational, document, graph, vector and key-value stores",
    "devices_iot": "homes, robots, printers, sensors",
    "documentation": "documentation of libraries and platforms",
    "files_documents": "files, object storage, office documents, notes",
    "maps_travel": "maps, weather, flights, ships, lodging",
    "mcp_gateways": "gateways, proxies, bundles and directories of MCP servers",
    "media_design": "video, music, images, diagrams, 3D",
    "monitoring": "metrics, logs, traces, errors, incidents, networks",
    "payments_finance": "payments, billing, markets, blockchains",
    "productivity": "tasks, projects, calendars, time",
    "sales_marketing": "customers, commerce, marketing, websites",
    "science_health": "life science, medicine, research papers, mathematics",
    "security": "identities, scanning, auditing, network defence",
    "version_control": "Git and its hosts",
    "web_search": "searching the web and reading its pages",
    "workflow_automation": "connecting applications and running processes",
}
"""The closed list of categories with what belongs in each. Peers are the providers of one category."""

_NAME_LENGTH = 200
_TASK_TYPE_LENGTH = 100
_TASK_TYPES = 50
_URL_LENGTH = 500


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """What is known about one provider; ``None`` where nothing is."""

    provider_id: str
    name: str
    task_types: tuple[str, ...]
    category: str | None
    """One of ``CATEGORIES``; built-in entries always have one."""
    source: str | None
    """Where the provider's code lives, else the list that names it."""
    endpoint: str | None
    origin: Origin


class Place(NamedTuple):
    """Where an entry stands: the file, and the line or the number within it."""

    file: str
    place: str = ""

    def fault(self, field: str, wanted: str, got: str, step: str) -> Fault:
        """A fault at this place."""
        return Fault(self.file, self.place, field, wanted, got, step)


class _Rule(NamedTuple):
    wanted: str
    holds: Callable[[object], bool]


def is_endpoint(value: object) -> bool:
    """Whether ``value`` is an http or https address that can be called as it stands: no template, no credentials."""
    if not _is_text(value, _URL_LENGTH) or not isinstance(value, str) or set(value) & set(' {}<>"\\'):
        return False
    try:
        parts = urlsplit(value)
        is_web = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        return is_web and "@" not in parts.netloc
    except ValueError:
        return False


def _is_text(value: object, length: int) -> bool:
    # Unprintable characters would reach people's terminals; lone surrogates, which no database stores, are among them.
    return isinstance(value, str) and 1 <= len(value) <= length and value.isprintable() and value == value.strip()


def _are_task_types(value: object) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) <= _TASK_TYPES
        and all(_is_text(task, _TASK_TYPE_LENGTH) and ";" not in task for task in value)
        and len(set(value)) == len(value)
    )


_RULES: Final = {
    "provider_id": _Rule(
        "1 to 200 characters of A-Z a-z 0-9 . _ : / @ -",
        lambda v: isinstance(v, str) and PROVIDER_ID.match(v) is not None,
    ),
    "name": _Rule(f"1 to {_NAME_LENGTH} printable characters", lambda v: _is_text(v, _NAME_LENGTH)),
    "task_types": _Rule(
        f"at most {_TASK_TYPES} different texts of 1 to {_TASK_TYPE_LENGTH} characters without ;", _are_task_types
    ),
    "category": _Rule(f"one of {', '.join(CATEGORIES)}", lambda v: v is None or v in tuple(CATEGORIES)),
    "source": _Rule(
        f"1 to {_URL_LENGTH} printable characters, or absent", lambda v: v is None or _is_text(v, _URL_LENGTH)
    ),
    "endpoint": _Rule(
        f"an http or https URL of at most {_URL_LENGTH} characters without credentials or {{variables}}, or absent",
        lambda v: v is None or is_endpoint(v),
    ),
}


def check(fields: Mapping[str, object], place: Place, origin: Origin) -> CatalogEntry | list[Fault]:
    """The entry made of ``fields``, or every fault found in them.

    Parameters
    ----------
    fields
        Values by column name; ``task_types`` a list of texts. An absent field is ``None``.
    place
        Where they stand, for the sentences.
    origin
        Whether the entry comes with the package or from a user's file.

    Examples
    --------
    >>> check({"provider_id": "a b", "name": "A"}, Place("x.csv", "line 2"), "import")[0].got
    "'a b'"
    """
    values = {column: fields.get(column) for column in COLUMNS}
    values["task_types"] = () if values["task_types"] is None else values["task_types"]
    faults = [
        place.fault(column, rule.wanted, "nothing" if values[column] is None else shown(values[column]),
                    _next_step(column, values[column]))
        for column, rule in _RULES.items()
        if not rule.holds(values[column])
    ]  # fmt: skip
    unknown = [str(name) for name in fields if name not in COLUMNS and name != "origin"]
    if unknown:
        faults.append(place.fault(shown(unknown[0]), f"one of {', '.join(COLUMNS)}", "an unknown field", "remove it"))
    if faults:
        return faults
    # The rules above have established these types.
    return CatalogEntry(
        provider_id=cast(str, values["provider_id"]),
        name=cast(str, values["name"]),
        task_types=tuple(cast("Sequence[str]", values["task_types"])),
        category=cast("str | None", values["category"]),
        source=cast("str | None", values["source"]),
        endpoint=cast("str | None", values["endpoint"]),
        origin=origin,
    )


def _next_step(column: str, value: object) -> str:
    if value is None:
        return "add the field"
    if column == "category" and isinstance(value, str):
        near = difflib.get_close_matches(value.lower(), CATEGORIES, n=1)
        return f"did you mean {near[0]}?" if near else "choose one or leave it out"
    return "correct it" if column in ("provider_id", "name") else "correct it or leave it out"
