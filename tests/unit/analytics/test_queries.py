"""Questions to a real lake, against the same figures counted from the reports in plain Python."""

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import NoneType
from typing import Any

import pytest
from deltalake import DeltaTable, write_deltalake

from analytics import queries
from analytics.compaction import compact
from analytics.errors import InvalidRequest
from analytics.lake import Lake
from analytics.queries import Bucket
from scoring.records import ScoreRecord
from tests.support.lake_maker import LakeMaker
from tests.support.sample_reports import NOW_S, latency_us, sample_reports

REPORTS = sample_reports(1_500, seed=2, providers=3)
ONE = "provider-1"
MOMENTS_S = (NOW_S, NOW_S + 30, NOW_S + 4_000)
EMITTED: list[ScoreRecord] = []


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    maker = LakeMaker(tmp_path_factory.mktemp("lake"))
    EMITTED.clear()
    for moment_s, run in zip(MOMENTS_S, (REPORTS[:700], REPORTS[700:], []), strict=True):
        EMITTED.extend(maker.add([*run, *([b"{}"] if run else [])], moment_s))
    with Lake(maker.root) as opened:
        yield opened


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    with Lake(tmp_path_factory.mktemp("empty")) as opened:
        yield opened


def _of(facet: str = "", provider_id: str = ONE) -> list[dict[str, Any]]:
    kind, _, value = facet.partition("=")
    field = {"task": "task_type", "region": "region"}.get(kind, "")
    return [r for r in REPORTS if r["provider_id"] == provider_id and (not field or r.get(field) == value)]


@pytest.mark.parametrize("facet", ["", "task=code", "region=asia"])
@pytest.mark.parametrize(("bucket", "length_s"), [("minute", 60), ("hour", 3_600), ("day", 86_400)])
def test_history_counts_what_the_reports_say(lake: Lake, facet: str, bucket: Bucket, length_s: int) -> None:
    by_start: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for report in _of(facet):
        by_start[int(report["timestamp"] // length_s) * length_s].append(report)
    rows = queries.history(lake, ONE, facet, bucket)
    assert [row.start_s for row in rows] == sorted(by_start)
    for row in rows:
        outcomes = Counter(report["outcome"] for report in by_start[row.start_s])
        assert (row.success, row.failure, row.timeout, row.error) == tuple(
            outcomes[name] for name in ("success", "failure", "timeout", "error")
        )
        assert row.n == outcomes.total()
        assert row.success_rate == outcomes["success"] / outcomes.total()
        assert {type(figure) for figure in row} <= {int, float, NoneType}


def test_history_states_mean_and_quantiles_of_answered_calls(lake: Lake) -> None:
    by_day: dict[int, list[int]] = defaultdict(list)
    for report in _of():
        us = latency_us(report)
        if us is not None:
            by_day[int(report["timestamp"] // 86_400) * 86_400].append(us)
    rows = queries.history(lake, ONE, bucket="day")
    assert len(rows) >= 3
    for row in rows:
        ordered = sorted(by_day[row.start_s])
        assert row.avg_latency_ms == pytest.approx(statistics.fmean(ordered) / 1_000, rel=1e-12)
        for share, found in ((0.5, row.p50_latency_ms), (0.95, row.p95_latency_ms), (0.99, row.p99_latency_ms)):
            exact = ordered[math.floor(share * (len(ordered) - 1))] / 1_000
            assert found == pytest.approx(exact, rel=0.01)


def test_a_bucket_without_answered_calls_has_no_latency(tmp_path: Path) -> None:
    timeout = {"provider_id": ONE, "outcome": "timeout", "timestamp": NOW_S, "latency_ms": 20_000.0}
    maker = LakeMaker(tmp_path)
    maker.add([timeout], NOW_S)
    with Lake(tmp_path) as opened:
        (row,) = queries.history(opened, ONE)
    assert (row.n, row.timeout, row.success_rate) == (1, 1, 0.0)
    assert (row.avg_latency_ms, row.p50_latency_ms, row.p95_latency_ms, row.p99_latency_ms) == (None,) * 4


def test_history_keeps_to_its_span_and_gives_the_newest_first_to_the_limit(lake: Lake) -> None:
    rows = queries.history(lake, ONE)
    since_s, until_s = rows[5].start_s, rows[-5].start_s
    within = queries.history(lake, ONE, since_s=since_s, until_s=until_s)
    assert within == rows[5:-5]
    assert queries.history(lake, ONE, since_s=since_s, until_s=until_s, limit=3) == rows[-8:-5]


@pytest.mark.parametrize(
    ("facet", "bucket", "said"),
    [("zone=eu", "hour", "facet must be"), ("task=", "hour", "facet must be"), ("", "week", "bucket must be")],
)
def test_history_of_something_else_is_refused_by_name(lake: Lake, facet: str, bucket: Any, said: str) -> None:
    with pytest.raises(InvalidRequest, match=said):
        queries.history(lake, ONE, facet, bucket)


def test_latest_scores_are_the_last_records_emitted(lake: Lake) -> None:
    newest = {(record.provider_id, record.facet): record for record in EMITTED}
    assert queries.latest_scores(lake) == [newest[key] for key in sorted(newest)]
    assert queries.latest_scores(lake, ONE, "") == [newest[ONE, ""]]
    assert queries.latest_scores(lake, facet="task=code", limit=1) == [newest["provider-0", "task=code"]]
    assert queries.latest_scores(lake, "nobody") == []


def test_every_score_since_a_moment_is_given_newest_first(lake: Lake) -> None:
    found = queries.scores_since(lake, MOMENTS_S[1], ONE)
    wanted = [record for record in EMITTED if record.as_of_s >= MOMENTS_S[1] and record.provider_id == ONE]
    assert sorted(found, key=repr) == sorted(wanted, key=repr)
    assert [record.as_of_s for record in found] == sorted((record.as_of_s for record in wanted), reverse=True)


def test_earlier_scores_are_those_before_of_the_same_facet(lake: Lake) -> None:
    (newest,) = queries.latest_scores(lake, ONE, "")
    ours = [record for record in EMITTED if record.provider_id == ONE and not record.facet]
    assert queries.earlier_scores(lake, [newest], 1) == [ours[-2]]
    assert queries.earlier_scores(lake, [newest], 5) == ours[-2::-1]


def test_score_history_has_the_last_score_of_each_bucket(lake: Lake) -> None:
    ours = [record for record in EMITTED if record.provider_id == ONE and not record.facet]
    last = {int(record.as_of_s // 3_600): record for record in ours}
    points = queries.score_history(lake, ONE)
    assert [(point.as_of_s, point.trust_score, point.lower, point.n, point.flags) for point in points] == [
        (record.as_of_s, record.trust_score, record.lower, record.n, record.flags) for record in last.values()
    ]
    assert len(points) < len(ours)
    assert queries.score_history(lake, ONE, limit=1) == points[-1:]
    assert queries.score_history(lake, ONE, until_s=MOMENTS_S[0]) == []


def test_contributions_count_a_reporters_reports_and_anonymous_ones(lake: Lake) -> None:
    counts = Counter(report.get("reporter_id", "anonymous") for report in REPORTS)
    assert {row.reporter_id: row.reports for row in queries.contributions_by_reporter(lake)} == counts
    assert [row.reports for row in queries.contributions_by_reporter(lake, 3)] == sorted(counts.values())[:-4:-1]
    times = [report["timestamp"] for report in REPORTS if report.get("reporter_id") == "reporter-2"]
    mine = queries.contributions(lake, "reporter-2")
    assert (mine.reports, mine.first_report_s, mine.last_report_s) == (len(times), min(times), max(times))
    nobody = queries.contributions(lake, "nobody")
    assert (nobody.reports, nobody.first_report_s) == (0, None)


def test_totals_are_those_of_the_reports(lake: Lake) -> None:
    outcomes = Counter(report["outcome"] for report in REPORTS)
    totals = queries.totals(lake)
    assert (totals.success, totals.failure, totals.timeout, totals.error) == tuple(
        outcomes[name] for name in ("success", "failure", "timeout", "error")
    )
    assert (totals.reports, totals.providers, totals.scores, totals.rejects) == (len(REPORTS), 3, len(EMITTED), 2)
    assert totals.reporters == 6


def test_rejects_are_listed_newest_first_with_their_bytes(lake: Lake) -> None:
    newest, oldest = queries.rejects(lake)
    assert (newest.received_s, oldest.received_s) == (MOMENTS_S[1], MOMENTS_S[0])
    assert (newest.value, newest.field, newest.topic, newest.row) == (b"{}", "provider_id", "trust.reports", -1)
    assert newest.reason.startswith("provider_id must be 1 to 200 characters")
    assert queries.rejects(lake, limit=1) == queries.rejects(lake, since_s=MOMENTS_S[1]) == [newest]


def test_freshness_is_that_of_the_newest_score_and_report(lake: Lake) -> None:
    found = queries.freshness(lake)
    newest_s = max(report["timestamp"] for report in REPORTS)
    assert (found.as_of_s, found.last_report_s, found.last_received_s) == (MOMENTS_S[2], newest_s, MOMENTS_S[1])


def test_ids_partitions_and_offsets_are_those_written(lake: Lake) -> None:
    assert queries.provider_ids(lake) == ["provider-0", "provider-1", "provider-2"]
    assert queries.partitions(lake) == [0, 1]
    # 1,502 messages in turn; the last of partition 1 is a reject
    assert queries.last_offsets(lake) == {0: 750, 1: 749}


def test_an_empty_lake_answers_with_nothing(empty: Lake) -> None:
    for question in (queries.latest_scores, queries.rejects, queries.contributions_by_reporter, queries.provider_ids):
        assert question(empty) == []
    assert queries.history(empty, ONE) == []
    assert queries.score_history(empty, ONE) == []
    assert queries.freshness(empty) == queries.Freshness(None, None, None)
    assert queries.totals(empty) == queries.Totals(*[0] * 10)


def test_a_message_that_is_there_twice_is_named(tmp_path: Path) -> None:
    LakeMaker(tmp_path).add(REPORTS[:20], NOW_S)
    reports = str(tmp_path / "reports")
    rows = DeltaTable(reports).to_pyarrow_table()
    with Lake(tmp_path) as opened:
        assert queries.duplicates(opened, "reports") == []
        write_deltalake(reports, rows.slice(3, 1), mode="append")
        opened.refresh()
        (copy,) = queries.duplicates(opened, "reports")
    again = rows.slice(3, 1).to_pylist()[0]
    assert (copy.table, copy.partition, copy.offset, copy.copies) == ("reports", again["partition"], again["offset"], 2)


def test_compaction_changes_no_answer(tmp_path: Path) -> None:
    maker = LakeMaker(tmp_path)
    for start in range(0, 600, 200):
        maker.add(REPORTS[start : start + 200], NOW_S + start)
    with Lake(tmp_path) as opened:
        before = [_answers(opened)]
        compact(str(tmp_path), date(2027, 2, 1))
        opened.refresh()
        assert [_answers(opened)] == before


def _answers(lake: Lake) -> tuple[Any, ...]:
    return (
        queries.history(lake, ONE),
        queries.history(lake, ONE, "task=code", "day"),
        queries.latest_scores(lake),
        queries.totals(lake),
        queries.contributions_by_reporter(lake),
    )
