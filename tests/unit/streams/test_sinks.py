from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from scoring.stats import STATS
from streams.json_wire import JsonReader
from streams.rejects import reject_table
from streams.schemas import PANES_SCHEMA, REPORTS_SCHEMA
from streams.sinks import LakeSinks, pane_rows
from streams.wire import decode
from tests.support.plain_panes import Report, panes_of, some_reports
from tests.support.wire_cases import GOOD, json_message


def reports_table(reports: Sequence[Report], partition: int = 0, first_offset: int = 0) -> pa.Table:
    run = [json_message(offset, report) for offset, report in enumerate(reports, first_offset)]
    return decode(run, partition, JsonReader()).table


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def test_a_crash_between_the_tables_is_made_good_by_the_replay(tmp_path: Path) -> None:
    reports, rejects = reports_table(some_reports(1, 40)), reject_table([], "trust.reports", 0)
    before = LakeSinks(str(tmp_path), "trust.reports", "trust.scores")
    before.reports.write(reports.slice(0, 30), {0: 29})  # and then the worker died: no panes
    after = LakeSinks(str(tmp_path), "trust.reports", "trust.scores")
    assert after.write_reports(reports, rejects, {0: 39}) == 10
    again = LakeSinks(str(tmp_path), "trust.reports", "trust.scores")
    assert again.write_reports(reports, rejects, {0: 39}) == 0
    panes = DeltaTable(str(tmp_path / "panes")).to_pyarrow_table()
    assert sum(sum(panes[outcome].to_pylist()) for outcome in ("success", "failure", "timeout", "error")) == 40


# ------------------------------------------------------------------------------------------------------------- panes
@pytest.mark.parametrize("seed", range(4))
def test_pane_rows_add_up_to_counting_one_report_after_the_other(seed: int) -> None:
    reports = some_reports(seed, 200)
    table = pa.concat_tables([reports_table(reports[:120], 0), reports_table(reports[120:], 5)])
    got = pane_rows(table)
    assert got.schema.equals(PANES_SCHEMA)
    bare = [{k: v for k, v in r.items() if k not in ("task_type", "region")} for r in reports]
    wanted: dict[tuple[str, int], dict[str, int]] = {}
    for (level, start, name), pane in panes_of(bare).items():
        if level == 60:
            wanted[name, start] = {stat: value for stat, value in pane.stats.items() if value}
    sums: dict[tuple[str, int], dict[str, int]] = {}
    for row in got.to_pylist():
        pane_sums = sums.setdefault((row["provider_id"], int(row["pane_start"].timestamp())), {})
        for stat in STATS:
            if row[stat]:
                pane_sums[stat] = pane_sums.get(stat, 0) + row[stat]
        assert sum(row["latency_counts"]) == row["latency_n"]
        assert row["latency_buckets"] == sorted(set(row["latency_buckets"]))
    assert sums == wanted


def test_a_pane_row_tells_its_series_partition_and_last_offset() -> None:
    report = GOOD | {"task_type": "t", "region": "r"}
    got = pane_rows(reports_table([report, report, GOOD], partition=2, first_offset=7)).to_pylist()
    assert sorted((row["task_type"], row["region"], row["partition"], row["last_offset"]) for row in got) == [
        ("", "", 2, 9), ("t", "r", 2, 8),
    ]  # fmt: skip
    assert {str(row["date"]) for row in got} == {"2023-11-14"}


def test_no_report_makes_no_pane_row_and_no_commit(tmp_path: Path) -> None:
    lake = LakeSinks(str(tmp_path), "trust.reports", "trust.scores")
    assert lake.write_reports(REPORTS_SCHEMA.empty_table(), reject_table([], "trust.reports", 0), {0: 3}) == 0
    assert lake.panes.write(REPORTS_SCHEMA.empty_table(), {0: 3}) == 0


def test_sql_over_the_files_gives_the_same_sums(tmp_path: Path, con: duckdb.DuckDBPyConnection) -> None:
    lake = LakeSinks(str(tmp_path), "trust.reports", "trust.scores")
    for seed, partition in ((1, 0), (2, 1), (3, 0)):
        first = 0 if seed < 3 else 300
        table = reports_table(some_reports(seed, 300), partition, first)
        bad = decode([json_message(first + 300, b"x")], partition, JsonReader()).rejects
        lake.write_reports(table, reject_table(bad, "trust.reports", partition), {partition: first + 299})
    files = {name: DeltaTable(str(tmp_path / name)).file_uris() for name in ("reports", "panes", "rejects")}
    by_report = con.execute(
        """
        select count(*), count(*) filter (outcome = 'success'),
               count(latency_ms) filter (outcome in ('success', 'failure')),
               sum(floor(latency_ms * 1000 + 0.5)::bigint) filter (outcome in ('success', 'failure')),
               count(quality), sum(floor(quality * 1e6 + 0.5)::bigint),
               sum(floor(pow(2, -data_age_s / 86400) * 1e6 + 0.5)::bigint), sum(floor(cost_usd * 1e9 + 0.5)::bigint),
               sum(floor(1 / (1 + cost_usd / 0.01) * 1e6 + 0.5)::bigint),
               count(*) filter (len(security) = 0), count(*) filter (list_contains(security, 'leak'))
        from read_parquet(?)
        """,
        [files["reports"]],
    ).fetchone()
    by_pane = con.execute(
        """
        select sum(success + failure + timeout + error), sum(success), sum(latency_n), sum(latency_us), sum(quality_n),
               sum(quality_ppm), sum(freshness_ppm), sum(cost_nusd), sum(cost_ppm), sum(security_clean), sum(leak)
        from read_parquet(?)
        """,
        [files["panes"]],
    ).fetchone()
    assert by_report is not None
    assert by_report[0] == 900
    assert by_report == by_pane
    (rejected,) = con.execute("select count(*) from read_parquet(?)", [files["rejects"]]).fetchone() or (None,)
    assert rejected == 3
