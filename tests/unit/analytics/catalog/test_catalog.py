"""The catalog: built-in entries with imported ones over them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from analytics.catalog import CATEGORIES, BadImport, Catalog, CatalogEntry
from analytics.catalog.formats import to_csv, to_json_lines

HEADER = "provider_id,name,task_types,category,source,endpoint\n"


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_without_imports_nothing_is_created(tmp_path: Path) -> None:
    catalog = Catalog.open(tmp_path / "absent")
    assert len(catalog) == len(catalog.all()) == 529
    assert not (tmp_path / "absent").exists()


def test_a_known_provider_is_found_and_an_unknown_one_is_none(tmp_path: Path) -> None:
    catalog = Catalog.open(tmp_path)
    entry = catalog.get("github-official")
    assert entry == CatalogEntry(
        "github-official",
        "GitHub Official",
        ("version_control", "repository_management", "issue_management"),
        "version_control",
        "https://github.com/github/github-mcp-server",
        None,
        "builtin",
    )
    assert catalog.get("GitHub-Official") is None


def test_peers_are_the_others_of_the_category(tmp_path: Path) -> None:
    catalog = Catalog.open(tmp_path)
    peers = catalog.peers("stripe")
    assert "paypal" in peers
    assert "stripe" not in peers
    assert len(peers) == catalog.categories()["payments_finance"] - 1
    assert catalog.peers("nobody") == ()


def test_categories_count_every_builtin_entry_once(tmp_path: Path) -> None:
    counts = Catalog.open(tmp_path).categories()
    assert list(counts) == list(CATEGORIES)
    assert sum(counts.values()) == 529


def test_search_is_limited_after_ranking(tmp_path: Path) -> None:
    found = Catalog.open(tmp_path).search(task_type="web_search", limit=1)
    assert [entry.provider_id for entry in found] == ["anthropic-brave-search-034"]


def test_an_import_outlasts_the_catalog_and_wins_over_the_builtin_entry(tmp_path: Path) -> None:
    file = written(tmp_path / "own.csv", HEADER + "stripe,Our Stripe,payments,databases,,\nnew,New,x,databases,,\n")
    result = Catalog.open(tmp_path).import_file(file)
    assert (result.added, result.replaced, result.unchanged, result.skipped) == (1, 1, 0, ())
    catalog = Catalog.open(tmp_path)
    ours = CatalogEntry("stripe", "Our Stripe", ("payments",), "databases", None, None, "import")
    assert catalog.get("stripe") == ours
    assert len(catalog) == 530
    assert {"stripe", "redis"} <= set(catalog.peers("new"))
    assert "stripe" not in catalog.peers("paypal")


def test_importing_twice_changes_nothing_the_second_time(tmp_path: Path) -> None:
    catalog = Catalog.open(tmp_path)
    file = written(tmp_path / "own.csv", HEADER + "a,A,x,databases,,\n")
    assert catalog.import_file(file).added == 1
    before = catalog.all()
    assert catalog.import_file(file).unchanged == 1
    assert catalog.all() == before


@pytest.mark.parametrize(("ending", "write"), [(".csv", to_csv), (".jsonl", to_json_lines)])
def test_a_catalog_imported_from_its_own_export_is_the_same(tmp_path: Path, ending: str, write: object) -> None:
    assert callable(write)
    first = Catalog.open(tmp_path / "one")
    first.import_file(written(tmp_path / f"all{ending}", write(first.all())))
    second = Catalog.open(tmp_path / "two")
    result = second.import_file(written(tmp_path / f"again{ending}", write(first.all())))
    assert second.all() == first.all()
    assert (result.added, result.replaced) == (0, 529)


def test_one_bad_entry_keeps_the_whole_file_out(tmp_path: Path) -> None:
    catalog = Catalog.open(tmp_path / "data")
    file = written(tmp_path / "own.csv", HEADER + "a,A,,,,\nb,B,,nowhere,,\n")
    with pytest.raises(BadImport, match=r"own\.csv, line 3: category must be one of ai_agents, .*; got 'nowhere'"):
        catalog.import_file(file)
    assert catalog.get("a") is None
    assert not (tmp_path / "data").exists()


def test_bad_entries_can_be_left_out_and_are_listed(tmp_path: Path) -> None:
    catalog = Catalog.open(tmp_path)
    file = written(tmp_path / "own.csv", HEADER + "a,A,,,,\nb,,,nowhere,,\n")
    result = catalog.import_file(file, skip_bad=True)
    assert result.added == 1
    assert [(fault.place, fault.field) for fault in result.skipped] == [("line 3", "name"), ("line 3", "category")]
    assert catalog.get("b") is None


def test_a_file_of_bad_entries_only_is_refused_even_then(tmp_path: Path) -> None:
    file = written(tmp_path / "own.csv", HEADER + "a,,,,,\n")
    with pytest.raises(BadImport, match="name must be"):
        Catalog.open(tmp_path).import_file(file, skip_bad=True)


def test_a_long_list_of_faults_is_cut_with_its_count(tmp_path: Path) -> None:
    file = written(tmp_path / "own.csv", HEADER + "a,,,,,\n" * 30)
    with pytest.raises(BadImport, match=r"and 10 more$") as raised:
        Catalog.open(tmp_path).import_file(file)
    assert len(raised.value.faults) == 30


def test_a_category_can_be_given_for_entries_that_state_none(tmp_path: Path) -> None:
    catalog = Catalog.open(tmp_path)
    file = written(tmp_path / "own.csv", HEADER + "a,A,,,,\nb,B,,security,,\nc,C,,,,\n")
    catalog.import_file(file)
    assert catalog.peers("a") == ()
    catalog.import_file(file, category="databases")
    assert "c" in catalog.peers("a")
    assert "b" not in catalog.peers("a")
    with pytest.raises(BadImport, match="category must be one of"):
        catalog.import_file(file, category="cats")


def test_another_catalog_sees_an_import_after_reload(tmp_path: Path) -> None:
    reader, writer = Catalog.open(tmp_path), Catalog.open(tmp_path)
    writer.import_file(written(tmp_path / "own.csv", HEADER + "a,A,,,,\n"))
    assert reader.get("a") is None
    reader.reload()
    assert reader.get("a") == writer.get("a") is not None


def test_a_database_address_replaces_the_data_directory(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/elsewhere/shared.db"
    catalog = Catalog.open(tmp_path / "data", address)
    catalog.import_file(written(tmp_path / "own.csv", HEADER + "a,A,,,,\n"))
    assert not (tmp_path / "data").exists()
    assert Catalog.open(tmp_path / "data", address).get("a") is not None
    assert Catalog.open(tmp_path / "data").get("a") is None


def test_two_processes_importing_at_once_both_succeed_and_neither_file_is_torn(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from analytics.catalog import Catalog\n"
        "catalog = Catalog.open(sys.argv[1])\n"
        "print('ready', flush=True); sys.stdin.readline()\n"
        "print(catalog.import_file(sys.argv[2]).added)\n"
    )
    running = []
    for who, own in (("first", "p"), ("second", "q")):
        rows = [{"provider_id": f"both-{n}", "name": who} for n in range(500)]
        rows += [{"provider_id": f"{own}-{n}", "name": who} for n in range(500)]
        file = written(tmp_path / f"{who}.json", json.dumps(rows))
        arguments = [sys.executable, "-c", program, str(tmp_path / "data"), str(file)]
        running.append(subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))
    for process in running:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in running:
        out, _ = process.communicate(timeout=60)
        assert (process.returncode, out.strip()) == (0, "1000")
    catalog = Catalog.open(tmp_path / "data")
    assert len(catalog) == 529 + 1500
    shared = {entry.name for entry in catalog.all() if entry.provider_id.startswith("both-")}
    assert shared in ({"first"}, {"second"})
