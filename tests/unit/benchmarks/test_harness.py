import argparse
import importlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from benchmarks.__main__ import PROGRAMS, main
from benchmarks.harness import BenchmarkFailed, Program, Row, execute, machine, merged, read, stored, table

AT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def kept(*rows: Row) -> list[dict[str, Any]]:
    return stored(rows, {"cpu": "one"}, AT, 0.25)


def program(*rows: Row, fault: Exception | type[BaseException] | None = None) -> Program:
    def run(given: argparse.Namespace) -> Iterator[Row]:
        yield from rows
        if fault is not None:
            raise fault

    return Program("sample", "A sample.", lambda parser: None, run)


def test_running_one_benchmark_leaves_the_rows_of_the_others(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    results.write_text(json.dumps(kept(Row("other/speed", 1.5, "m/s"), Row("sample/speed", 2.5, "m/s"))))
    assert execute(program(Row("sample/speed", 7.5, "m/s"), Row("sample/size", 3, "m")), [], results) == 0
    assert {row["name"]: row["value"] for row in read(results)} == {
        "other/speed": 1.5,
        "sample/size": 3,
        "sample/speed": 7.5,
    }


def test_what_was_measured_before_a_failure_is_kept_and_the_exit_code_is_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results.json"
    broken = program(Row("sample/speed", 7.5, "m/s"), fault=BenchmarkFailed("the brake must hold; got none"))
    assert execute(broken, [], results) == 1
    assert [row["name"] for row in read(results)] == ["sample/speed"]
    assert "sample: the brake must hold; got none" in capsys.readouterr().err


def test_ctrl_c_keeps_the_rows_too(tmp_path: Path) -> None:
    results = tmp_path / "results.json"
    assert execute(program(Row("sample/speed", 7.5, "m/s"), fault=KeyboardInterrupt), [], results) == 130
    assert [row["name"] for row in read(results)] == ["sample/speed"]


def test_a_run_without_rows_writes_no_file(tmp_path: Path) -> None:
    assert execute(program(), [], tmp_path / "results.json") == 0
    assert list(tmp_path.iterdir()) == []


def test_rows_on_file_are_in_the_order_of_their_names() -> None:
    assert [row["name"] for row in merged([{"name": "b"}, {"name": "c"}], [{"name": "a"}])] == ["a", "b", "c"]


def test_a_ratio_is_taken_against_the_peer_of_the_same_run() -> None:
    ours, theirs = kept(Row("ours", 600.0, "1/s", peer="theirs"), Row("theirs", 200.0, "1/s"))
    assert (ours["peer"], ours["ratio"], theirs["ratio"]) == ("theirs", 3, None)


def test_without_its_peer_in_the_run_a_row_has_no_ratio() -> None:
    (ours,) = kept(Row("ours", 600.0, "1/s", peer="theirs"))
    assert ours["ratio"] is None


@pytest.mark.parametrize(
    ("value", "lower", "met"), [(9.0, False, False), (10.0, False, True), (10.0, True, True), (11.0, True, False)]
)
def test_a_target_is_met_from_its_good_side(value: float, lower: bool, met: bool) -> None:
    assert Row("a", value, "1/s", target=10.0, lower_is_better=lower).met is met


@pytest.mark.parametrize(("ours", "met"), [(319.0, False), (320.0, True)])
def test_a_target_on_the_ratio_is_judged_by_the_ratio(ours: float, met: bool) -> None:
    row, _ = kept(Row("ours", ours, "1/s", "theirs", target_ratio=1.6), Row("theirs", 200.0, "1/s"))
    assert row["met"] is met


def test_a_ratio_that_should_be_small_is_met_from_below() -> None:
    row, _ = kept(Row("ours", 90.0, "s", "theirs", lower_is_better=True, target_ratio=0.5), Row("theirs", 200.0, "s"))
    assert row["met"] is True


def test_a_target_on_the_ratio_is_neither_met_nor_missed_when_the_peer_did_not_run() -> None:
    (row,) = kept(Row("ours", 600.0, "1/s", "theirs", target=100.0, target_ratio=1.6))
    assert (row["ratio"], row["met"]) == (None, None)


def test_of_two_targets_both_must_be_met() -> None:
    row, _ = kept(Row("ours", 600.0, "1/s", "theirs", target=1_000.0, target_ratio=1.6), Row("theirs", 200.0, "1/s"))
    assert row["met"] is False


def test_a_peer_that_ran_around_a_row_counts_before_the_mean_of_all_its_runs() -> None:
    row, _ = kept(Row("ours", 600.0, "1/s", "theirs", peer_value=300.0), Row("theirs", 200.0, "1/s"))
    assert (row["ratio"], row["peer_value"]) == (2, 300)


def test_the_table_shows_a_target_on_the_ratio() -> None:
    shown = table(kept(Row("ours", 600.0, "1/s", "theirs", target_ratio=1.6), Row("theirs", 200.0, "1/s")))
    assert shown.splitlines()[1].split() == ["ours", "600", "1/s", "3", "×", "theirs", "≥", "1.6", "×", "met"]


def test_without_a_target_nothing_is_met_or_missed() -> None:
    assert Row("a", 1.0, "1/s").met is None


def test_what_is_measured_is_kept_to_four_digits_and_what_is_counted_whole() -> None:
    measured, counted = kept(Row("a", 123_456.7, "1/s"), Row("b", 681_153, "readings"))
    assert (measured["value"], counted["value"]) == (123_500, 681_153)


def test_a_row_says_when_and_on_what_it_was_taken() -> None:
    (row,) = kept(Row("a", 1.0, "1/s", facts={"reports": 5}))
    assert row["measured_at"] == "2026-01-02T03:04:05+00:00"
    assert (row["machine"], row["load_1m"], row["facts"]) == ({"cpu": "one"}, 0.25, {"reports": 5})


def test_a_machine_is_told_by_processor_cores_memory_and_python() -> None:
    assert list(machine()) == ["cpu", "cores", "memory", "python"]
    assert all(machine().values())


def test_the_table_says_ratio_target_and_whether_it_was_met() -> None:
    shown = table(kept(Row("ours", 600.0, "1/s", "theirs", 1_000.0), Row("theirs", 200.0, "1/s"))).splitlines()
    assert shown[1].split() == ["ours", "600", "1/s", "3", "×", "theirs", "≥", "1,000", "MISSED"]
    assert shown[2].split() == ["theirs", "200", "1/s"]


def test_a_name_that_is_no_benchmark_is_refused_with_those_that_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fold"]) == 2
    assert f"a benchmark must be one of {', '.join(PROGRAMS)}; got 'fold'" in capsys.readouterr().err


def test_every_benchmark_that_is_listed_has_a_program_of_its_name() -> None:
    programs = [importlib.import_module(f"benchmarks.{name}").PROGRAM for name in PROGRAMS]
    assert [program.name for program in programs] == list(PROGRAMS)


def test_wsdream_without_a_file_is_left_out_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["wsdream"]) == 0
    said = capsys.readouterr()
    assert "no file is given: python -m benchmarks wsdream FILE" in said.err
    assert said.out == ""


def test_wsdream_refuses_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["wsdream", str(tmp_path / "none.csv")]) == 1
    assert "FILE must be a WS-DREAM response time file" in capsys.readouterr().err
