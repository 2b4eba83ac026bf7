"""Recomputation of a real lake: equal bit for bit as the workers wrote it, and every tampering named."""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable, write_deltalake
from typer.testing import CliRunner

from analytics import queries
from analytics.cli.main import app
from analytics.compaction import compact
from analytics.errors import InvalidRequest
from analytics.lake import Lake
from analytics.retention import retain
from analytics.verify import Verification, verify
from scoring.records import ScoreRecord
from scoring.weights import Weights
from tests.support.lake_maker import LakeMaker
from tests.support.sample_reports import NOW_S, minute_counts, sample_reports

REPORTS = sample_reports(4_000, seed=3, spread_s=8 * 86_400.0, providers=2)
LATE = sample_reports(300, seed=4, spread_s=80 * 86_400.0, providers=3, end_s=NOW_S + 4_000)
ALL = [*REPORTS, *LATE]
FUTURE = date(2028, 1, 1)
"""All days of the reports are closed."""


def _steady(end_s: float) -> list[dict[str, Any]]:
    """Six reports an hour for 30 hours, then three a minute for half an hour: a baseline of each kind."""
    hours = [("hourly", end_s - 600 - 3_600 * hour - 60 * n) for hour in range(1, 31) for n in range(6)]
    minutes = [("fresh", end_s - 60 * minute - n) for minute in range(8, 40) for n in range(3)]
    now = [(provider, end_s - n) for provider in ("hourly", "fresh") for n in range(8)]
    return [
        {
            "provider_id": provider,
            "outcome": "failure" if at >= end_s - 10 or n % 7 == 3 else "success",
            "timestamp": at,
            "latency_ms": 100.0 + n % 11,
        }
        for n, (provider, at) in enumerate([*hours, *minutes, *now])
    ]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake of several runs, late and early reports, rejects, partitions, and scores of five moments."""
    maker = LakeMaker(tmp_path_factory.mktemp("lake"), partitions=3)
    maker.add([*REPORTS[:1_500], b"no report"], NOW_S)
    maker.add(REPORTS[1_500:], NOW_S + 31.25)
    maker.add(LATE, NOW_S + 3_999.5)
    maker.add(_steady(NOW_S + 4_000), NOW_S + 4_001)
    maker.score(NOW_S + 100_000)
    return maker.root


@pytest.fixture(scope="module")
def whole(root: Path) -> Iterator[Lake]:
    with Lake(root) as opened:
        yield opened


@pytest.fixture
def small(tmp_path: Path) -> LakeMaker:
    """A lake to be tampered with."""
    maker = LakeMaker(tmp_path)
    maker.add(REPORTS[:300], NOW_S)
    return maker


def _verified(root: Path, **options: Any) -> Verification:
    with Lake(root) as opened:
        return verify(opened, **options)


def _tamper(root: Path, table: str, change: Callable[[pa.Table], pa.Table]) -> list[dict[str, Any]]:
    """The rows before the change, in the order the change saw them."""
    rows = DeltaTable(str(root / table)).to_pyarrow_table()
    write_deltalake(str(root / table), change(rows), mode="overwrite")
    return rows.to_pylist()  # type: ignore[no-any-return]  # pyarrow states no types


def _plus_one(rows: pa.Table, column: str, row: int) -> pa.Table:
    add = pa.array(np.arange(len(rows)) == row).cast(pa.int64())
    return rows.set_column(rows.schema.get_field_index(column), column, pc.add(rows[column], add))


def test_panes_and_scores_come_out_equal_bit_for_bit(whole: Lake) -> None:
    done = verify(whole)
    assert done.equal
    assert done.panes.compared == len(minute_counts([*ALL, *_steady(NOW_S + 4_000)]))
    assert done.panes.different == 0
    assert done.scores.compared == done.scores.bit_for_bit == len(queries.latest_scores(whole))
    assert done.scores.largest_difference == 0.0
    assert (done.waiting_reports, done.duplicates, done.scores.ahead) == ({}, [], 0)


def test_every_score_ever_emitted_comes_out_equal(whole: Lake) -> None:
    done = verify(whole, since_s=0.0)
    assert done.equal
    assert done.scores.compared == done.totals.scores > 2 * len(queries.latest_scores(whole))


def test_the_lake_verified_here_exercises_every_part_of_a_score(whole: Lake) -> None:
    records = queries.scores_since(whole, 0.0)
    dimensions = [(name, part) for record in records for name, part in record.dimensions.items()]
    assert {name for name, part in dimensions if part.value is not None} == set(records[0].dimensions)
    scored = {record.provider_id for record in records if record.dimensions["reliability"].z_score is not None}
    assert scored >= {"hourly", "fresh"}
    assert {record.facet.partition("=")[0] for record in records} == {"", "task", "region"}
    assert any(len(record.through) == 3 for record in records)
    assert any(record.windows["90d"].n > record.windows["30d"].n > record.windows["24h"].n for record in records)


def test_only_the_provider_asked_for_is_compared(whole: Lake) -> None:
    done = verify(whole, "provider-1")
    ours = [report for report in ALL if report["provider_id"] == "provider-1"]
    assert done.equal
    assert done.panes.compared == len(minute_counts(ours))
    assert done.scores.compared == len(queries.latest_scores(whole, "provider-1"))
    assert verify(whole, limit_scores=2).scores.compared == 2


def test_a_compacted_lake_stays_equal(small: LakeMaker) -> None:
    small.add(REPORTS[300:500], NOW_S + 5)
    compact(str(small.root), FUTURE)
    done = _verified(small.root)
    assert done.equal
    assert done.scores.bit_for_bit == done.scores.compared > 0


@pytest.mark.parametrize("statistic", ["success", "latency_us", "freshness_ppm", "cost_nusd", "injection"])
def test_a_sum_that_is_off_by_one_is_named(small: LakeMaker, statistic: str) -> None:
    row = _tamper(small.root, "panes", lambda rows: _plus_one(rows, statistic, 7))[7]
    done = _verified(small.root)
    assert not done.equal
    assert done.panes.different == 1
    (gap,) = done.panes.first
    assert (gap.provider_id, gap.task_type, gap.region) == (row["provider_id"], row["task_type"], row["region"])
    assert (gap.start_s, gap.statistic, gap.missing) == (row["pane_start"].timestamp(), statistic, -1)


def test_a_latency_count_in_another_bucket_is_named(small: LakeMaker) -> None:
    def moved(rows: pa.Table) -> pa.Table:
        buckets = rows["latency_buckets"].to_pylist()
        first = next(at for at, held in enumerate(buckets) if held)
        buckets[first] = [buckets[first][0] + 1, *buckets[first][1:]]
        column = pa.array(buckets, pa.list_(pa.int32()))
        return rows.set_column(rows.schema.get_field_index("latency_buckets"), "latency_buckets", column)

    _tamper(small.root, "panes", moved)
    done = _verified(small.root)
    assert done.panes.different == 1
    one, other = done.panes.first
    assert (one.missing, other.missing) == (1, -1)
    assert int(other.statistic.removeprefix("latency bucket ")) == int(one.statistic.split()[-1]) + 1


def test_a_missing_report_and_a_missing_pane_are_found(small: LakeMaker) -> None:
    _tamper(small.root, "panes", lambda rows: rows.slice(1))
    assert _verified(small.root).panes.different == 1
    _tamper(small.root, "reports", lambda rows: rows.slice(0, len(rows) - 1))
    done = _verified(small.root)
    assert done.panes.different == 2
    assert done.scores.different > 0


def test_a_report_that_is_there_twice_is_named_and_changes_the_counts(small: LakeMaker) -> None:
    row = _tamper(small.root, "reports", lambda rows: pa.concat_tables([rows, rows.slice(5, 1)]))[5]
    done = _verified(small.root)
    (copy,) = done.duplicates
    assert (copy.table, copy.partition, copy.offset, copy.copies) == ("reports", row["partition"], row["offset"], 2)
    assert done.panes.different == 1


def _rewritten(rows: pa.Table, change: Callable[[ScoreRecord], ScoreRecord]) -> pa.Table:
    records = [msgspec.json.decode(record, type=ScoreRecord) for record in rows["record"].to_pylist()]
    records[0] = change(records[0])
    texts = pa.array([msgspec.json.encode(record).decode() for record in records])
    return rows.set_column(rows.schema.get_field_index("record"), "record", texts)


def _counting_one_more(record: ScoreRecord) -> ScoreRecord:
    day = record.windows["24h"]
    return replace(record, windows={**record.windows, "24h": replace(day, success=day.success + 1)})


@pytest.mark.parametrize(
    ("change", "figure"),
    [
        (_counting_one_more, "windows.24h.success"),
        (lambda record: replace(record, trust_score=record.trust_score + 2e-9), "trust_score"),
        (lambda record: replace(record, lower=None), "lower"),
        (lambda record: replace(record, flags=[*record.flags, "stale"]), "flags"),
        (lambda record: replace(record, n=record.n + 1), "n"),
    ],
)
def test_a_figure_of_a_score_that_differs_is_named(
    small: LakeMaker, change: Callable[[ScoreRecord], ScoreRecord], figure: str
) -> None:
    _tamper(small.root, "scores", lambda rows: _rewritten(rows, change))
    done = _verified(small.root)
    assert not done.equal
    assert done.scores.different == 1
    assert [gap.figure for gap in done.scores.first] == [figure]
    assert done.scores.bit_for_bit == done.scores.compared - 1


def test_a_float_within_the_tolerance_is_equal_but_not_bit_for_bit(small: LakeMaker) -> None:
    _tamper(
        small.root,
        "scores",
        lambda rows: _rewritten(
            rows, lambda record: replace(record, evidence_adjustment=record.evidence_adjustment + 3e-10)
        ),
    )
    done = _verified(small.root)
    assert done.equal
    assert done.scores.bit_for_bit == done.scores.compared - 1
    assert done.scores.largest_difference == pytest.approx(3e-10, rel=1e-3)


def test_reports_whose_panes_are_not_committed_yet_are_left_out(small: LakeMaker) -> None:
    held = DeltaTable(str(small.root / "panes")).version()
    small.add(REPORTS[300:360], NOW_S + 5)
    (small.root / "panes" / "_delta_log" / f"{held + 1:020}.json").unlink()  # the worker died between the two commits
    done = _verified(small.root)
    assert done.waiting_reports == {0: 30, 1: 30}
    assert done.panes.different == 0
    assert done.equal


def test_scores_ahead_of_the_lake_give_way_to_earlier_ones(small: LakeMaker) -> None:
    held = DeltaTable(str(small.root / "reports")).version()
    small.add(REPORTS[300:360], NOW_S + 5)
    for table in ("reports", "panes"):  # their commit is still to come
        (small.root / table / "_delta_log" / f"{held + 1:020}.json").unlink()
    done = _verified(small.root)
    assert done.scores.ahead == 0
    assert done.scores.compared == done.scores.bit_for_bit > 0
    every = _verified(small.root, since_s=0.0)
    assert every.scores.ahead > 0
    assert every.equal


def test_scores_of_another_method_are_left_out_and_counted(small: LakeMaker) -> None:
    _tamper(small.root, "scores", lambda rows: _rewritten(rows, lambda record: replace(record, method="score_v0")))
    done = _verified(small.root)
    assert done.scores.other_method == 1
    assert done.equal


def test_a_prior_learned_from_peers_is_taken_from_the_record(small: LakeMaker) -> None:
    _tamper(small.root, "scores", lambda rows: _rewritten(rows, lambda record: replace(record, prior=(9.0, 3.0))))
    done = _verified(small.root)
    assert {gap.figure for gap in done.scores.first} == {"success_probability"}


def test_progress_is_told_to_the_end(small: LakeMaker) -> None:
    told: list[tuple[str, int, int]] = []
    _verified(small.root, progress=lambda *step: told.append(step))
    assert {what for what, _, _ in told} == {"duplicates", "panes", "scores"}
    assert told[-1][1] == told[-1][2] > 0


def test_nothing_to_verify_is_said_plainly(tmp_path: Path, small: LakeMaker) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidRequest, match="lake must be one with reports; got none in"):
        _verified(tmp_path / "empty")
    with pytest.raises(InvalidRequest, match="provider must be one with reports in the lake; got nobody"):
        _verified(small.root, provider_id="nobody")


def test_scores_of_adopted_weights_come_out_equal_beside_those_of_the_default_ones(small: LakeMaker) -> None:
    usual = small.add(REPORTS[300:350], NOW_S + 5)
    small.weights = Weights(latency=0.35, uptime=0.0)
    adopted = small.add(REPORTS[350:400], NOW_S + 10)
    assert {record.weights is None for record in usual} == {True}
    assert {record.weights is None for record in adopted} == {False}
    done = _verified(small.root, since_s=0.0)
    assert done.equal
    assert done.scores.bit_for_bit == done.scores.compared == done.totals.scores


@pytest.mark.parametrize("weights", [{"latency": 1.0}, asdict(Weights(latency=0.35, uptime=0.0))])
def test_a_score_that_names_other_weights_than_it_was_made_with_is_different(
    small: LakeMaker, weights: dict[str, float]
) -> None:
    _tamper(small.root, "scores", lambda rows: _rewritten(rows, lambda record: replace(record, weights=weights)))
    done = _verified(small.root)
    assert done.scores.different == 1


def _run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["verify", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_the_command_says_equal_and_exits_with_0(small: LakeMaker) -> None:
    code, said, _ = _run("--lake", str(small.root))
    assert code == 0
    assert said.endswith("equal\n")
    code, said, _ = _run("--lake", str(small.root), "--json", "--limit-scores", "3")
    answer = json.loads(said)
    assert (code, answer["equal"], answer["scores"]["compared"], answer["totals"]["reports"]) == (0, True, 3, 300)


def test_the_command_names_the_first_differences_and_exits_with_1(small: LakeMaker) -> None:
    _tamper(small.root, "panes", lambda rows: _plus_one(rows, "success", 7))
    _tamper(small.root, "scores", lambda rows: _rewritten(rows, _counting_one_more))
    code, said, _ = _run("--lake", str(small.root))
    assert code == 1
    assert "success: the reports give -1 against the table" in " ".join(said.split())
    assert "windows.24h.success: stored" in " ".join(said.split())
    code, said, _ = _run("--lake", str(small.root), "--json")
    assert (code, json.loads(said)["panes"]["first"][0]["statistic"]) == (1, "success")


def test_the_command_exits_with_2_where_there_is_nothing_to_verify(tmp_path: Path, small: LakeMaker) -> None:
    code, said, refused = _run("--lake", str(tmp_path / "nowhere"))
    assert (code, said) == (2, "")
    assert "is no lake: there is no such directory; give the directory" in refused
    code, _, refused = _run("--lake", str(small.root), "--since", "yesterday")
    assert code == 2
    assert "--since must be an RFC 3339 time with zone; got 'yesterday'" in refused


def _day(days_ago: int) -> date:
    return datetime.fromtimestamp(NOW_S - days_ago * 86_400, UTC).date()


@pytest.mark.parametrize("table", ["reports", "panes"])
def test_days_that_retention_took_out_are_left_out_and_said(small: LakeMaker, table: str) -> None:
    before = _verified(small.root)
    retain(str(small.root), {table: 3}, _day(0))
    done = _verified(small.root)
    assert done.equal
    assert done.kept_since == _day(3)
    assert 0 < done.panes.compared < before.panes.compared
    assert done.scores.forgotten == (before.scores.compared if table == "reports" else 0)
    said = CliRunner().invoke(app, ["verify", "--lake", str(small.root)])
    assert said.exit_code == 0
    assert f"left out: days before {_day(3)}, which retention has taken out of the lake" in said.stdout


def test_scores_whose_days_were_all_kept_are_compared_and_those_of_the_silent_left_out(tmp_path: Path) -> None:
    maker = LakeMaker(tmp_path)
    maker.add([{"provider_id": "silent", "outcome": "success", "timestamp": NOW_S, "latency_ms": 5.0}], NOW_S)
    later_s = NOW_S + 93 * 86_400
    maker.add([{"provider_id": "fresh", "outcome": "success", "timestamp": later_s, "latency_ms": 5.0}], later_s + 1)
    maker.score(later_s + 2)
    retain(str(tmp_path), {"reports": 92, "panes": 92}, _day(-93))
    done = _verified(tmp_path)
    assert done.equal
    assert (done.scores.compared, done.scores.forgotten) == (1, 1)
