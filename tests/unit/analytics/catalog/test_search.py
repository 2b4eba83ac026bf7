"""Search: what matches, and in which order."""

from analytics.catalog import CatalogEntry
from analytics.catalog.search import matching


def known(provider_id: str, *tasks: str, name: str = "", category: str = "databases") -> CatalogEntry:
    return CatalogEntry(provider_id, name or provider_id, tasks, category, None, None, "builtin")


ENTRIES = [
    known("b", "web_search", "news"),
    known("a", "search"),
    known("search", "maps", category="maps_travel"),
    known("c", "research", name="Über Search"),
]


def ids(text: str = "", task_type: str | None = None, category: str | None = None) -> list[str]:
    return [entry.provider_id for entry in matching(ENTRIES, text, task_type, category)]


def test_without_a_condition_everything_is_listed_by_id() -> None:
    assert ids() == ids("  ") == ["a", "b", "c", "search"]


def test_an_exact_task_type_comes_before_one_that_holds_the_word() -> None:
    assert ids(task_type="search") == ["a", "b"]


def test_a_task_type_is_found_in_any_spelling() -> None:
    assert ids(task_type="Web-Search") == ids(task_type="WEB search") == ["b"]


def test_a_task_type_that_is_only_part_of_a_word_is_not_found() -> None:
    assert ids(task_type="sear") == []


def test_a_task_type_without_letters_finds_nothing() -> None:
    assert ids(task_type="--") == []


def test_text_finds_exact_ids_and_tasks_then_words_then_beginnings() -> None:
    assert ids("SEARCH") == ["a", "search", "b", "c"]
    assert ids("sea") == ["a", "b", "c", "search"]


def test_all_words_of_a_text_must_occur() -> None:
    assert ids("news search") == ["b"]
    assert ids("news maps") == []


def test_case_is_ignored_beyond_ascii() -> None:
    assert ids("ÜBER") == ["c"]


def test_punctuation_alone_finds_nothing() -> None:
    assert ids("!!") == []


def test_a_category_is_matched_whole_and_conditions_add_up() -> None:
    assert ids(category="Maps_Travel") == ["search"]
    assert ids(category="maps") == []
    assert ids("search", category="maps_travel") == ["search"]
    assert ids(task_type="search", category="maps_travel") == []


def test_an_entry_without_category_is_in_none() -> None:
    assert matching([CatalogEntry("x", "X", (), None, None, None, "import")], category="") == []
