"""Files of catalog entries: CSV, JSON and JSON lines to entries, and back."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final, NamedTuple

from analytics.catalog.entries import COLUMNS, CatalogEntry, Origin, Place, check
from analytics.catalog.errors import BadImport, Fault, shown
from analytics.catalog.server_json import older_versions, server_fields

__all__ = ["FileContent", "entry_fields", "parse", "read", "to_csv", "to_json_lines"]

_FILE_BYTES: Final = 64 * 2**20
_Parsed = CatalogEntry | list[Fault] | None
"""An entry, the faults that make it unusable, or ``None`` for a version that a newer one replaces."""


class FileContent(NamedTuple):
    """What a file holds: its usable entries in order, the faults of the others, and the versions passed over."""

    entries: list[CatalogEntry]
    faults: list[Fault]
    superseded: int


def read(path: Path) -> FileContent:
    """The content of a file of catalog entries.

    Raises
    ------
    BadImport
        When the file as a whole cannot be read: absent, no text, an unknown kind, too large.
    """
    place = Place(str(path))
    if path.suffix.lower() not in _READERS:
        got = f"a name ending in {shown(path.suffix)}" if path.suffix else "a name without an ending"
        raise BadImport([place.fault("the file", f"named {', '.join(_READERS)}", got, "rename or convert it")])
    try:
        with path.open("rb") as file:
            body = file.read(_FILE_BYTES + 1)
    except OSError as error:
        fault = place.fault("the file", "readable", error.strerror or str(error), "check the path and its permissions")
        raise BadImport([fault]) from None
    if len(body) > _FILE_BYTES:
        fault = place.fault("the file", f"at most {_FILE_BYTES:,} bytes", "more", "split it")
        raise BadImport([fault])
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        got = f"byte 0x{body[error.start]:02x} at offset {error.start}"
        raise BadImport([place.fault("the file", "UTF-8 text", got, "convert it to UTF-8")]) from None
    return parse(text, path.suffix.lower(), str(path), "import")


def parse(text: str, ending: str, file: str, origin: Origin) -> FileContent:
    """The content of ``text`` in the format that ``ending`` (``.csv``, ``.json``, ``.jsonl``, ``.ndjson``) names."""
    entries: dict[str, CatalogEntry] = {}
    faults: list[Fault] = []
    superseded = 0
    first_seen: dict[str, str] = {}
    for place, parsed in _READERS[ending](text, Place(file), origin):
        if parsed is None:
            superseded += 1
        elif isinstance(parsed, list):
            faults += parsed
        elif parsed.provider_id in entries:
            got = f"{shown(parsed.provider_id)} a second time, first in {first_seen[parsed.provider_id]}"
            faults.append(place.fault("provider_id", "different for every entry", got, "keep one of them"))
        else:
            entries[parsed.provider_id] = parsed
            first_seen[parsed.provider_id] = place.place
    if not (entries or faults or superseded):
        faults.append(Place(file).fault("the file", "at least one entry", "none", "add an entry"))
    return FileContent(list(entries.values()), faults, superseded)


def entry_fields(entry: CatalogEntry) -> dict[str, Any]:
    """An entry as a JSON object, fields in the order of ``COLUMNS``, then ``origin``."""
    return {**asdict(entry), "task_types": list(entry.task_types)}


def to_csv(entries: Iterable[CatalogEntry]) -> str:
    """The entries as CSV with a header; task types joined by ``;``, an absent value empty."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for entry in entries:
        tasks = ";".join(entry.task_types)
        absent_empty = (entry.category or "", entry.source or "", entry.endpoint or "")
        writer.writerow((entry.provider_id, entry.name, tasks, *absent_empty))
    return text.getvalue()


def to_json_lines(entries: Iterable[CatalogEntry]) -> str:
    """The entries as JSON lines."""
    return "".join(f"{json.dumps(entry_fields(entry), ensure_ascii=False)}\n" for entry in entries)


def _csv_entries(text: str, whole: Place, origin: Origin) -> Iterator[tuple[Place, _Parsed]]:
    lines = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = next(lines, [])
        if sorted(header) != sorted(COLUMNS):
            first, wanted = Place(whole.file, "line 1"), f"the columns {', '.join(COLUMNS)}"
            yield first, [first.fault("the header", wanted, shown(",".join(header)), "correct it")]
            return
        for row in lines:
            place = Place(whole.file, f"line {lines.line_num}")
            if not row:
                continue
            if len(row) != len(COLUMNS):
                got = f"{len(row)} fields"
                yield place, [place.fault("the line", f"{len(COLUMNS)} fields", got, "quote texts that hold a comma")]
                continue
            fields: dict[str, object] = {name: value or None for name, value in zip(header, row, strict=True)}
            fields["task_types"] = str(fields["task_types"]).split(";") if fields["task_types"] else []
            yield place, check(fields, place, origin)
    except csv.Error as error:
        place = Place(whole.file, f"line {lines.line_num}")
        yield place, [place.fault("the line", "CSV", str(error), "correct its quotes")]


def _json_lines_entries(text: str, whole: Place, origin: Origin) -> Iterator[tuple[Place, _Parsed]]:
    placed = [
        (Place(whole.file, f"line {n}"), line) for n, line in enumerate(text.split("\n"), start=1) if line.strip()
    ]
    return _objects_entries([(place, _decoded(line, place)) for place, line in placed], origin)


def _json_entries(text: str, whole: Place, origin: Origin) -> Iterator[tuple[Place, _Parsed]]:
    decoded = _decoded(text, whole)
    if isinstance(decoded, Fault):
        return iter([(whole, [decoded])])
    if isinstance(decoded, dict) and "servers" in decoded:
        decoded = decoded["servers"]
    items = decoded if isinstance(decoded, list) else [decoded]
    return _objects_entries([(Place(whole.file, f"entry {n}"), item) for n, item in enumerate(items, start=1)], origin)


def _objects_entries(placed: list[tuple[Place, Any]], origin: Origin) -> Iterator[tuple[Place, _Parsed]]:
    older = older_versions([item for _, item in placed])
    for number, (place, item) in enumerate(placed):
        if number in older:
            yield place, None
        elif isinstance(item, Fault):
            yield place, [item]
        elif not isinstance(item, Mapping):
            yield place, [place.fault("the entry", "a JSON object", shown(item), "correct it")]
        elif "provider_id" in item:
            yield place, check(item, place, origin)
        else:
            fields = server_fields(item, place)
            yield place, fields if isinstance(fields, list) else check(fields, place, origin)


def _decoded(text: str, place: Place) -> Any | Fault:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        got = f"{error.msg} at line {error.lineno}, column {error.colno}"
    except RecursionError:
        got = "brackets nested too deeply"
    except ValueError:
        # Python refuses to build whole numbers of more than 4,300 digits.
        got = "a number of too many digits"
    return place.fault("the text", "JSON", got, "correct it")


_READERS: Final[dict[str, Callable[[str, Place, Origin], Iterator[tuple[Place, _Parsed]]]]] = {
    ".csv": _csv_entries,
    ".json": _json_entries,
    ".jsonl": _json_lines_entries,
    ".ndjson": _json_lines_entries,
}
