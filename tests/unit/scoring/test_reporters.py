import numpy as np

from scoring.credibility import Anchors
from scoring.outcomes import Outcomes
from scoring.reporters import LEAST_WEIGHT, ReporterRecord, reporter_records

REPORTERS, PROVIDERS, SLOTS = 30, 8, 12
NAMES = [f"r{number}" for number in range(REPORTERS)]
SERVICES = [f"p{number}" for number in range(PROVIDERS)]


def market(liars: int, targets: int, silent: int = 0) -> Outcomes:
    """Everybody reports on everything in every slot; the first ``liars`` slander the first ``targets``."""
    reporter, provider, slot = (axis.ravel() for axis in np.indices((REPORTERS, PROVIDERS, SLOTS)))
    success = np.random.default_rng(1).random(reporter.size) < 0.97
    lies = (reporter < liars) & (provider < targets)
    kept = reporter < REPORTERS - silent
    return Outcomes(
        reporter[kept], provider[kept], slot[kept], np.where(lies, 0.0, success)[kept], REPORTERS, PROVIDERS, SLOTS
    )


def weighed(outcomes: Outcomes, anchors: Anchors | None = None) -> list[ReporterRecord]:
    return reporter_records(outcomes, NAMES, SERVICES, np.full(REPORTERS, 96), 1_000.0, 600.0, anchors)


def test_liars_count_less_with_the_reason_and_honest_reporters_whole() -> None:
    records = weighed(market(liars=6, targets=2))
    assert all(record.weight < 0.8 for record in records[:6])
    assert records[0].reasons == ["contradicts the others about p0, p1"]
    assert 0.2 < records[0].doubted < 0.3
    assert {record.weight for record in records[6:]} == {1.0}
    assert {tuple(record.reasons) for record in records[6:]} == {("agrees with the others where they can be compared",)}


def test_a_ring_shares_its_weight_and_is_named() -> None:
    records = weighed(market(liars=6, targets=5))
    assert {record.ring for record in records} == {0, 6}
    assert all(LEAST_WEIGHT <= record.weight < 0.1 for record in records[:6])
    assert records[0].reasons == [
        "contradicts the others about p0, p1, p2 and 2 more",
        "dissents together with 5 others",
    ]
    assert {record.weight for record in records[6:]} == {1.0}


def test_nobody_counts_nothing_or_more_than_once() -> None:
    reporters = np.arange(REPORTERS)
    anchors = Anchors(np.where(reporters == 20, 200.0, 0.0), np.where(reporters == 0, 200.0, 0.0))
    records = weighed(market(liars=6, targets=5), anchors)
    assert min(record.weight for record in records) == LEAST_WEIGHT
    assert max(record.weight for record in records) == 1.0


def test_who_did_not_report_is_not_weighed() -> None:
    records = weighed(market(liars=0, targets=0, silent=3))
    assert [record.reporter_id for record in records] == NAMES[:-3]
    assert (records[0].reports, records[0].providers) == (96, PROVIDERS)
    assert (records[0].as_of_s, records[0].window_s) == (1_000.0, 600.0)
