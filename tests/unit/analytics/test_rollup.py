import json
import random
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake.transaction import AddAction, RemoveAction

from analytics import queries
from analytics.compaction import compact
from analytics.hour_rows import groups_of, rows_of
from analytics.hours import hours_of
from analytics.lake import Lake, UnreadableTable, open_table
from analytics.lake.replacement import files_by_day
from analytics.rollup import HOURS_TABLE, hours_table, roll_up, weeks_of
from tests.support.lake_maker import LakeMaker

TODAY = date(2026, 11, 18)
NOW_S = 1_795_000_000.0  # 2026-11-18T11:06:40Z, a Wednesday
DAY_S = 86_400.0
FACETS = ["", "task=search", "region=eu"]


def some_reports(seed: int, count: int, days: float = 20.0) -> list[dict[str, Any]]:
    rng = random.Random(seed)
    return [
        {
            "provider_id": rng.choice(["a", "b"]),
            "outcome": rng.choice(["success", "success", "failure", "timeout"]),
            "timestamp": NOW_S - rng.random() * days * DAY_S,
            "latency_ms": rng.lognormvariate(4, 1),
            **({"task_type": "search"} if rng.random() < 0.5 else {}),
            **({"region": rng.choice(["eu", "us"])} if rng.random() < 0.8 else {}),
        }
        for _ in range(count)
    ]


@pytest.fixture
def maker(tmp_path: Path) -> LakeMaker:
    made = LakeMaker(tmp_path / "lake")
    made.add(some_reports(1, 900), NOW_S, with_scores=False)
    return made


@pytest.fixture
def lake(maker: LakeMaker) -> Iterator[Lake]:
    with Lake(maker.root) as opened:
        yield opened


def histories(lake: Lake) -> list[list[queries.HistoryRow]]:
    """Over spans that begin and end within hours and at their edges."""
    begin_s, hour_s = NOW_S - 20 * DAY_S, NOW_S // 3_600 * 3_600
    spans = [(0.0, 4e9), (begin_s + 1_234, NOW_S - 777), (hour_s - 9 * DAY_S, hour_s - 2 * DAY_S), (NOW_S - 60, NOW_S)]
    spans += [(hour_s - 5 * DAY_S + 100, hour_s - 5 * DAY_S + 900), (begin_s, NOW_S - 15.5 * DAY_S)]
    buckets: list[queries.Bucket] = ["hour", "day"]
    return [
        queries.history(lake, "a", facet, bucket, *span)
        for facet in FACETS for bucket in buckets for span in spans
    ]  # fmt: skip


def weeks_used(lake: Lake) -> int:
    hours = hours_of(lake)
    assert hours is not None
    return len(hours.between(date(2026, 1, 1), TODAY)[0])


def test_a_history_from_rolled_up_hours_is_the_history_from_panes(lake: Lake) -> None:
    before = histories(lake)
    assert weeks_used(lake) == 0
    weeks = roll_up(lake.path, TODAY)
    assert sum(week.days for week in weeks) == 20, "20 closed days; the one being written is not rolled up"
    assert weeks_used(lake) == len(weeks) == 4
    assert histories(lake) == before
    assert any(rows for rows in before)


def test_a_week_is_rolled_up_again_only_when_its_days_changed(maker: LakeMaker, lake: Lake) -> None:
    roll_up(lake.path, TODAY)
    assert roll_up(lake.path, TODAY) == []
    late = {"provider_id": "a", "outcome": "error", "timestamp": NOW_S - 8 * DAY_S, "latency_ms": 5.0}
    maker.add([late], NOW_S, with_scores=False)
    assert [week.monday for week in roll_up(lake.path, TODAY)] == [date(2026, 11, 9)]


def test_a_late_report_shows_before_its_week_is_rolled_up_again(maker: LakeMaker, lake: Lake) -> None:
    roll_up(lake.path, TODAY)
    before = queries.history(lake, "a", bucket="day")
    late = {"provider_id": "a", "outcome": "error", "timestamp": NOW_S - 8 * DAY_S, "latency_ms": 5.0}
    maker.add([late], NOW_S, with_scores=False)
    after = queries.history(lake, "a", bucket="day")
    assert sum(row.error for row in after) == sum(row.error for row in before) + 1
    roll_up(lake.path, TODAY)
    assert queries.history(lake, "a", bucket="day") == after


def test_a_day_that_was_compacted_since_is_read_from_its_panes(maker: LakeMaker, lake: Lake) -> None:
    before = histories(lake)
    maker.add([{"provider_id": "b", "outcome": "success", "timestamp": NOW_S - 3 * DAY_S}], NOW_S, with_scores=False)
    roll_up(lake.path, TODAY)
    compact(lake.path, TODAY, vacuum_hours=0)
    lake.refresh()
    assert histories(lake) == before
    assert roll_up(lake.path, TODAY), "made anew from the merged files"
    assert histories(lake) == before


def test_files_of_two_days_may_have_one_name(lake: Lake) -> None:
    before = histories(lake)
    panes = open_table(lake.path, "panes")
    assert panes is not None
    actions: list[AddAction | RemoveAction] = []
    for day, files in files_by_day(panes).items():
        where: dict[str, str | None] = {"date": day.isoformat()}
        for number, file in enumerate(files):
            name = f"date={day.isoformat()}/part-{number}.parquet"
            shutil.copy(Path(lake.path, "panes", file.path), Path(lake.path, "panes", name))
            actions.append(AddAction(name, file.size_bytes, where, 0, True, json.dumps({"numRecords": file.rows})))
            actions.append(RemoveAction(file.path, True, 0, file.size_bytes, where))
    panes.create_write_transaction(actions, "append", panes.schema(), ["date"])
    lake.refresh()
    roll_up(lake.path, TODAY)
    assert weeks_used(lake) == 4
    assert histories(lake) == before
    compact(lake.path, TODAY, vacuum_hours=0)
    lake.refresh()
    assert histories(lake) == before


def test_a_provider_is_found_in_the_row_groups_that_hold_it(tmp_path: Path) -> None:
    ids = [name for name in "bdf" for _ in range(5)]
    path = str(tmp_path / "hours.parquet")
    pq.write_table(pa.table({"provider_id": ids, "hour": list(range(15))}), path, row_group_size=3)
    groups = groups_of(path)
    assert groups.metadata.num_row_groups == 5
    for name, hours in (("a", []), ("b", range(5)), ("c", []), ("d", range(5, 10)), ("f", range(10, 15)), ("g", [])):
        assert rows_of([groups], name, ["provider_id", "hour"])["hour"].to_pylist() == list(hours)


def test_a_rolled_up_file_that_is_damaged_or_gone_is_said_with_what_to_do(lake: Lake) -> None:
    roll_up(lake.path, TODAY)
    hours = hours_table(lake.path)
    assert hours is not None
    file = Path(lake.path, HOURS_TABLE, pa.table(hours.get_add_actions(flatten=True))["path"].to_pylist()[0])
    kept = file.read_bytes()
    file.write_bytes(b"PAR1 no more")
    with pytest.raises(UnreadableTable, match="delete the directory hours"):
        queries.history(lake, "a")
    file.write_bytes(kept)
    assert queries.history(lake, "a")
    file.unlink()
    with pytest.raises(UnreadableTable, match="maintenance makes it anew"):
        queries.history(lake, "a")


def test_rolled_up_hours_can_be_deleted_at_any_time(lake: Lake) -> None:
    before = histories(lake)
    roll_up(lake.path, TODAY)
    shutil.rmtree(Path(lake.path, HOURS_TABLE))
    with Lake(lake.path) as opened:
        assert histories(opened) == before
    assert len(roll_up(lake.path, TODAY)) == 4


def test_a_week_whose_days_were_all_removed_goes_too(lake: Lake) -> None:
    roll_up(lake.path, TODAY)
    panes = open_table(lake.path, "panes")
    assert panes is not None
    panes.delete("date < '2026-11-02'")
    roll_up(lake.path, TODAY)
    table = hours_table(lake.path)
    assert table is not None
    first = duckdb.read_parquet(table.file_uris()).aggregate("min(hour)::DATE").fetchall()[0][0]
    assert first == date(2026, 11, 2)
    with Lake(lake.path) as opened:
        assert min(row.start_s for row in queries.history(opened, "a", bucket="day")) >= 1_793_577_600


def test_what_was_written_before_a_crash_is_not_read(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    before = histories(lake)

    class Died(Exception):
        """As if the process had ended between the file and the commit."""

    def die(*_: object, **__: object) -> None:
        raise Died

    monkeypatch.setattr("deltalake.DeltaTable.create_write_transaction", die)
    with pytest.raises(Died):
        roll_up(lake.path, TODAY)
    monkeypatch.undo()
    assert histories(lake) == before
    assert len(roll_up(lake.path, TODAY)) == 4
    assert histories(lake) == before


def test_a_lake_without_panes_has_nothing_to_roll_up(tmp_path: Path) -> None:
    assert roll_up(str(tmp_path), TODAY) == []


def test_weeks_begin_on_mondays() -> None:
    found = weeks_of({TODAY - timedelta(days=back): [] for back in range(4)})
    assert {monday.isoformat(): len(days) for monday, days in found.items()} == {"2026-11-09": 1, "2026-11-16": 3}
