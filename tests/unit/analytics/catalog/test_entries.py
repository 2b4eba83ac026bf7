"""The check of one entry's fields."""

import pytest

from analytics.catalog import CatalogEntry, Fault
from analytics.catalog.entries import Place, check, is_endpoint

PLACE = Place("own.csv", "line 2")


def faults_of(**fields: object) -> list[Fault]:
    checked = check({"provider_id": "a", "name": "A", **fields}, PLACE, "import")
    return [] if isinstance(checked, CatalogEntry) else checked


def test_the_least_entry_has_an_id_and_a_name() -> None:
    entry = check({"provider_id": "a", "name": "A"}, PLACE, "import")
    assert entry == CatalogEntry("a", "A", (), None, None, None, "import")


def test_a_fault_names_file_line_field_wanted_got_and_the_next_step() -> None:
    (fault,) = faults_of(provider_id="a b")
    assert str(fault) == (
        "own.csv, line 2: provider_id must be 1 to 200 characters of A-Z a-z 0-9 . _ : / @ -; got 'a b'; correct it"
    )


def test_every_fault_of_an_entry_is_told_at_once() -> None:
    faults = faults_of(provider_id="", name=None, task_types="x", category="none", source=1, endpoint="ftp://x")
    assert [fault.field for fault in faults] == ["provider_id", "name", "task_types", "category", "source", "endpoint"]


def test_a_missing_field_is_asked_for() -> None:
    (fault,) = faults_of(name=None)
    assert (fault.got, fault.step) == ("nothing", "add the field")


def test_a_misspelt_category_brings_the_nearest_one() -> None:
    (fault,) = faults_of(category="Datbases")
    assert fault.step == "did you mean databases?"


def test_an_unknown_field_is_refused() -> None:
    (fault,) = faults_of(catgory="databases")
    assert (fault.field, fault.step) == ("'catgory'", "remove it")


@pytest.mark.parametrize("name", ["", " a", "a\n", "a\x1b[31m", "\ud800", "x" * 201, 7])
def test_a_name_that_would_spoil_a_terminal_or_a_database_is_refused(name: object) -> None:
    assert [fault.field for fault in faults_of(name=name)] == ["name"]


@pytest.mark.parametrize("tasks", ["search", ["a;b"], ["a", "a"], [""], [["a"]], [str(n) for n in range(51)]])
def test_task_types_are_a_list_of_different_texts(tasks: object) -> None:
    assert [fault.field for fault in faults_of(task_types=tasks)] == ["task_types"]


@pytest.mark.parametrize("provider_id", [None, 5, "", "a" * 201, "ä", "a\n", ["a"]])
def test_a_provider_id_follows_the_rule_of_reports(provider_id: object) -> None:
    assert [fault.field for fault in faults_of(provider_id=provider_id)] == ["provider_id"]


@pytest.mark.parametrize(
    ("address", "usable"),
    [
        ("https://mcp.example.com/mcp", True),
        ("http://127.0.0.1:8080", True),
        ("https://user:secret@mcp.example.com", False),
        ("https://{tenant}.example.com/mcp", False),
        ("https://", False),
        ("https://example.com:99999", False),
        ("https://[::1", False),
        ("stdio", False),
        (None, False),
        ("https://example.com/" + "a" * 500, False),
    ],
)
def test_an_endpoint_can_be_called_as_it_stands(address: object, usable: bool) -> None:
    assert is_endpoint(address) is usable
    if address is not None:
        assert bool(faults_of(endpoint=address)) is not usable
