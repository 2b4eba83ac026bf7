import gzip
from pathlib import Path

import pytest

from analytics.replay.errors import BadLine
from analytics.replay.sources import Format, count_bad, read
from scoring.reports import validate

SMALL = "user,service,t00,t01,t02\n0,49,0.84,,20.0\n7,3,1.038,0.049,\n"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.csv.gz"
    path.write_bytes(gzip.compress(SMALL.encode()))
    return path


def test_each_reading_is_a_report_slot_by_slot(small: Path) -> None:
    slots = list(read(small, Format.WSDREAM))
    told = [
        [(r["provider_id"], r["reporter_id"], r["timestamp"], r["latency_ms"], r["outcome"]) for r in slot]
        for slot in slots
    ]
    assert told == [
        [("service-49", "user-0", 0.0, 840.0, "success"), ("service-3", "user-7", 0.0, 1_038.0, "success")],
        [("service-3", "user-7", 900.0, 49.0, "success")],
        [("service-49", "user-0", 1_800.0, 20_000.0, "timeout")],
    ]


def test_report_ids_tell_user_service_and_slot(small: Path) -> None:
    assert [r["report_id"] for slot in read(small, Format.WSDREAM) for r in slot] == [
        "ws-0-49-0", "ws-7-3-0", "ws-7-3-1", "ws-0-49-2",
    ]  # fmt: skip


def test_every_report_is_valid_as_it_is(small: Path) -> None:
    reports = [report for slot in read(small, Format.WSDREAM) for report in slot]
    assert [validate(report) for report in reports] == reports


def test_a_bad_cell_is_named_by_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(SMALL.replace("0.049", "fast"), encoding="utf-8")
    with pytest.raises(
        BadLine, match=r"bad\.csv, line 3: t01 must be a number from 0 to 3,600 s, or empty; got 'fast'; correct"
    ):
        list(read(path, Format.WSDREAM))


@pytest.mark.parametrize("cell", ["-0.1", "nan", "inf", "3600.5"])
def test_a_cell_out_of_bounds_is_left_out_alone(tmp_path: Path, cell: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(SMALL.replace("0.049", cell), encoding="utf-8")
    bad: list[BadLine] = []
    assert sum(len(slot) for slot in read(path, Format.WSDREAM, count_bad(bad))) == 3
    assert [(line.line, line.field, line.got) for line in bad] == [(3, "t01", f"'{cell}'")]


def test_a_row_with_a_missing_cell_is_left_out_whole(tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(SMALL + "1,2,0.5\n", encoding="utf-8")
    bad: list[BadLine] = []
    assert sum(len(slot) for slot in read(path, Format.WSDREAM, count_bad(bad))) == 4
    assert str(bad[0]) == ("bad.csv, line 4: line must be 5 cells, as in the header; got 3; correct or remove it")


@pytest.mark.parametrize("header", ["", "provider_id,outcome", "user,service"])
def test_another_header_is_refused_whatever_is_skipped(tmp_path: Path, header: str) -> None:
    path = tmp_path / "other.csv"
    path.write_text(f"{header}\n1,2\n", encoding="utf-8")
    with pytest.raises(BadLine, match=r"line 1: header must be user,service,t00,t01,\.\.\.; got .*--format"):
        list(read(path, Format.WSDREAM, count_bad([])))
