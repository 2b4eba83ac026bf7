"""The trust score: examples with names, an independent restatement, and the regimes it must tell apart."""

import math
import random
from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from scoring.records import ScoreRecord
from scoring.tables import DIMENSIONS
from scoring.trust import SCEPTICAL, records, score
from scoring.weights import DEFAULT, Weights
from tests.support.scoring_cases import AS_OF_S, Call, evidence_of, regime, repeat

RECENT_WEIGHT = 1 / (1 + 150 / 86_400)


def record_of(calls: Sequence[Call], **arguments: object) -> ScoreRecord:
    return records(score(evidence_of([calls]), AS_OF_S, **arguments), ["p"], [""], [{}])[0]  # type: ignore[arg-type]


def test_an_unknown_provider_is_said_plainly() -> None:
    record = record_of([])
    assert record.trust_score is record.lower is record.upper is record.success_probability is None
    assert record.confidence == "none"
    assert record.flags == ["unknown_provider"]
    assert record.n == 0
    assert all(dimension.value is None for dimension in record.dimensions.values())


def test_an_unknown_provider_never_outranks_thirty_of_thirty() -> None:
    known, unknown = record_of(repeat(30)), record_of([])
    assert known.trust_score is not None
    assert known.trust_score > 0.95
    assert unknown.trust_score is None


def test_one_of_one_does_not_outrank_300_of_302() -> None:
    one, many = record_of(repeat(1)), record_of(repeat(300) + repeat(2, outcome="error"))
    assert one.trust_score is not None
    assert many.trust_score is not None
    assert one.trust_score < many.trust_score
    assert one.lower is not None
    assert many.lower is not None
    assert one.lower < many.lower
    assert one.success_probability is not None
    assert many.success_probability is not None
    assert one.success_probability < many.success_probability


def test_score_of_few_reports_is_the_prior_and_what_they_say() -> None:
    record = record_of(repeat(3))
    n = 3 * RECENT_WEIGHT
    assert record.trust_score == pytest.approx((n + 4) / (n + 5), abs=1e-12)
    assert record.success_probability == pytest.approx((n + 4) / (n + 5), abs=1e-12)
    assert record.evidence_adjustment == pytest.approx((n + 4) / (n + 5) - 1, abs=1e-12)


def restated(record: ScoreRecord, weights: Weights) -> tuple[float, float, float]:
    """Trust score and interval from a record's dimensions, with plain arithmetic and scipy.stats."""
    present = {name: of for name, of in record.dimensions.items() if of.value is not None}
    grown = {name: getattr(weights, name) * of.n_effective / (of.n_effective + 5) for name, of in present.items()}
    share = {name: value / math.fsum(grown.values()) for name, value in grown.items()}
    composite = math.fsum(share[name] * (of.value or 0.0) for name, of in present.items())
    trust = (record.n_effective * composite + 4) / (record.n_effective + 5)
    deviation = 0.0
    for name, of in present.items():
        credit = (of.value or 0.0) * of.n_effective
        deviation += share[name] * float(stats.beta(credit + 4, of.n_effective - credit + 1).std())
    strength = trust * (1 - trust) / deviation**2 - 1
    posterior = stats.beta(trust * strength, (1 - trust) * strength)
    return trust, float(posterior.ppf(0.05)), float(posterior.ppf(0.95))


@pytest.mark.parametrize("name", ["healthy", "slow", "degrading", "flapping", "outage", "rate_limited", "new"])
@pytest.mark.parametrize("weights", [DEFAULT, Weights(rate_limits=0.3, cost_efficiency=0.2, security=0.0)])
def test_the_score_agrees_with_its_restatement(name: str, weights: Weights) -> None:
    record = record_of(regime(name, 5), weights=weights)
    trust, lower, upper = restated(record, weights)
    assert record.trust_score == pytest.approx(trust, abs=1e-12)
    assert record.lower == pytest.approx(lower, abs=1e-9)
    assert record.upper == pytest.approx(upper, abs=1e-9)


@pytest.mark.parametrize("seed", range(20))
def test_contributions_and_adjustment_add_up_exactly_in_any_order(seed: int) -> None:
    rng = random.Random(seed)
    record = record_of(regime(rng.choice(("healthy", "slow", "flapping", "new")), seed))
    terms = [of.contribution for of in record.dimensions.values()] + [record.evidence_adjustment]
    for _ in range(5):
        rng.shuffle(terms)
        assert sum(terms) == math.fsum(terms) == float(np.sum(terms)) == record.trust_score


def test_weights_of_present_dimensions_sum_to_one_and_absent_ones_contribute_nothing() -> None:
    record = record_of(repeat(50, latency_ms=100.0))
    assert math.fsum(of.weight for of in record.dimensions.values()) == pytest.approx(1)
    for of in record.dimensions.values():
        if of.value is None:
            assert (of.n, of.n_effective, of.weight, of.contribution, of.lower, of.upper) == (0, 0, 0, 0, None, None)
        else:
            assert of.contribution == pytest.approx(of.weight * of.value, abs=1e-14)


def test_a_perfect_first_report_of_a_kind_does_not_lower_a_score() -> None:
    without = repeat(200) + repeat(4, outcome="error")
    first = [*without[:-1], Call(AS_OF_S - 60, "error", quality=1.0)]
    assert (record_of(first).trust_score or 0) > (record_of(without).trust_score or 0)


def test_one_bad_quality_report_among_thousands_of_calls_hardly_moves_a_score() -> None:
    without = repeat(2_000)
    first = [*without[:-1], Call(AS_OF_S - 60, quality=0.0)]
    assert (record_of(without).trust_score or 0) - (record_of(first).trust_score or 0) < 0.03


def test_a_score_without_any_weighted_dimension_is_absent() -> None:
    only_quality = Weights(0, 0, 0, 0, 1, 0, 0)
    record = record_of(repeat(10), weights=only_quality)
    assert record.trust_score is record.lower is record.upper is None
    assert record.evidence_adjustment == 0
    assert record.n == 10
    assert record.success_probability is not None


def test_a_score_of_one_dimension_is_that_dimension_held_back() -> None:
    record = record_of(repeat(10, quality=0.6), weights=Weights(0, 0, 0, 0, 1, 0, 0))
    n = 10 * RECENT_WEIGHT
    assert record.trust_score == pytest.approx((n * 0.6 + 4) / (n + 5))


def test_a_prior_learned_from_peers_moves_the_prediction_and_not_the_trust() -> None:
    evidence = evidence_of([repeat(2), repeat(2)])
    scores = score(evidence, AS_OF_S, prior=np.array([SCEPTICAL, (30.0, 10.0)]))
    assert scores.success_probability[0] == pytest.approx((4 + 2 * RECENT_WEIGHT) / (5 + 2 * RECENT_WEIGHT))
    assert scores.success_probability[1] == pytest.approx((30 + 2 * RECENT_WEIGHT) / (40 + 2 * RECENT_WEIGHT))
    assert scores.trust_score[0] == scores.trust_score[1]
    both = records(scores, ["a", "b"], ["", ""], [{}, {}])
    assert [record.prior for record in both] == [(4.0, 1.0), (30.0, 10.0)]


def test_more_reports_of_the_same_kind_narrow_the_interval() -> None:
    widths = []
    for n in (4, 40, 400):
        record = record_of(repeat(3 * n) + repeat(n, outcome="error"))
        assert record.lower is not None
        assert record.upper is not None
        widths.append(record.upper - record.lower)
    assert widths == sorted(widths, reverse=True)


def test_nobody_has_no_scores() -> None:
    evidence = evidence_of([[]])
    scores = score(evidence, AS_OF_S)
    assert scores.trust_score.shape == (1,)
    assert scores.values.shape == (1, len(DIMENSIONS))


REGIMES = ("healthy", "slow", "degrading", "flapping", "outage", "rate_limited", "new")


@pytest.mark.parametrize("seed", range(4))
def test_after_an_hour_flapping_and_outage_lie_below_every_healthy_provider(seed: int) -> None:
    names = [name for name in REGIMES for _ in range(3)] + ["healthy"] * 5
    evidence = evidence_of([regime(name, 100 * seed + i) for i, name in enumerate(names)], histograms=False)
    scores = score(evidence, AS_OF_S)
    healthy = np.array([name == "healthy" for name in names])
    broken = np.array([name in ("flapping", "outage") for name in names])
    for figure in (scores.trust_score, scores.lower, scores.success_probability):
        assert figure[broken].max() < figure[healthy].min() - 0.2
    assert scores.upper[broken].max() < scores.lower[healthy].min()
    new = np.array([name == "new" for name in names])
    assert scores.lower[new].max() < scores.lower[healthy].min()


@pytest.mark.parametrize(
    ("name", "flag"),
    [
        ("slow", "high_latency"),
        ("degrading", "degrading"),
        ("flapping", "recent_failures"),
        ("outage", "recent_failures"),
        ("outage", "anomalous"),
        ("rate_limited", "recent_failures"),
        ("new", "low_sample_size"),
    ],
)
def test_each_regime_raises_its_flag(name: str, flag: str) -> None:
    assert flag in record_of(regime(name, 2)).flags


def test_during_an_outage_the_success_probability_is_that_of_now() -> None:
    record = record_of(regime("outage", 1))
    assert record.success_probability is not None
    assert record.success_probability < 0.1
    assert record.windows["1h"].success_rate is not None
    assert record.windows["1h"].success_rate > 0.8
