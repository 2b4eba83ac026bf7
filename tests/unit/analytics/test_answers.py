import asyncio
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from analytics.backlog import Waiting
from analytics.errors import InvalidRequest, Unavailable, UnknownProvider
from analytics.service import Service
from scoring.errors import InvalidReport
from scoring.records import ScoreRecord
from scoring.tables import DIMENSIONS
from tests.support.services import Clock, small_records, small_service
from tests.support.small_answers import FAILING, NOW_S, SLASHED, STEADY

IN_CATALOG = "brave"
OLD_FIELDS = (
    "provider_id", "name", "trust_score", "reliability", "avg_latency_ms", "success_rate_30d", "sample_size", "flags",
    "confidence", "history",
)  # fmt: skip


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(tmp_path_factory.mktemp("answers"))


@pytest.fixture(scope="module")
def records(root: Path) -> list[ScoreRecord]:
    return small_records(root)


@pytest.fixture(scope="module")
def service(root: Path, records: list[ScoreRecord]) -> Iterator[Service]:
    made = small_service(root, records)
    yield made
    made.lake.close()


@pytest.fixture(scope="module")
def steady(records: list[ScoreRecord]) -> ScoreRecord:
    return next(record for record in records if record.provider_id == STEADY and record.facet == "")


@pytest.mark.promise("answers.check-fields")
def test_a_check_holds_the_old_fields_and_what_the_record_says(service: Service, steady: ScoreRecord) -> None:
    answer = asyncio.run(service.answers.check(STEADY))
    assert tuple(answer.model_dump())[: len(OLD_FIELDS)] == OLD_FIELDS
    assert answer.trust_score == steady.trust_score
    assert answer.reliability == steady.dimensions["reliability"].value
    month = steady.windows["30d"]
    assert (answer.avg_latency_ms, answer.success_rate_30d) == (month.avg_latency_ms, month.success_rate)
    assert (answer.sample_size, answer.confidence, answer.flags) == (steady.n, steady.confidence, steady.flags)
    assert answer.history == {name: steady.windows[name].success_rate for name in ("7d", "30d", "90d")}
    assert answer.history_n == {"7d": 120, "30d": 120, "90d": 120}


def test_a_check_holds_interval_dimensions_and_age_beside_them(service: Service, steady: ScoreRecord) -> None:
    answer = asyncio.run(service.answers.check(STEADY))
    assert answer.interval is not None
    assert (answer.interval.lower, answer.interval.upper) == (steady.lower, steady.upper)
    assert tuple(answer.dimensions) == DIMENSIONS
    latency = answer.dimensions["latency"]
    assert (latency.n, latency.raw) == (118, steady.dimensions["latency"].raw)
    assert answer.dimensions["quality"].value is None
    assert answer.dimensions["quality"].peer is None
    assert answer.dimensions["quality"].n == 0
    assert (answer.as_of, answer.age_s, answer.stale, answer.source) == ("2025-10-09T08:53:20.000Z", 0.0, False, "live")
    assert set(answer.z_scores.own) == set(answer.z_scores.peers) == set(DIMENSIONS)


def test_peers_are_of_the_same_category_or_task(service: Service) -> None:
    peer = asyncio.run(service.answers.check(STEADY)).dimensions["reliability"].peer
    assert peer is not None
    assert (peer.group, peer.peers, peer.z_score) == ("task=search", 2, None)


def test_a_task_is_answered_for_by_its_own_reports_and_another_by_all(service: Service) -> None:
    search = asyncio.run(service.answers.check(STEADY, task_type="search"))
    other = asyncio.run(service.answers.check(STEADY, task_type="sql", region="eu"))
    assert (search.facet, other.facet) == ("task=search", "")
    assert "Nothing is known for task type sql alone" in other.summary


def test_a_check_says_the_newest_record_and_leaves_earlier_answers_as_they_were(
    root: Path, records: list[ScoreRecord], steady: ScoreRecord
) -> None:
    made = small_service(root, records)
    before = asyncio.run(made.answers.check(STEADY))
    other = asyncio.run(made.answers.check(STEADY, task_type="untried"))
    made.board.put(replace(steady, trust_score=0.125, as_of_s=NOW_S - 2.0))
    after = asyncio.run(made.answers.check(STEADY))
    made.lake.close()
    assert "Nothing is known for task type untried alone" in other.summary
    assert (before.trust_score, before.age_s) == (steady.trust_score, 0.0)
    assert (after.trust_score, after.age_s) == (0.125, 2.0)
    assert "trust 0.12" in after.summary
    assert "untried" not in before.summary + after.summary


@pytest.mark.promise("answers.unknown-is-no-number")
def test_unknown_provider_is_said_plainly(service: Service) -> None:
    answer = asyncio.run(service.answers.check("demo-stedy"))
    assert (answer.trust_score, answer.interval, answer.success_probability) == (None, None, None)
    assert (answer.confidence, answer.flags, answer.sample_size) == ("none", ["unknown_provider"], 0)
    assert (answer.known, answer.closest) == (False, [STEADY])
    assert answer.summary == (
        "demo-stedy is neither in the catalog nor in any report: there is no score. Did you mean demo-steady?"
    )


def test_a_catalog_entry_nobody_reported_is_known_and_has_no_score(service: Service) -> None:
    answer = asyncio.run(service.answers.check(IN_CATALOG))
    assert (answer.known, answer.name, answer.trust_score) == (True, "Brave Search", None)
    assert asyncio.run(service.answers.explain(IN_CATALOG)).sentences == [answer.summary]


@pytest.mark.parametrize("provider_id", ["", "a b", "x" * 201])
def test_what_is_no_id_cannot_be_asked_for(service: Service, provider_id: str) -> None:
    for question in (service.answers.check, service.answers.explain, service.answers.history):
        with pytest.raises(InvalidRequest, match=r"^provider_id must be 1 to 200 characters"):
            asyncio.run(question(provider_id))


@pytest.mark.promise("answers.rank-lower-bound")
def test_a_ranking_goes_by_the_lower_bound_and_unknown_ones_come_last(service: Service) -> None:
    answer = asyncio.run(service.answers.rank(["nobody", FAILING, IN_CATALOG, STEADY, SLASHED]))
    assert [item.provider_id for item in answer.ranked] == [STEADY, SLASHED, FAILING, "nobody", IN_CATALOG]
    bounds = [item.interval.lower for item in answer.ranked if item.interval]
    assert bounds == sorted(bounds, reverse=True)
    assert [item.rank for item in answer.ranked] == [1, 2, 3, 4, 4]
    assert answer.recommendation == STEADY
    assert answer.reason.startswith(f"{STEADY} is the safest of 5: trust ")
    assert (answer.data_freshness.newest, answer.data_freshness.age_s) == ("2025-10-09T08:53:20.000Z", 0.0)


def test_few_lucky_reports_do_not_outrank_many_good_ones(root: Path, steady: ScoreRecord) -> None:
    lucky = replace(steady, provider_id="lucky", trust_score=0.99, lower=0.4, upper=1.0, n=2, n_effective=2.0)
    answer = asyncio.run(small_service(root, [steady, lucky]).answers.rank())
    assert [item.provider_id for item in answer.ranked] == [STEADY, "lucky"]


def test_without_ids_all_reported_ones_are_ranked_of_the_task_when_given(service: Service) -> None:
    assert asyncio.run(service.answers.rank(limit=2)).considered == 3
    by_task = asyncio.run(service.answers.rank(task_type="search"))
    assert {item.facet for item in by_task.ranked} == {"task=search"}
    nothing = asyncio.run(service.answers.rank(task_type="sql"))
    assert (nothing.ranked, nothing.recommendation, nothing.considered) == ([], None, 0)


def test_nobody_is_recommended_without_evidence(service: Service) -> None:
    answer = asyncio.run(service.answers.rank(["nobody", IN_CATALOG]))
    assert answer.recommendation is None
    assert answer.reason == "None of these 2 providers has a report: there is nothing to prefer one by."


def test_exploring_is_said_and_changes_no_order(root: Path, records: list[ScoreRecord], steady: ScoreRecord) -> None:
    few = replace(steady, provider_id="few", lower=0.3, upper=1.0, n=3, n_effective=3.0)
    service = small_service(root, [*records, few])
    service.answers._explore_share = 0.5
    first, second = (asyncio.run(service.answers.rank([STEADY, "few"])) for _ in range(2))
    assert [item.provider_id for item in first.ranked] == [item.provider_id for item in second.ranked]
    assert (first.explore, second.explore) == (None, "few")
    assert [item.exploration for item in second.ranked] == [False, True]
    assert second.recommendation == STEADY
    assert second.reason.endswith("To learn about it, few may be tried this once.")


def test_discovery_joins_catalog_and_reports_known_good_ones_first(service: Service) -> None:
    answer = asyncio.run(service.answers.discover("demo"))
    assert [item.provider_id for item in answer.providers[:2]] == [STEADY, FAILING]
    assert {item.source for item in answer.providers[:2]} == {"reports"}
    assert all(item.trust_score is None and item.source != "reports" for item in answer.providers[2:])
    found = asyncio.run(service.answers.discover(task_type="web_search", limit=1))
    assert found.total > 1
    assert len(found.providers) == 1
    assert found.providers[0].trust_score is None
    everything = asyncio.run(service.answers.discover(limit=1_000))
    assert [item.provider_id for item in everything.providers[:3]] == [STEADY, SLASHED, FAILING]
    assert everything.total == len(service.catalog) + 3


def test_discovery_by_category_leaves_out_what_only_reports_name(service: Service) -> None:
    answer = asyncio.run(service.answers.discover(category="web_search"))
    assert {item.category for item in answer.providers} == {"web_search"}


@pytest.mark.promise("answers.explain-adds-up")
def test_contributions_and_adjustment_add_up_to_the_score(service: Service, records: list[ScoreRecord]) -> None:
    assert {record.facet for record in records} == {"", "task=search"}
    for record in records:
        task = record.facet.partition("=")[2] or None
        answer = asyncio.run(service.answers.explain(record.provider_id, task_type=task))
        parts = [item.contribution for item in answer.contributions]
        assert math.fsum([*parts, answer.evidence_adjustment]) == answer.trust_score == record.trust_score
        assert {item.dimension for item in answer.contributions} | set(answer.absent) == set(DIMENSIONS)
        assert answer.facet == record.facet


def test_an_explanation_holds_windows_and_what_is_needed_to_recompute_it(service: Service, steady: ScoreRecord) -> None:
    answer = asyncio.run(service.answers.explain(STEADY))
    assert {name: window.n for name, window in answer.windows.items()} == {
        name: window.n for name, window in steady.windows.items()
    }
    assert (answer.through, answer.prior, answer.method) == (steady.through, steady.prior, steady.method)


def test_explaining_or_following_an_unknown_provider_is_an_error_with_the_closest_ids(service: Service) -> None:
    for question in (service.answers.explain, service.answers.history):
        with pytest.raises(UnknownProvider, match=r"demo-faling is neither .*; did you mean demo-failing\?"):
            asyncio.run(question("demo-faling"))


@pytest.mark.promise("answers.history")
def test_a_history_counts_what_was_reported_by_bucket(service: Service) -> None:
    answer = asyncio.run(service.answers.history(FAILING, bucket="hour", until=NOW_S + 1))
    assert [point.start for point in answer.points] == [
        "2025-10-09T06:00:00.000Z", "2025-10-09T07:00:00.000Z", "2025-10-09T08:00:00.000Z",
    ]  # fmt: skip
    assert (answer.n, sum(point.n for point in answer.points)) == (120, 120)
    assert (sum(point.success for point in answer.points), sum(point.error for point in answer.points)) == (30, 90)
    assert [point.trust_score is None for point in answer.points] == [True, True, False]


def test_a_history_keeps_the_newest_points_within_its_limit(service: Service) -> None:
    answer = asyncio.run(service.answers.history(STEADY, bucket="minute", limit=5))
    assert (len(answer.points), answer.truncated) == (5, True)
    assert answer.points[-1].start == "2025-10-09T08:53:00.000Z"
    whole = asyncio.run(service.answers.history(STEADY, bucket="minute", limit=1_000))
    assert (len(whole.points), whole.truncated) == (120, False)


def test_a_history_of_a_span_leaves_the_rest_out(service: Service) -> None:
    since = "2025-10-09T08:00:00Z"
    answer = asyncio.run(service.answers.history(STEADY, since=since, until=NOW_S - 600, task_type="search"))
    assert (answer.since, answer.until, answer.facet) == (
        "2025-10-09T08:00:00.000Z", "2025-10-09T08:43:20.000Z", "task=search",
    )  # fmt: skip
    assert answer.n == 44
    with pytest.raises(InvalidRequest, match=r"^since must be before until"):
        asyncio.run(service.answers.history(STEADY, since=NOW_S, until=NOW_S - 1))


@pytest.mark.promise("answers.stale-from-lake")
def test_while_kafka_is_away_answers_come_from_the_lake_marked_stale(
    root: Path, records: list[ScoreRecord], service: Service
) -> None:
    clock = Clock()
    away = small_service(root, records, clock=clock)
    assert asyncio.run(away.answers.check(STEADY)).source == "live"
    clock.now_s += 60
    answer = asyncio.run(away.answers.check(STEADY))
    assert (answer.stale, answer.source, answer.age_s) == (True, "lake", 60.0)
    assert answer.stale_because == "Kafka does not answer"
    live = asyncio.run(service.answers.check(STEADY))
    changed = {"stale", "stale_because", "source", "age_s", "summary"}
    assert answer.model_dump(exclude=changed) == live.model_dump(exclude=changed)
    assert asyncio.run(away.answers.rank()).data_freshness.stale
    away.lake.close()


def test_while_reports_wait_for_a_worker_every_live_answer_says_so(root: Path, records: list[ScoreRecord]) -> None:
    clock = Clock()
    service = small_service(root, records, clock=clock)
    service.backlog.overdue = Waiting("trust.reports", 2, 41, clock.now_s - 12)
    check, explained, ranked = (
        asyncio.run(service.answers.check(STEADY)),
        asyncio.run(service.answers.explain(STEADY)),
        asyncio.run(service.answers.rank()),
    )
    because = "reports have waited 12 s for a worker (offset 41 of trust.reports-2)"
    for told in (check, explained, ranked.data_freshness, asyncio.run(service.answers.discover()).data_freshness):
        assert (told.source, told.stale, told.stale_because) == ("live", True, because)
    assert check.summary.endswith(f"Not live, since {because}: this is what was known 0 s ago.")
    assert explained.sentences[0] == check.summary
    service.backlog.overdue = None
    again = asyncio.run(service.answers.check(STEADY))
    assert (again.stale, again.stale_because) == (False, None)
    service.lake.close()


def test_without_a_lake_memory_answers_marked_stale(tmp_path: Path, records: list[ScoreRecord]) -> None:
    service = small_service(tmp_path, records, live=False)
    answer = asyncio.run(service.answers.check(STEADY))
    assert (answer.stale, answer.source) == (True, "live")


def test_without_kafka_lake_and_memory_the_answer_says_what_to_do(tmp_path: Path) -> None:
    service = small_service(tmp_path, live=False)
    for question in (service.answers.check(STEADY), service.answers.rank(), service.answers.discover()):
        with pytest.raises(Unavailable, match=r"^Kafka does not answer and .*; start the broker or point at a lake$"):
            asyncio.run(question)


def test_an_empty_live_view_gives_way_to_a_lake_that_knows(root: Path, records: list[ScoreRecord]) -> None:
    assert records
    service = small_service(root)
    answer = asyncio.run(service.answers.check(STEADY))
    assert (answer.known, answer.stale, answer.source) == (True, True, "lake")
    assert answer.stale_because == "Kafka holds no scores yet"
    service.lake.close()


def test_an_empty_live_view_without_a_lake_knows_nobody(tmp_path: Path) -> None:
    service = small_service(tmp_path)
    answer = asyncio.run(service.answers.check(STEADY))
    assert (answer.known, answer.stale, answer.source) == (False, False, "live")


def test_a_bad_report_is_refused_before_anything_is_sent(service: Service) -> None:
    bad = {"provider_id": STEADY, "outcome": "success", "latency_ms": -1}
    with pytest.raises(InvalidReport, match=r"^latency_ms must be"):
        asyncio.run(service.answers.report(bad))
    with pytest.raises(InvalidReport, match=r"^\[1\].latency_ms must be"):
        asyncio.run(service.answers.report_many([{**bad, "latency_ms": 1}, bad]))
