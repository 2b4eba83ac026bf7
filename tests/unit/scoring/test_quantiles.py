import numpy as np
import pytest
from numpy.typing import NDArray

from scoring.quantiles import exceeds, listed_quantiles_ms, quantiles_ms
from scoring.stats import BUCKETS, bucket_of

SHARES = (0.0, 0.25, 0.5, 0.95, 0.99, 1.0)
RNG = np.random.default_rng(3)
SAMPLES = {
    "lognormal": RNG.lognormal(np.log(250), 1.0, 5_000),
    "constant": np.full(777, 321.0),
    "bimodal": np.concatenate([RNG.normal(20, 2, 900), RNG.normal(8_000, 500, 100)]),
    "few": np.array([1.0, 2.0]),
    "one": np.array([42.0]),
}


def histogram(latency_ms: NDArray[np.float64]) -> NDArray[np.int64]:
    latency_us = np.floor(latency_ms * 1_000 + 0.5).astype(np.int64)
    return np.bincount(bucket_of(latency_us), minlength=BUCKETS)[None, :]


@pytest.mark.parametrize("name", SAMPLES)
def test_quantiles_are_within_one_percent_of_numpy(name: str) -> None:
    found = quantiles_ms(histogram(SAMPLES[name]), SHARES)[0]
    wanted = np.quantile(SAMPLES[name], SHARES, method="lower")
    # one percent, and the half microsecond that whole microseconds cost
    assert (np.abs(found - wanted) <= 0.01 * wanted * (1 + 1e-9) + 0.0005).all()


def test_listed_counts_have_the_quantiles_of_their_histograms() -> None:
    empty = np.zeros((1, BUCKETS), dtype=np.int64)
    dense = np.concatenate([empty, *(histogram(sample) for sample in SAMPLES.values()), empty])
    row, bucket = np.nonzero(dense)
    found = listed_quantiles_ms(row, bucket, dense[row, bucket], len(dense), SHARES)
    np.testing.assert_array_equal(found, quantiles_ms(dense, SHARES))
    nothing = np.zeros(0, dtype=np.int64)
    assert np.isnan(listed_quantiles_ms(nothing, nothing, nothing, 2, SHARES)).all()


def test_an_empty_histogram_has_no_quantiles() -> None:
    assert np.isnan(quantiles_ms(np.zeros((1, BUCKETS), dtype=np.int64), (0.5,))).all()


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("limit_ms", [1.5, 42.0, 300.0, 2_000.0])
def test_exceeds_is_the_comparison_of_the_quantile(name: str, limit_ms: float) -> None:
    counts = histogram(SAMPLES[name])
    found = exceeds(counts, counts.sum(axis=1), 0.95, limit_ms)
    assert found.tolist() == (quantiles_ms(counts, (0.95,))[:, 0] > limit_ms).tolist()


def test_an_empty_histogram_exceeds_nothing() -> None:
    assert not exceeds(np.zeros((1, BUCKETS), dtype=np.int64), np.array([0]), 0.95, 1.0)[0]
