"""Reports of simulated providers, drawn in blocks of ten seconds of event time."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from analytics.simulator.fleet import NETWORKS, Provider, Regime
from analytics.simulator.networks import DEADLINE_MS, network_latency_ms

__all__ = ["BLOCK_S", "failure_probability", "traffic"]

BLOCK_S: Final = 10
"""Event time that one random stream covers: what is drawn for a block does not depend on where a run begins."""
OUTAGE_S: Final = 1_200.0
NEW_S: Final = 600.0
FLAP_S: Final = 300.0
FLAPPING_FAILURES: Final = 0.95
DEGRADING_S: Final = 3_600.0
DEGRADED_FAILURES: Final = 0.45
RATE_LIMITED: Final = 0.30
BURST_CHANCE: Final = 0.04
"""Chance that a provider is called four times as often, and answers half as fast, during a block."""
_BURST_CALLS: Final = 4.0
_DAY_SWING: Final = 0.3

_REGIONS: Final = np.array(["eu-central", "us-east", "ap-south"])
_REGION_SHARES: Final = (0.4, 0.4, 0.2)
_REGION_FACTOR: Final = np.array([1.0, 1.15, 1.6])
_REPORTERS: Final = np.array([f"demo-agent-{number:02d}" for number in range(1, 25)])
_SIGMA: Final = 0.45
_JITTER_SIGMA: Final = 1.3
_TIMEOUT_MS: Final = 20_000.0
_RATE_LIMIT: Final = 100
_FINDINGS: Final = np.array(["tls_invalid", "auth_missing", "tool_changed", "injection", "leak"])
_FINDING_CHANCE: Final = 0.002

_Floats: TypeAlias = NDArray[np.float64]
_Columns: TypeAlias = dict[str, Sequence[Any]]


def traffic(
    seed: int, providers: Sequence[Provider], start_s: float, end_s: float, rate: float, live_s: float | None = None
) -> Iterator[list[dict[str, Any]]]:
    """Blocks of reports with ``start_s <= timestamp < end_s``, in event time, each block sorted.

    Parameters
    ----------
    seed
        >= 0. Same seed, providers, rate and ``live_s``: same reports, wherever the run begins.
    providers
        Whom to simulate (``fleet()``).
    start_s, end_s
        Epoch seconds; ``end_s`` may be infinite.
    rate
        Mean reports per second of all providers together, >= 0; around it a day's swing of 30 % and bursts.
    live_s
        The moment the regimes are told from (an outage begins 20 minutes before it); default ``end_s``.

    Yields
    ------
    list of dict
        Reports as ``scoring.reports.validate`` accepts them; empty lists for quiet blocks.
    """
    live_s = end_s if live_s is None else live_s
    block = math.floor(start_s / BLOCK_S)
    while block * BLOCK_S < end_s:
        drawn = _block(seed, block, providers, rate, live_s)
        yield [report for report in drawn if start_s <= report["timestamp"] < end_s]
        block += 1


def failure_probability(provider: Provider, time_s: _Floats, live_s: float) -> _Floats:
    """Probability that a call at each time does not succeed, refusals for rate and deadlines left out.

    Examples
    --------
    >>> failure_probability(Provider("demo-x", Regime.OUTAGE, ("a", "b"), 0.01, 9), np.array([0.0, 9_000.0]), 10_000.0)
    array([0.01, 1.  ])
    """
    base = np.full(time_s.shape, provider.failure_rate)
    match provider.regime:
        case Regime.OUTAGE:
            return np.where(time_s >= live_s - OUTAGE_S, 1.0, base)
        case Regime.FLAPPING:  # live falls into the middle of a bad phase: a five-minute window holds half of it
            bad = np.floor((time_s - live_s + FLAP_S / 2) / FLAP_S) % 2 == 0
            return np.where(bad, FLAPPING_FAILURES, base)
        case Regime.DEGRADING:
            grown = np.clip((time_s - live_s + DEGRADING_S) / DEGRADING_S, 0.0, 1.0)
            return base + (DEGRADED_FAILURES - base) * grown
        case _:
            return base


def _block(seed: int, block: int, providers: Sequence[Provider], rate: float, live_s: float) -> list[dict[str, Any]]:
    rng = np.random.default_rng([seed, block])
    start_s = float(block * BLOCK_S)
    day = 1 + _DAY_SWING * math.sin(2 * math.pi * start_s / 86_400)
    popularity = np.array([provider.popularity for provider in providers])
    bursts = rng.random(len(providers)) < BURST_CHANCE
    calls = np.where(bursts, _BURST_CALLS, 1.0) / (1 + BURST_CHANCE * (_BURST_CALLS - 1))
    counts = rng.poisson(rate * BLOCK_S * day * calls * popularity / max(popularity.sum(), 1e-9))
    reports: list[dict[str, Any]] = []
    for provider, count, burst in zip(providers, counts.tolist(), bursts.tolist(), strict=True):
        reports += _calls(rng, seed, provider, count, burst, start_s, live_s)
    reports.sort(key=lambda report: report["timestamp"])
    for row, report in enumerate(reports):
        report["report_id"] = f"sim-{seed}-{block}-{row}"
    return reports


def _calls(
    rng: np.random.Generator, seed: int, provider: Provider, count: int, burst: bool, start_s: float, live_s: float
) -> list[dict[str, Any]]:
    time_s = start_s + np.floor(rng.random(count) * BLOCK_S * 1_000) / 1_000
    fails = rng.random(count) < failure_probability(provider, time_s, live_s)
    outcome = np.where(fails, _failures(rng, provider, count), "success")
    limited = rng.random(count) < (RATE_LIMITED if provider.regime is Regime.RATE_LIMITED else 0.0)
    outcome = np.where(limited, "error", outcome)
    region = rng.choice(3, count, p=_REGION_SHARES)
    factor = _REGION_FACTOR[region] * (2 if burst else 1)
    if provider.regime in NETWORKS:
        through_ms = network_latency_ms(rng, seed, provider, time_s, factor)
        outcome = np.where(through_ms >= DEADLINE_MS, "timeout", outcome)
        latency_ms = np.where(outcome == "timeout", DEADLINE_MS, through_ms).round(3)
    else:
        latency_ms = _latency_ms(rng, provider, outcome, limited, factor)
    columns: _Columns = {
        "provider_id": [provider.provider_id] * count,
        "outcome": outcome.tolist(),
        "timestamp": time_s.tolist(),
        "latency_ms": latency_ms.tolist(),
        "task_type": np.where(rng.random(count) < 0.75, *provider.task_types).tolist(),
        "region": _REGIONS[region].tolist(),
        "reporter_id": rng.choice(_REPORTERS, count).tolist(),
        "source": ["agent"] * count,
        **_tells(rng, provider, outcome, limited),
    }
    rows = [_report(dict(zip(columns, row, strict=True))) for row in zip(*columns.values(), strict=True)]
    is_new = provider.regime is Regime.NEW
    return [row for row in rows if not is_new or row["timestamp"] >= live_s - NEW_S]


def _report(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}


def _failures(rng: np.random.Generator, provider: Provider, count: int) -> NDArray[np.str_]:
    shares = (0.0, 0.6, 0.4) if provider.regime is Regime.OUTAGE else (0.5, 0.2, 0.3)
    return rng.choice(np.array(["failure", "timeout", "error"]), count, p=shares)


def _latency_ms(
    rng: np.random.Generator, provider: Provider, outcome: NDArray[np.str_], limited: NDArray[np.bool_], factor: _Floats
) -> _Floats:
    sigma = _JITTER_SIGMA if provider.regime is Regime.JITTER else _SIGMA
    latency: _Floats = provider.median_ms * factor * np.exp(sigma * rng.standard_normal(outcome.size))
    latency = np.where(limited, 5.0, np.minimum(latency, _TIMEOUT_MS))
    latency[outcome == "timeout"] = _TIMEOUT_MS
    return latency.round(3)


def _tells(
    rng: np.random.Generator, provider: Provider, outcome: NDArray[np.str_], limited: NDArray[np.bool_]
) -> _Columns:
    """What else the agents of this provider report; the draws of every field are made whether told or not."""
    count = outcome.size
    answered = np.isin(outcome, ("success", "failure"))
    good = outcome == "success"
    quality = np.round(np.where(good, rng.beta(18, 2, count), rng.beta(2, 6, count)), 4)
    age_s = np.round(rng.exponential(3_600.0, count), 1)
    cost = np.round(0.002 * np.exp(0.5 * rng.standard_normal(count)), 6)
    schema = rng.random(count) < np.where(good, 0.998, 0.6)
    remaining = np.where(limited, 0, rng.integers(1, _RATE_LIMIT, count))
    agrees = rng.choice(np.array(["ok", "stale", "conflict"]), count, p=(0.985, 0.012, 0.003))
    lag_ms = np.round(rng.exponential(40.0, count), 1)
    findings = [[str(name)] if found else [] for name, found in zip(
        rng.choice(_FINDINGS, count), rng.random(count) < _FINDING_CHANCE, strict=True)]  # fmt: skip
    told: dict[str, _Columns] = {
        "quality": {"quality": _where(answered, quality)},
        "freshness": {"data_age_s": _where(good, age_s)},
        "cost": {"cost_usd": _where(answered, cost)},
        "schema": {"schema_valid": _where(answered, schema)},
        "rate_limit": {
            "rate_limited": limited.tolist(),
            "rate_limit_limit": [_RATE_LIMIT] * count,
            "rate_limit_remaining": remaining.tolist(),
            "retry_after_s": _where(limited, np.full(count, 2.0)),
        },
        "consistency": {"consistency": _where(good, agrees), "replication_lag_ms": _where(good, lag_ms)},
        "security": {"security": findings},
    }
    return {name: column for tell in sorted(provider.tells) for name, column in told[tell].items()}


def _where(known: NDArray[np.bool_], values: NDArray[Any]) -> list[Any]:
    return [value if there else None for there, value in zip(known.tolist(), values.tolist(), strict=True)]
