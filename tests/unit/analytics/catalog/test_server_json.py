"""The MCP registry's ``server.json``, alone and as the registry's API lists it."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from analytics.catalog import CatalogEntry
from analytics.catalog.formats import FileContent, parse, read

OFFICIAL = "io.modelcontextprotocol.registry/official"
ROOT = Path(__file__).parents[4]


def server(**changes: Any) -> dict[str, Any]:
    whole = {
        "$schema": "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json",
        "name": "com.example/tides",
        "title": "Tides",
        "description": "High and low water by harbour",
        "version": "1.2.0",
        "repository": {"url": "https://github.com/example/tides", "source": "github"},
        "packages": [{"registryType": "npm", "identifier": "@example/tides", "transport": {"type": "stdio"}}],
        "remotes": [
            {"type": "sse", "url": "https://tides.example.com/sse"},
            {"type": "streamable-http", "url": "https://{tenant}.tides.example.com/mcp"},
            {"type": "streamable-http", "url": "https://tides.example.com/mcp"},
        ],
        **changes,
    }
    return {key: value for key, value in whole.items() if value is not None}


def parsed(document: object) -> FileContent:
    return parse(json.dumps(document), ".json", "f", "import")


def entry_of(document: object) -> CatalogEntry:
    content = parsed(document)
    assert content.faults == []
    (entry,) = content.entries
    return entry


def test_a_server_becomes_an_entry_without_task_types_and_category() -> None:
    assert entry_of(server()) == CatalogEntry(
        provider_id="com.example/tides",
        name="Tides",
        task_types=(),
        category=None,
        source="https://github.com/example/tides",
        endpoint="https://tides.example.com/mcp",
        origin="import",
    )


def test_without_title_the_name_is_the_part_after_the_slash() -> None:
    assert entry_of(server(title=None)).name == "tides"


def test_without_repository_the_source_is_the_first_package() -> None:
    assert entry_of(server(repository=None)).source == "npm:@example/tides"
    assert entry_of(server(repository={})).source == "npm:@example/tides"
    assert entry_of(server(repository=None, packages=None)).source is None


def test_a_templated_address_is_no_endpoint() -> None:
    remotes = [{"type": "sse", "url": "https://{tenant}.example.com/sse"}]
    assert entry_of(server(remotes=remotes)).endpoint is None
    assert entry_of(server(remotes=None)).endpoint is None


def test_a_publisher_may_state_category_and_task_types() -> None:
    stated = {"category": "maps_travel", "task_types": ["tide_tables"]}
    meta = {"io.modelcontextprotocol.registry/publisher-provided": {"trustscore": stated, "category": "whatever"}}
    entry = entry_of(server(_meta=meta))
    assert (entry.category, entry.task_types) == ("maps_travel", ("tide_tables",))


def test_one_object_a_list_and_the_api_s_answer_read_alike() -> None:
    one = server()
    listed = {"servers": [{"server": one, "_meta": {OFFICIAL: {"isLatest": True}}}], "metadata": {"count": 1}}
    lines = parse(json.dumps(one) + "\n", ".jsonl", "f", "import").entries
    assert [entry_of(one)] == [entry_of([one])] == [entry_of(listed)] == [entry_of({"servers": [one]})] == lines


def test_of_several_versions_the_one_the_registry_calls_latest_is_kept() -> None:
    items = [
        {"server": server(title="old", version="2.0.0"), "_meta": {OFFICIAL: {"isLatest": False}}},
        {"server": server(title="new", version="1.9.0"), "_meta": {OFFICIAL: {"isLatest": True}}},
        {"server": server(name="com.example/gone"), "_meta": {OFFICIAL: {"status": "deleted"}}},
    ]
    content = parsed({"servers": items})
    assert ([entry.name for entry in content.entries], content.superseded) == (["new"], 2)


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ("1.9.0", "1.10.0"),
        ("1.0.0-rc1", "1.0.0"),
        ("v1", "v2"),
        ("1.0", "1.0.1"),
        ("1.0.0", "1.0.0"),
        ("2.0", "2025-x"),
    ],
)
def test_without_such_a_word_the_highest_version_is_kept(older: str, newer: str) -> None:
    first, second = server(title="older", version=older), server(title="newer", version=newer)
    assert [entry.name for entry in parsed([first, second]).entries] == ["newer"]
    if older != newer:
        content = parsed([second, first])
        assert ([entry.name for entry in content.entries], content.superseded) == (["newer"], 1)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "tides"}, "f, entry 1: name must be namespace/name in reverse DNS form, 3 to 200 characters; "
         "got 'tides'; correct it"),
        ({"name": None}, "f, entry 1: name must be namespace/name in reverse DNS form, 3 to 200 characters; "
         "got nothing; add the field"),
        ({"description": None}, "f, entry 1: description must be a text; got nothing; add the field"),
        ({"version": "^1.2"}, "f, entry 1: version must be one exact version of 1 to 255 characters; got '^1.2'; "
         "correct it"),
        ({"version": "latest"}, "f, entry 1: version must be one exact version of 1 to 255 characters; got 'latest'; "
         "correct it"),
        ({"title": ""}, "f, entry 1: title must be a text of 1 to 100 characters, or absent; got ''; correct it"),
        ({"repository": "x"}, "f, entry 1: repository must be an object with a url; got 'x'; "
         "correct it or leave it out"),
        ({"remotes": {}, "packages": "x"}, "f, entry 1: packages must be a list of objects with registryType and "
         "identifier; got 'x'; correct it or leave it out"),
        ({"remotes": [{"type": "sse"}]}, "f, entry 1: remotes[0] must be an object with type and url; "
         "got {'type': 'sse'}; correct it"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(changes: dict[str, Any], sentence: str) -> None:
    assert [str(fault) for fault in parsed(server(**changes)).faults] == [sentence]


def test_our_own_server_json_is_readable_and_of_the_project_s_version() -> None:
    (entry,) = read(ROOT / "server.json").entries
    assert (entry.name, entry.category) == ("TrustScore", "monitoring")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    own = json.loads((ROOT / "server.json").read_text("utf-8"))
    assert {own["version"], own["packages"][0]["version"]} == {project["version"]}
    assert own["packages"][0]["identifier"] == project["name"]
    assert len(own["description"]) <= 100
