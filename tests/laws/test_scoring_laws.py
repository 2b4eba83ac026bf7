"""What must hold for every evidence there can be, not only for the examples."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from scoring.anomalies import baseline
from scoring.dimensions import COLUMN, capped, decayed
from scoring.evidence import Evidence
from scoring.quantiles import quantiles_ms
from scoring.ranking import rank
from scoring.scores import records
from scoring.stats import BUCKETS, STAT, STATS, bucket_of
from scoring.trust import Scores, score
from scoring.weights import Weights

AS_OF_S = 1_700_000_000.0
OUTCOMES = ("success", "failure", "timeout", "error")
BANDS = 6
PROVIDERS = 4

counts = st.integers(0, 3) | st.integers(0, 2_000)
weight = st.sampled_from([0.0, 0.05, 0.3, 2.0])


@st.composite
def bands_of_one(draw: st.DrawFn) -> NDArray[np.int64]:
    """Sums of each age band of one entity, consistent as sums of reports are, [6, S]."""
    bands = np.zeros((BANDS, len(STATS)), dtype=np.int64)
    for band in draw(st.sets(st.integers(0, BANDS - 1))):
        row = {name: draw(counts) for name in OUTCOMES}
        answered, reports = row["success"] + row["failure"], sum(row.values())
        row["latency_n"] = draw(st.integers(0, answered))
        row["latency_satisfied"] = draw(st.integers(0, row["latency_n"]))
        row["latency_tolerating"] = draw(st.integers(0, row["latency_n"] - row["latency_satisfied"]))
        row["latency_us"] = row["latency_n"] * draw(st.integers(0, 10_000_000))
        for n, total, per_report in (
            ("quality_n", "quality_ppm", 1_000_000),
            ("freshness_n", "freshness_ppm", 1_000_000),
            ("cost_n", "cost_ppm", 1_000_000),
            ("consistency_n", "consistency_ppm", 1_000_000),
            ("schema_n", "schema_ok", 1),
            ("rate_limit_n", "rate_limited", 1),
            ("security_n", "security_clean", 1),
        ):
            row[n] = draw(st.sampled_from([0, reports]))
            row[total] = draw(st.integers(0, row[n] * per_report))
        for name, value in row.items():
            bands[band, STAT[name]] = value
    return bands


def windows_from(bands: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.cumsum(bands, axis=-2)


def evidence_from(windows: NDArray[np.int64], regions: NDArray[np.int64] | None = None) -> Evidence:
    """Evidence with these windows; two of them serve as closed hours too, so that z-scores exist."""
    n = len(windows)
    hours = np.repeat(windows[:, 2:3], 30, axis=1)
    hours[:, ::2] = windows[:, 3:4]
    sketches = np.zeros((n, 3, BUCKETS), dtype=np.int64)
    sketches[:, :, 500] = windows[:, [1, 2, 4], STAT["latency_n"]]
    places = np.zeros((0, BANDS, len(STATS)), dtype=np.int64) if regions is None else regions
    return Evidence(
        windows,
        sketches,
        baseline(hours, np.zeros((n, 0, len(STATS)), dtype=np.int64)),
        np.full(n, AS_OF_S - 5),
        places,
        np.arange(len(places)) % max(n, 1),
    )


several = st.lists(bands_of_one(), min_size=1, max_size=PROVIDERS).map(lambda rows: windows_from(np.stack(rows)))


def fields(scores: Scores) -> dict[str, NDArray[np.generic]]:
    """Every array of the scores that has a row per entity."""
    names = (
        "values", "n", "n_effective", "weight", "contribution", "z_scores", "trust_score", "lower", "upper",
        "evidence_adjustment", "success_probability", "reports", "reports_effective", "confidence", "flags",
    )  # fmt: skip
    return {name: getattr(scores, name) for name in names}


@given(several)
def test_everything_lies_where_it_should(windows: NDArray[np.int64]) -> None:
    scores = score(evidence_from(windows, windows), AS_OF_S)
    known = scores.reports > 0
    assert (np.isnan(scores.trust_score) == ~known).all()
    for values in (scores.values, scores.trust_score, scores.success_probability, scores.lower, scores.upper):
        present = values[~np.isnan(values)]
        assert ((present >= 0) & (present <= 1)).all()
    assert (scores.lower[known] <= scores.trust_score[known]).all()
    assert (scores.trust_score[known] <= scores.upper[known]).all()
    assert (np.isnan(scores.values) == (scores.n == 0)).all()
    assert (scores.n_effective <= scores.n + 1e-6).all()
    assert not np.isinf(scores.z_scores).any()


@given(several, st.tuples(weight, weight, weight, weight), st.randoms(use_true_random=False))
def test_contributions_add_up_exactly(
    windows: NDArray[np.int64], further: tuple[float, float, float, float], order: object
) -> None:
    scores = score(evidence_from(windows), AS_OF_S, Weights(0.25, 0.2, 0.15, 0.15, 0.1, 0.1, 0.05, *further))
    for row in range(len(windows)):
        if scores.reports[row]:
            terms = [*scores.contribution[row].tolist(), float(scores.evidence_adjustment[row])]
            order.shuffle(terms)  # type: ignore[attr-defined]
            assert sum(terms) == math.fsum(terms) == float(np.sum(terms)) == scores.trust_score[row]


@given(bands_of_one(), st.integers(0, BANDS - 1), st.sampled_from(["failure", "error"]))
def test_a_success_in_place_of_a_failure_never_lowers_reliability_or_trust(
    bands: NDArray[np.int64], band: int, worse: str
) -> None:
    bands[band, STAT[worse]] += 1
    better = bands.copy()
    better[band, STAT[worse]] -= 1
    better[band, STAT["success"]] += 1
    scores = score(evidence_from(windows_from(np.stack([bands, better]))), AS_OF_S)
    for values in (scores.values[:, COLUMN["reliability"]], scores.trust_score, scores.success_probability):
        assert values[1] >= values[0] - 1e-13  # the last bits of two roundings


@given(bands_of_one(), st.integers(0, BANDS - 1))
def test_an_answer_in_place_of_a_timeout_never_lowers_uptime(bands: NDArray[np.int64], band: int) -> None:
    bands[band, STAT["timeout"]] += 1
    better = bands.copy()
    better[band, STAT["timeout"]] -= 1
    better[band, STAT["failure"]] += 1
    values = score(evidence_from(windows_from(np.stack([bands, better]))), AS_OF_S).values[:, COLUMN["uptime"]]
    assert values[1] >= values[0] - 1e-13


@given(several, st.randoms(use_true_random=False))
def test_a_permutation_of_entities_permutes_the_answers(windows: NDArray[np.int64], random: object) -> None:
    order = list(range(len(windows)))
    random.shuffle(order)  # type: ignore[attr-defined]
    straight = fields(score(evidence_from(windows), AS_OF_S))
    permuted = fields(score(evidence_from(windows[order]), AS_OF_S))
    for name, values in straight.items():
        np.testing.assert_array_equal(permuted[name], values[order], err_msg=name)


@given(several)
def test_an_entity_has_the_same_bits_alone_and_in_a_batch(windows: NDArray[np.int64]) -> None:
    together = fields(score(evidence_from(windows), AS_OF_S))
    for row in range(len(windows)):
        alone = fields(score(evidence_from(windows[row : row + 1]), AS_OF_S))
        for name, values in together.items():
            np.testing.assert_array_equal(alone[name][0], values[row], err_msg=name)


@given(several)
def test_records_say_what_the_arrays_say_and_absence_is_none(windows: NDArray[np.int64]) -> None:
    scores = score(evidence_from(windows), AS_OF_S)
    n = len(windows)
    for row, record in enumerate(records(scores, ["p"] * n, [""] * n, [{}] * n)):
        assert (record.trust_score is None) == (record.n == 0)
        for name, of in record.dimensions.items():
            value = scores.values[row, COLUMN[name]]
            assert of.value == (None if np.isnan(value) else value)
            assert (of.value is None) == (of.n == 0) == (of.lower is None)
            if of.value is not None and of.lower is not None and of.upper is not None:
                assert of.lower <= of.value <= of.upper


@given(bands_of_one())
def test_a_cap_only_lowers(bands: NDArray[np.int64]) -> None:
    windows = windows_from(bands[None])
    sums = decayed(windows)
    success, reports = sums[0, STAT["success"]], sums[0, : STAT["error"] + 1].sum()
    if reports > 0:
        assert capped(windows, sums)[0, COLUMN["reliability"]] <= success / reports + 1e-12


@given(bands_of_one(), st.integers(0, BANDS - 2))
def test_the_same_reports_count_for_less_when_they_are_older(bands: NDArray[np.int64], band: int) -> None:
    older = bands.copy()
    older[band + 1] += older[band]
    older[band] = 0
    now, later = decayed(windows_from(np.stack([bands, older])))
    assert (later <= now + 1e-9 * np.abs(now)).all()


@given(hnp.arrays(np.float64, st.integers(1, 200), elements=st.floats(0.2, 3_000_000)), st.floats(0, 1))
def test_quantiles_are_within_one_percent(latency_ms: NDArray[np.float64], share: float) -> None:
    latency_us = np.floor(latency_ms * 1_000 + 0.5).astype(np.int64)
    counts = np.bincount(bucket_of(latency_us), minlength=BUCKETS)[None, :]
    wanted = np.sort(latency_us)[math.floor(share * (len(latency_us) - 1))] / 1_000
    assert quantiles_ms(counts, (share,))[0, 0] == pytest.approx(wanted, rel=0.01 + 1e-9)


@given(
    st.lists(st.one_of(st.just(math.nan), st.sampled_from([0.1, 0.5, 0.9]), st.floats(0, 1)), max_size=12),
    st.floats(0, 1),
    st.integers(0, 10_000),
)
def test_a_ranking_is_an_order_with_the_unknown_last(lower: list[float], share: float, call: int) -> None:
    bounds = np.array(lower)
    found = rank(bounds, np.where(np.isnan(bounds), 0.0, 50.0), share, call=call)
    assert sorted(found.order.tolist()) == list(range(len(lower)))
    ordered = bounds[found.order]
    assert not np.isnan(ordered[: int((~np.isnan(bounds)).sum())]).any()
    known = ordered[~np.isnan(ordered)]
    assert (np.diff(known) <= 0).all()
    assert (np.diff(found.place[found.order]) >= 0).all()
    assert found.explore is None or (found.explore != found.order[0] and 0 <= found.explore < len(lower))


@given(several)
def test_a_score_takes_its_moment_and_inputs_as_given_and_changes_none(windows: NDArray[np.int64]) -> None:
    before = windows.copy()
    evidence = evidence_from(windows)
    first, second = fields(score(evidence, AS_OF_S)), fields(score(evidence, AS_OF_S))
    np.testing.assert_array_equal(windows, before)
    for name, values in first.items():
        np.testing.assert_array_equal(second[name], values, err_msg=name)
