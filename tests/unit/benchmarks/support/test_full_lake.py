from datetime import date
from pathlib import Path

from analytics import queries
from analytics.lake import Lake
from benchmarks.support.full_lake import FullLake, make

COUNT = 2_000


def test_panes_are_of_all_reports_however_few_are_kept(tmp_path: Path) -> None:
    made = make(FullLake(str(tmp_path / "lake"), COUNT, 10, 2, date(2026, 3, 3), kept=0.5), processes=1)
    with Lake(tmp_path / "lake") as lake:
        totals = queries.totals(lake)
        in_panes = lake.rows("select sum(success + failure + timeout + error) from panes limit 1")
    assert COUNT * 0.4 < totals.reports < COUNT * 0.6
    assert int(in_panes[0][0]) == COUNT
    assert made.rows["scores"] == 10 * 5, "of the provider, its task type and three regions"
