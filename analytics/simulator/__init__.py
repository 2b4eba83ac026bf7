"""Made-up traffic whose truth is known: seeded, deterministic, in event time.

``fleet`` names the providers and the regime of each; ``traffic`` turns them into reports.
"""

from analytics.simulator.fleet import FLEET, NETWORK_FLEET, NETWORKS, REGIMES, Provider, Regime, fleet
from analytics.simulator.traffic import failure_probability, traffic

__all__ = [
    "FLEET",
    "NETWORKS",
    "NETWORK_FLEET",
    "REGIMES",
    "Provider",
    "Regime",
    "failure_probability",
    "fleet",
    "traffic",
]
