"""Records: what is absent is None, and every figure is that of its own row."""

from dataclasses import asdict

import numpy as np
import pytest

from scoring.records import ScoreRecord
from scoring.scores import UnequalNames, records
from scoring.tables import DIMENSIONS
from scoring.trust import score
from tests.support.scoring_cases import AS_OF_S, Call, evidence_of, regime, repeat


def all_records(*entities: list[Call]) -> list[ScoreRecord]:
    n = len(entities)
    names = [f"p{i}" for i in range(n)]
    return records(score(evidence_of(entities), AS_OF_S), names, [""] * n, [{0: i} for i in range(n)])


def test_names_facets_and_offsets_are_those_of_the_row() -> None:
    scores = score(evidence_of([repeat(3), repeat(40)]), AS_OF_S)
    first, second = records(scores, ["a", "a"], ["", "task=search"], [{0: 5}, {1: 9}])
    assert (first.facet, first.through, first.n) == ("", {0: 5}, 3)
    assert (second.facet, second.through, second.n) == ("task=search", {1: 9}, 40)
    assert first.as_of_s == AS_OF_S
    assert first.last_report_s == AS_OF_S - 60


def test_windows_hold_plain_counts_and_means() -> None:
    calls = repeat(4, latency_ms=100.0) + repeat(2, age_s=1_800, outcome="failure", latency_ms=400.0)
    calls += repeat(3, age_s=5 * 86_400, outcome="timeout") + repeat(1, age_s=50 * 86_400, outcome="error")
    windows = all_records(calls)[0].windows
    assert list(windows) == ["5m", "1h", "24h", "7d", "30d", "90d"]
    assert [window.n for window in windows.values()] == [4, 6, 6, 9, 9, 10]
    assert (windows["90d"].success, windows["90d"].failure, windows["90d"].timeout, windows["90d"].error) == (
        4,
        2,
        3,
        1,
    )
    assert windows["1h"].success_rate == pytest.approx(4 / 6)
    assert windows["1h"].avg_latency_ms == pytest.approx(200)
    assert windows["1h"].p50_latency_ms == pytest.approx(100, rel=0.01)
    assert windows["1h"].p99_latency_ms == pytest.approx(400, rel=0.01)  # rank 4.95 of 0..5: the lower, the fifth value
    assert windows["5m"].p50_latency_ms is None


def test_an_empty_window_has_counts_and_no_figures() -> None:
    window = all_records(repeat(3, age_s=7_200.0, latency_ms=5.0))[0].windows["1h"]
    assert asdict(window) == {
        "n": 0, "success": 0, "failure": 0, "timeout": 0, "error": 0, "success_rate": None, "avg_latency_ms": None,
        "p50_latency_ms": None, "p95_latency_ms": None, "p99_latency_ms": None,
    }  # fmt: skip


def test_no_record_holds_nan() -> None:
    found = all_records([], repeat(1), repeat(2, outcome="timeout"), regime("outage", 3))

    def check(value: object) -> None:
        if isinstance(value, dict):
            for inner in value.values():
                check(inner)
        elif isinstance(value, float):
            assert value == value

    for record in found:
        check(asdict(record))


def test_figures_are_plain_python_so_that_any_encoder_takes_them() -> None:
    record = all_records(regime("healthy", 2))[0]
    of = record.dimensions["latency"]
    assert {type(value) for value in (of.value, of.n_effective, of.lower, of.weight, of.contribution)} == {float}
    assert {type(value) for value in (of.n, record.n, record.windows["5m"].success)} == {int}
    assert {type(value) for value in of.raw.values()} == {float}


def test_values_lie_within_their_intervals() -> None:
    for record in all_records(*(regime(name, 4) for name in ("healthy", "slow", "flapping", "new"))):
        assert list(record.dimensions) == list(DIMENSIONS)
        for of in record.dimensions.values():
            if of.value is not None and of.lower is not None and of.upper is not None:
                assert 0 <= of.lower <= of.value <= of.upper <= 1


def test_a_row_says_the_same_alone_and_among_others() -> None:
    entities = [regime(name, 6) for name in ("healthy", "slow", "flapping", "outage", "new")]
    together = all_records(*entities)
    for i, calls in enumerate(entities):
        alone = records(score(evidence_of([calls]), AS_OF_S), [f"p{i}"], [""], [{0: i}])[0]
        assert alone == together[i]


@pytest.mark.parametrize("name", ["provider_ids", "facets", "through"])
def test_lists_of_another_length_are_named(name: str) -> None:
    lists: dict[str, list[object]] = {"provider_ids": ["a"], "facets": [""], "through": [{}]}
    with pytest.raises(UnequalNames, match=f"{name} must have one entry per scored entity, 1; got 0"):
        records(score(evidence_of([repeat(1)]), AS_OF_S), **lists | {name: []})  # type: ignore[arg-type]


def test_nobody_gives_no_records() -> None:
    evidence = evidence_of([repeat(1)])
    empty = type(
        evidence
    )(
        evidence.windows[:0],
        evidence.sketches[:0],
        type(evidence.baseline)(*(np.zeros((0, len(DIMENSIONS)), dtype=np.int64) for _ in range(5))),  # type: ignore[arg-type]
        evidence.last_report_s[:0],
        evidence.region_windows,
        evidence.region_of,
    )
    assert records(score(empty, AS_OF_S), [], [], []) == []
