"""Latency of a call through a network in one of five states; whoever calls gives up after a second."""

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from analytics.simulator.fleet import Provider, Regime

__all__ = ["DEADLINE_MS", "network_latency_ms"]

DEADLINE_MS: Final = 1_000.0
"""What takes longer is a time-out; so it is for every call while the network is down."""
SWING_S: Final = 600.0
"""Period of a fluctuating network."""
SWING: Final = 0.95
"""How far it swings around its median latency, relative to that."""
WINDOW_S: Final = 900.0
"""An outage begins at most once in so many seconds..."""
DOWN_CHANCE: Final = 0.5
"""...with this chance..."""
DOWN_S: Final = (60.0, 300.0)
"""...and lasts so long."""
SEVERITY: Final = 0.97
"""Share of the calls that it takes."""
_SIGMA: Final = {Regime.NET_IDEAL: 0.1, Regime.NET_HIGH_JITTER: 1.1}
_USUAL_SIGMA: Final = 0.25

_Floats: TypeAlias = NDArray[np.float64]


def network_latency_ms(
    rng: np.random.Generator, seed: int, provider: Provider, time_s: _Floats, factor: _Floats
) -> _Floats:
    """Latency of calls at ``time_s`` [N]; from ``DEADLINE_MS`` on they time out.

    Parameters
    ----------
    rng
        For the scatter of single calls.
    seed
        Of the run: when a network is down depends on it, the provider and the time alone.
    provider
        In one of ``NETWORKS``.
    time_s
        Epoch seconds.
    factor
        What the caller's region and the load multiply the latency by, [N].

    Notes
    -----
    Lognormal around the provider's median with sigma .25 (ideal .1, high jitter 1.1). Fluctuating: the median times
    ``1 + .95 sin(2 pi t / 600 s)``. Outage: in every window of 900 s with chance .5 one of 60 to 300 s, that takes 97 %
    of the calls.
    """
    sigma = _SIGMA.get(provider.regime, _USUAL_SIGMA)
    median = np.full(time_s.shape, provider.median_ms, dtype=np.float64)
    if provider.regime is Regime.NET_FLUCTUATING:
        median *= 1 + SWING * np.sin(2 * np.pi * time_s / SWING_S)
    latency: _Floats = median * factor * np.exp(sigma * rng.standard_normal(time_s.size))
    taken = rng.random(time_s.size) < SEVERITY
    if provider.regime is Regime.NET_OUTAGE:
        latency[taken & _is_down(seed, provider, time_s)] = DEADLINE_MS
    return latency


def _is_down(seed: int, provider: Provider, time_s: _Floats) -> NDArray[np.bool_]:
    number = np.floor(time_s / WINDOW_S).astype(np.int64)
    down = np.zeros(time_s.shape, dtype=np.bool_)
    for window in np.unique(number).tolist():
        rng = np.random.default_rng([seed, window, *provider.provider_id.encode()])
        happens, lasts_s = rng.random() < DOWN_CHANCE, rng.uniform(*DOWN_S)
        begins_s = window * WINDOW_S + rng.uniform(0, WINDOW_S - lasts_s)
        down |= happens & (number == window) & (time_s >= begins_s) & (time_s < begins_s + lasts_s)
    return down
