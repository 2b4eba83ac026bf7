"""Files of entries: what each format yields, what each mistake is told, and that reading undoes writing."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.catalog import CATEGORIES, BadImport, CatalogEntry
from analytics.catalog.entries import is_endpoint
from analytics.catalog.formats import entry_fields, parse, read, to_csv, to_json_lines

HEADER = "provider_id,name,task_types,category,source,endpoint\n"

_texts = st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable() and text == text.strip())
_entries = st.builds(
    CatalogEntry,
    provider_id=st.from_regex(r"[A-Za-z0-9._:/@-]{1,40}", fullmatch=True),
    name=_texts,
    task_types=st.lists(_texts.filter(lambda task: ";" not in task), max_size=4, unique=True).map(tuple),
    category=st.none() | st.sampled_from(sorted(CATEGORIES)),
    source=st.none() | _texts,
    endpoint=st.none()
    | st.from_regex(r"https?://[a-z]{1,9}\.example(:[1-9][0-9]{0,3})?/[a-z,;=&?%]{0,9}", fullmatch=True),
    origin=st.just("import"),
)
_addresses = st.from_regex(r"https?://[a-z]{1,9}\.example(:[1-9][0-9]{0,3})?/[a-z,;=&?%]{0,9}", fullmatch=True)
_catalogs = st.lists(_entries, min_size=1, max_size=6, unique_by=lambda entry: entry.provider_id)


@given(_catalogs)
def test_reading_undoes_writing_in_every_format(entries: list[CatalogEntry]) -> None:
    array = json.dumps([entry_fields(entry) for entry in entries])
    for ending, text in ((".csv", to_csv(entries)), (".jsonl", to_json_lines(entries)), (".json", array)):
        assert parse(text, ending, "x", "import") == (entries, [], 0)


@given(st.text(max_size=200), st.sampled_from([".csv", ".json", ".jsonl"]))
def test_any_text_yields_entries_or_faults(text: str, ending: str) -> None:
    content = parse(text, ending, "x", "import")
    assert content.entries or content.faults


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
_names = st.sampled_from(
    ["provider_id", "name", "task_types", "category", "endpoint", "server", "_meta", "description", "version", "title",
     "repository", "remotes", "packages"]
)  # fmt: skip


@given(st.lists(st.dictionaries(_names, _values, max_size=8), max_size=4))
def test_any_json_yields_entries_or_faults_or_older_versions(items: list[object]) -> None:
    content = parse(json.dumps({"servers": items}), ".json", "x", "import")
    assert content.entries or content.faults
    assert all(entry.endpoint is None or is_endpoint(entry.endpoint) for entry in content.entries)


def test_csv_columns_may_stand_in_any_order_and_blank_lines_do_not_count() -> None:
    text = "\ufeffname,provider_id,category,task_types,endpoint,source\r\n\r\nA,a,databases,x;y,,\r\n"
    (entry,) = parse(text.removeprefix("\ufeff"), ".csv", "x", "import").entries
    assert entry == CatalogEntry("a", "A", ("x", "y"), "databases", None, None, "import")


@pytest.mark.parametrize(
    ("ending", "text", "sentence"),
    [
        (".csv", "id,name\na,A\n",
         "f, line 1: the header must be the columns provider_id, name, task_types, category, source, endpoint; "
         "got 'id,name'; correct it"),
        (".csv", HEADER + "a,A,,,\n",
         "f, line 2: the line must be 6 fields; got 5 fields; quote texts that hold a comma"),
        (".csv", HEADER + 'a,"A\n',
         "f, line 2: the line must be CSV; got unexpected end of data; correct its quotes"),
        (".csv", HEADER, "f: the file must be at least one entry; got none; add an entry"),
        (".csv", HEADER + "a,A,,,,\nb,B,,,,\na,C,,,,\n",
         "f, line 4: provider_id must be different for every entry; got 'a' a second time, first in line 2; "
         "keep one of them"),
        (".json", "{", "f: the text must be JSON; got Expecting property name enclosed in double quotes at line 1, "
         "column 2; correct it"),
        (".json", "[" * 100_000, "f: the text must be JSON; got brackets nested too deeply; correct it"),
        (".json", "[7]", "f, entry 1: the entry must be a JSON object; got 7; correct it"),
        (".json", "[]", "f: the file must be at least one entry; got none; add an entry"),
        (".json", "9" * 5_000, "f: the text must be JSON; got a number of too many digits; correct it"),
        (".jsonl", '\n{"provider_id": "a"}\n', "f, line 2: name must be 1 to 200 printable characters; got nothing; "
         "add the field"),
        (".jsonl", '{"provider_id": "a", "name": "A"}\n}\n',
         "f, line 2: the text must be JSON; got Expecting value at line 1, column 1; correct it"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(ending: str, text: str, sentence: str) -> None:
    assert [str(fault) for fault in parse(text, ending, "f", "import").faults] == [sentence]


def test_good_entries_are_found_beside_bad_ones() -> None:
    content = parse(HEADER + "a,A,,,,\n,B,,,,\nc,C,,,,\n", ".csv", "f", "import")
    assert [entry.provider_id for entry in content.entries] == ["a", "c"]
    assert [fault.place for fault in content.faults] == ["line 3"]


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("x.txt", b"", "named .csv, .json, .jsonl, .ndjson; got a name ending in '.txt'; rename or convert it"),
        ("x", b"", "got a name without an ending"),
        ("x.csv", b"provider_id\xff", "must be UTF-8 text; got byte 0xff at offset 11; convert it to UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_why(tmp_path: Path, name: str, body: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(body)
    with pytest.raises(BadImport) as raised:
        read(tmp_path / name)
    assert said in str(raised.value)


def test_an_absent_file_and_a_directory_are_told_why(tmp_path: Path) -> None:
    with pytest.raises(BadImport, match="must be readable; got No such file or directory; check the path"):
        read(tmp_path / "absent.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(BadImport, match="must be readable; got Is a directory"):
        read(tmp_path / "folder.csv")


def test_a_byte_order_mark_is_no_part_of_the_header(tmp_path: Path) -> None:
    (tmp_path / "excel.csv").write_bytes(b"\xef\xbb\xbf" + HEADER.encode() + b"a,A,,,,\n")
    assert [entry.provider_id for entry in read(tmp_path / "excel.csv").entries] == ["a"]
