import gzip
from pathlib import Path

from analytics.lake import Lake
from analytics.replay.wsdream import read_wsdream
from benchmarks.support.readings import Counted, counted, in_lake
from tests.support.lake_maker import LakeMaker

FILE = """user,service,t00,t01,t02
0,49,0.84,,20.0
1,49,1.2345678,20.5,0.001
0,7,19.999,0,
"""
TRUTH = {"service-49": Counted(5, 2, 2_075_568), "service-7": Counted(2, 0, 19_999_000)}


def test_a_file_is_counted_by_service_with_empty_cells_left_out(tmp_path: Path) -> None:
    (tmp_path / "plain.csv").write_text(FILE)
    (tmp_path / "packed.csv.gz").write_bytes(gzip.compress(FILE.encode()))
    assert counted(tmp_path / "plain.csv") == counted(tmp_path / "packed.csv.gz") == TRUTH


def lake_of_file(directory: Path) -> Path:
    """The file as the product reads, folds and keeps it."""
    path = directory / "plain.csv"
    path.write_text(FILE)
    with path.open(encoding="ascii") as file:
        reports = [report for chunk in read_wsdream(path, file, print) for report in chunk]
    LakeMaker(directory / "lake").add(reports, now_s=3_600.0)
    return directory / "lake"


def test_the_lake_says_of_each_service_what_the_file_says(tmp_path: Path) -> None:
    with Lake(lake_of_file(tmp_path)) as lake:
        assert in_lake(lake) == TRUTH


def test_a_service_counted_unlike_in_reports_and_panes_equals_no_file(tmp_path: Path) -> None:
    path = lake_of_file(tmp_path)
    LakeMaker(tmp_path / "other").add([{"provider_id": "service-7", "outcome": "error", "timestamp": 60.0}], 3_600.0)
    (path / "panes").rename(path / "gone")
    (tmp_path / "other" / "panes").rename(path / "panes")
    with Lake(path) as lake:
        assert in_lake(lake)["service-7"] == Counted(-1, -1, -1)
