"""``trustscore catalog`` as a person and as a program meet it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from analytics.cli.catalog import app

HEADER = "provider_id,name,task_types,category,source,endpoint\n"


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TRUSTSCORE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("TRUSTSCORE_DATABASE_URL", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    return tmp_path / "data"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def answer(*arguments: str) -> Any:
    result = run(*arguments, "--json")
    assert (result.exit_code, result.stderr) == (0, "")
    return json.loads(result.stdout)


@pytest.mark.usefixtures("data_dir")
def test_list_shows_a_table_and_how_many_there_are() -> None:
    result = run("list", "--category", "Databases", "--search", "neo4j")
    assert result.exit_code == 0
    assert "neo4j-cypher" in result.stdout
    assert "graph_database, query_execution" in result.stdout
    assert result.stdout.endswith("4 of 529 providers\n")


@pytest.mark.usefixtures("data_dir")
def test_a_long_table_says_what_it_left_out() -> None:
    assert "529 of 529 providers, 50 shown (--limit 0 shows all)" in run("list").stdout
    assert run("list", "--limit", "0").stdout.endswith("529 of 529 providers\n")


@pytest.mark.usefixtures("data_dir")
def test_json_holds_everything_unless_limited() -> None:
    assert len(answer("list")) == 529
    first = answer("list", "--task", "web_search", "--limit", "1")
    assert first == [
        {
            "provider_id": "anthropic-brave-search-034",
            "name": "Brave Search",
            "task_types": ["web_search", "data_retrieval"],
            "category": "web_search",
            "source": "https://www.pulsemcp.com/servers",
            "endpoint": None,
            "origin": "builtin",
        }
    ]


@pytest.mark.usefixtures("data_dir")
def test_no_match_is_an_empty_answer_not_a_failure() -> None:
    assert answer("list", "--search", "zzzz") == []
    assert "0 of 529 providers" in run("list", "--search", "zzzz").stdout


@pytest.mark.usefixtures("data_dir")
def test_an_unknown_category_is_bad_input_with_the_nearest_one() -> None:
    result = run("list", "--category", "datbases")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--category must be one of ai_agents" in result.stderr
    assert "got 'datbases'; did you mean databases?" in result.stderr


@pytest.mark.usefixtures("data_dir")
def test_a_negative_limit_is_bad_input() -> None:
    assert run("list", "--limit", "-1").exit_code == 2


@pytest.mark.usefixtures("data_dir")
def test_show_tells_the_facts_and_the_peers() -> None:
    shown = answer("show", "stripe-remote")
    assert shown["endpoint"] == "https://mcp.stripe.com"
    assert "paypal" in shown["peers"]
    text = run("show", "stripe-remote").stdout
    assert "https://mcp.stripe.com" in text
    assert "payments_finance (payments, billing, markets, blockchains)" in text


@pytest.mark.usefixtures("data_dir")
def test_show_of_an_unknown_provider_fails_with_near_ids() -> None:
    result = run("show", "githb")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "provider githb is not among the 529 in the catalog; did you mean github or git or gitlab?\n"
    )
    assert "trustscore catalog list --search WORD finds some" in run("show", "0:0").stderr


@pytest.mark.usefixtures("data_dir")
@pytest.mark.parametrize("provider_id", ["", "a b", "x" * 201])
def test_show_of_what_cannot_be_an_id_is_bad_input(provider_id: str) -> None:
    result = run("show", provider_id)
    assert result.exit_code == 2
    assert "ID must be 1 to 200 characters of A-Z a-z 0-9 . _ : / @ -; got " in result.stderr


def test_import_reports_what_it_did_and_list_shows_it(data_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text(HEADER + "mine,[red]Mine[/red],x_y,security,,\n")
    result = run("import", str(file))
    assert (result.exit_code, result.stdout) == (0, f"{file}: 1 added, 0 replaced, 0 unchanged\n")
    assert (data_dir / "catalog.db").exists()
    assert "[red]Mine[/red]" in run("list", "--search", "mine").stdout
    assert answer("show", "mine")["origin"] == "import"


def test_json_of_list_can_be_imported_again(data_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "all.json"
    file.write_text(run("list", "--json").stdout)
    assert answer("import", str(file)) == {
        "file": str(file), "added": 0, "replaced": 529, "unchanged": 0, "superseded": 0, "skipped": []
    }  # fmt: skip
    assert data_dir.exists()


def test_a_bad_file_is_bad_input_and_leaves_nothing_behind(data_dir: Path, tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text(HEADER + "mine,Mine,,,,\nmi ne,Mine,,,,\n")
    result = run("import", str(file))
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{file}, line 3: provider_id must be" in result.stderr
    assert not data_dir.exists()


@pytest.mark.usefixtures("data_dir")
def test_bad_entries_left_out_are_said_on_stderr(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text(HEADER + "mine,Mine,,,,\nmi ne,,,,,\n")
    result = run("import", "--skip-bad", "--category", "security", str(file))
    assert result.exit_code == 0
    assert result.stdout == f"{file}: 1 added, 0 replaced, 0 unchanged, 1 left out\n"
    assert [line.partition(": ")[0] for line in result.stderr.splitlines()] == ["left out", "left out"]
    again = answer_beside_faults("import", "--skip-bad", str(file))
    assert [fault["field"] for fault in again["skipped"]] == ["provider_id", "name"]


def answer_beside_faults(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


def test_a_broken_database_is_a_failure(data_dir: Path) -> None:
    data_dir.mkdir()
    (data_dir / "catalog.db").write_text("this is no database" * 100)
    result = run("list")
    assert result.exit_code == 1
    assert "file is not a database; check that" in result.stderr


@pytest.mark.usefixtures("data_dir")
def test_a_wrong_database_address_is_bad_input() -> None:
    result = run("list", "--database-url", "oracle://me:secret@host/x")
    assert result.exit_code == 2
    assert "correct TRUSTSCORE_DATABASE_URL or leave it out" in result.stderr
    assert "secret" not in result.stderr


def test_ctrl_c_ends_an_import_without_traceback_and_without_rest(data_dir: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "endless.jsonl"
    os.mkfifo(pipe)
    command = [sys.executable, "-c", "from analytics.cli.catalog import app; app()", "import", str(pipe)]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # ignored where a shell runs us behind it
    ) as process:
        # Opening blocks until the command has opened its end; it then reads until this end is closed. A signal that
        # comes just before its read interrupts nothing, so only the closing makes sure that the command goes on.
        with pipe.open("w") as writing:
            writing.write('{"provider_id": "a", "name": "A"}\n')
            writing.flush()
            process.send_signal(signal.SIGINT)
        out, said = process.communicate(timeout=60)
    # 130 is what shells expect of a program that an interrupt ended.
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in said
    assert not data_dir.exists()
