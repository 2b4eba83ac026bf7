"""The entries that come with the package: complete, valid, and sorted into categories whose peers mean something."""

from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

from analytics.catalog import CATEGORIES, COLUMNS, CatalogEntry
from analytics.catalog.catalog import BUILTIN_FILES, builtin_entries
from analytics.catalog.entries import Place, check
from analytics.catalog.formats import entry_fields, parse, to_csv


def test_all_servers_of_both_lists_are_there() -> None:
    data = files("analytics.catalog") / "data"
    counts = [len(parse((data / name).read_text("utf-8"), ".csv", name, "builtin").entries) for name in BUILTIN_FILES]
    assert counts == [201, 328]
    assert len(builtin_entries()) == 529


def test_every_row_is_valid_and_has_a_category_and_a_task_type() -> None:
    for entry in builtin_entries():
        fields = {column: entry_fields(entry)[column] for column in COLUMNS}
        assert check(fields, Place("built-in"), "builtin") == entry
        assert entry.category in CATEGORIES
        assert entry.task_types


def test_ids_are_unique_over_both_lists_even_without_case() -> None:
    ids = [entry.provider_id.casefold() for entry in builtin_entries()]
    assert len(set(ids)) == len(ids)


def test_no_category_is_a_leftover_bucket_or_too_small_to_compare() -> None:
    sizes = Counter(entry.category for entry in builtin_entries())
    assert set(sizes) == set(CATEGORIES)
    # A comparison with peers needs five of them; above 8 % a category stops saying what its members have in common.
    assert min(sizes.values()) >= 6
    assert max(sizes.values()) <= 0.08 * 529


def test_task_types_are_snake_case() -> None:
    tasks = {task for entry in builtin_entries() for task in entry.task_types}
    assert [task for task in tasks if task != task.lower() or not task.replace("_", "").isalnum()] == []


def test_an_endpoint_is_known_only_for_hosted_servers() -> None:
    known = [entry for entry in builtin_entries() if entry.endpoint is not None]
    assert len(known) == 76
    assert all(entry.endpoint is not None and entry.endpoint.startswith("https://") for entry in known)


def test_the_data_files_are_written_as_the_export_writes_them() -> None:
    for name in BUILTIN_FILES:
        text = (files("analytics.catalog") / "data" / name).read_text("utf-8")
        assert to_csv(parse(text, ".csv", name, "builtin").entries) == text


@pytest.mark.parametrize(
    ("provider_id", "category"),
    [
        ("microsoft-playwright-001", "browser_automation"),
        ("SQLite", "databases"),
        ("brave", "web_search"),
        ("stripe", "payments_finance"),
        ("flux159-kubernetes-162", "containers"),
        ("lauriewired-ghidra-019", "security"),
        ("hlydecker-ucsc-genome-107", "science_health"),
        ("wikipedia-mcp", "culture_reference"),
        ("kong", "api_tools"),
        ("veyrax", "mcp_gateways"),
        ("weibaohui-kom-198", "containers"),
        ("box", "files_documents"),
        ("homeassistant-ai-027", "devices_iot"),
    ],
)
def test_known_servers_stand_where_a_reader_looks_for_them(provider_id: str, category: str) -> None:
    by_id: dict[str, CatalogEntry] = {entry.provider_id: entry for entry in builtin_entries()}
    assert by_id[provider_id].category == category


def test_the_documentation_lists_every_category_with_its_size() -> None:
    sizes = Counter(entry.category for entry in builtin_entries())
    text = (Path(__file__).parents[4] / "docs" / "catalog.md").read_text("utf-8")
    rows = [f"| `{name}` | {sizes[name]} | {meaning} |" for name, meaning in CATEGORIES.items()]
    assert "\n".join(rows) in text
