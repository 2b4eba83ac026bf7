"""The MCP registry's ``server.json``: one described server becomes the fields of a catalog entry.

The format is https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json; the registry's API
wraps it as ``{"servers": [{"server": {…}, "_meta": {…}}]}``. Versions before 2025-09-29 spelled fields differently
and are told apart by what they lack.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from analytics.catalog.entries import Place, is_endpoint
from analytics.catalog.errors import Fault, shown

__all__ = ["OFFICIAL", "PUBLISHER", "older_versions", "server_fields"]

OFFICIAL: Final = "io.modelcontextprotocol.registry/official"
"""Key of what the registry itself adds: status and whether this is the latest version."""
PUBLISHER: Final = "io.modelcontextprotocol.registry/publisher-provided"
"""Key under which publishers add their own; ``{"trustscore": {"category": …, "task_types": […]}}`` is read."""

_NAME: Final = re.compile(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+\Z")
_RANGE: Final = re.compile(r"[\^~<>=*]|latest\Z")
_TEXTS: Final[dict[str, tuple[str, Callable[[str], bool]]]] = {
    "name": (
        "namespace/name in reverse DNS form, 3 to 200 characters",
        lambda v: 3 <= len(v) <= 200 and _NAME.match(v) is not None,
    ),
    "description": ("a text", lambda v: bool(v)),
    "version": (
        "one exact version of 1 to 255 characters",
        lambda v: 1 <= len(v) <= 255 and _RANGE.match(v) is None,
    ),
    "title": ("a text of 1 to 100 characters, or absent", lambda v: 1 <= len(v) <= 100),
}
_SECTIONS: Final = {
    "remotes": ("type", "url"),
    "packages": ("registryType", "identifier"),
}


def older_versions(items: Sequence[object]) -> set[int]:
    """Positions of the servers that another item replaces, or that the registry calls deleted or not the latest.

    The registry lists every version of a server. Where it does not say which is the latest, the highest version
    counts (of equal ones the last), numbers compared as numbers, a pre-release below its release.
    """
    older: set[int] = set()
    newest: dict[str, tuple[tuple[object, ...], int]] = {}
    for position, item in enumerate(items):
        if not isinstance(item, Mapping) or "provider_id" in item:
            continue
        server, meta = _unwrapped(item)
        official = meta.get(OFFICIAL)
        if isinstance(official, Mapping) and (official.get("isLatest") is False or official.get("status") == "deleted"):
            older.add(position)
            continue
        name, version = server.get("name"), server.get("version")
        if isinstance(name, str) and isinstance(version, str):
            candidate = (_version_order(version), position)
            held = newest.setdefault(name, candidate)
            newest[name] = max(held, candidate)
            if held != candidate:
                older.add(min(held, candidate)[1])
    return older


def _version_order(version: str) -> tuple[object, ...]:
    release, _, pre_release = version.partition("+")[0].partition("-")
    # Bounded, so that a version of a million digits costs nothing.
    parts = [part[:18] for part in release[:255].removeprefix("v").split(".")]
    numbers = tuple((0, int(part), "") if part.isascii() and part.isdigit() else (1, 0, part) for part in parts)
    return numbers, not pre_release, pre_release


def server_fields(item: Mapping[str, Any], place: Place) -> dict[str, object] | list[Fault]:
    """The entry's fields of a ``server.json`` or of an item of the registry's list, or every fault found in it.

    The id is the server's name, the name its title, the source its repository or else its first package, the
    endpoint its first remote that needs no variables (streamable HTTP before SSE).
    """
    server, meta = _unwrapped(item)
    faults = [*_faulty_texts(server, place), *_faulty_sections(server, place)]
    if faults:
        return faults
    name = server["name"]
    stated = meta.get(PUBLISHER)
    stated = stated.get("trustscore") if isinstance(stated, Mapping) else None
    stated = stated if isinstance(stated, Mapping) else {}
    return {
        "provider_id": name,
        "name": server.get("title") or name.partition("/")[2],
        "task_types": stated.get("task_types"),
        "category": stated.get("category"),
        "source": _source(server),
        "endpoint": _endpoint(server),
    }


def _unwrapped(item: Mapping[str, Any]) -> tuple[Mapping[str, Any], dict[str, Any]]:
    server = item.get("server")
    inner = server if isinstance(server, Mapping) else item
    metas = [holder["_meta"] for holder in (inner, item) if isinstance(holder.get("_meta"), Mapping)]
    return inner, {key: value for meta in metas for key, value in meta.items()}


def _faulty_texts(server: Mapping[str, Any], place: Place) -> list[Fault]:
    faults = []
    for field, (wanted, holds) in _TEXTS.items():
        value = server.get(field)
        if value is None and field == "title":
            continue
        if not isinstance(value, str) or not holds(value):
            step = "add the field" if value is None else "correct it"
            faults.append(place.fault(field, wanted, "nothing" if value is None else shown(value), step))
    return faults


def _faulty_sections(server: Mapping[str, Any], place: Place) -> list[Fault]:
    faults = []
    repository = server.get("repository")
    # The registry itself sends an empty object where no repository is known.
    if repository and not (isinstance(repository, Mapping) and isinstance(repository.get("url"), str)):
        wanted = "an object with a url"
        faults.append(place.fault("repository", wanted, shown(repository), "correct it or leave it out"))
    for section, needed in _SECTIONS.items():
        items = server.get(section) or []
        wanted = f"a list of objects with {' and '.join(needed)}"
        if not isinstance(items, list):
            faults.append(place.fault(section, wanted, shown(items), "correct it or leave it out"))
            continue
        faults += [
            place.fault(f"{section}[{number}]", f"an object with {' and '.join(needed)}", shown(item), "correct it")
            for number, item in enumerate(items)
            if not isinstance(item, Mapping) or not all(isinstance(item.get(key), str) for key in needed)
        ]
    return faults


def _source(server: Mapping[str, Any]) -> str | None:
    repository = server.get("repository")
    if repository and repository["url"]:
        return str(repository["url"])
    for package in server.get("packages") or []:
        return f"{package['registryType']}:{package['identifier']}"
    return None


def _endpoint(server: Mapping[str, Any]) -> str | None:
    remotes = sorted(server.get("remotes") or [], key=lambda remote: remote["type"] != "streamable-http")
    return next((str(remote["url"]) for remote in remotes if is_endpoint(remote["url"])), None)
