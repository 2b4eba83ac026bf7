"""The simulated providers: which regime each is in, and what its agents can tell of it."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

__all__ = ["FLEET", "NETWORKS", "NETWORK_FLEET", "REGIMES", "Provider", "Regime", "fleet"]


class Regime(StrEnum):
    """How a simulated provider behaves."""

    HEALTHY = "healthy"
    JITTER = "jitter"
    """Answers well, with a latency that scatters over two orders of magnitude."""
    SLOW = "slow"
    """Answers well, in seconds."""
    NEW = "new"
    """First seen ten minutes before the traffic goes live."""
    RATE_LIMITED = "rate_limited"
    """Refuses three calls in ten for rate."""
    DEGRADING = "degrading"
    """Fails ever more often, from the base rate an hour before live to 45 % at live, and stays there."""
    FLAPPING = "flapping"
    """Five minutes well, five minutes failing nineteen calls in twenty."""
    OUTAGE = "outage"
    """Fails every call since twenty minutes before live."""
    NET_IDEAL = "net_ideal"
    """Behind a network that is quick and steady."""
    NET_FLUCTUATING = "net_fluctuating"
    """Behind one whose latency swings as a sine, from next to nothing to near the callers' deadline."""
    NET_OUTAGE = "net_outage"
    """Behind one that is down for minutes, again and again."""
    NET_HIGH_LATENCY = "net_high_latency"
    """Behind one that is slow all the time."""
    NET_HIGH_JITTER = "net_high_jitter"
    """Behind one whose latency scatters over two orders of magnitude."""


NETWORKS: Final = tuple(regime for regime in Regime if regime.startswith("net_"))
"""The five network states of NetMCP (Li, Du, Huang, arXiv 2510.13467, 2025)."""
REGIMES: Final = tuple(regime for regime in Regime if regime not in NETWORKS)
"""Those of the thirty providers that are simulated unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One simulated provider.

    ``tells`` lists what its reports carry beyond outcome and latency: any of quality, freshness, cost, schema,
    rate_limit, consistency, security. What it leaves out stays unknown.
    """

    provider_id: str
    regime: Regime
    task_types: tuple[str, str]
    """The first is asked for three times in four."""
    failure_rate: float
    """Share of calls that fail while nothing is wrong."""
    median_ms: float
    tells: frozenset[str] = frozenset()
    popularity: float = 1.0
    """Its share of the traffic, relative to the others."""


_SEARCH = ("web_search", "content_extraction")
_DATABASE = ("database_management", "data_analysis")
_CODE = ("repository_management", "issue_tracking")
_BROWSER = ("browser_automation", "ui_testing")
_TEAM = ("team_communication", "content_management")


def _demo(
    name: str,
    regime: str,
    tasks: tuple[str, str],
    failure_rate: float,
    median_ms: float,
    tells: str = "",
    share: float = 1,
) -> Provider:
    return Provider(f"demo-{name}", Regime(regime), tasks, failure_rate, median_ms, frozenset(tells.split()), share)


FLEET: Final = (
    _demo("github", "healthy", _CODE, 0.001, 180, "quality freshness cost schema rate_limit consistency security", 3),
    _demo("brave-search", "flapping", _SEARCH, 0.01, 260, "quality schema"),
    _demo("slack", "outage", _TEAM, 0.005, 210, "schema security"),
    _demo("postgres", "healthy", _DATABASE, 0.002, 35, "freshness schema consistency", 2),
    _demo("asana", "degrading", _TEAM, 0.01, 320, "quality"),
    _demo("playwright", "slow", _BROWSER, 0.01, 2_600, "quality schema", 2),
    _demo("tavily-search", "rate_limited", _SEARCH, 0.005, 340, "rate_limit cost quality", 2),
    _demo("perplexity", "new", _SEARCH, 0.01, 620, "quality cost freshness"),
    _demo("mongodb", "jitter", _DATABASE, 0.005, 60, "consistency schema"),
    _demo("notion", "healthy", _TEAM, 0.005, 240, "quality freshness schema", 2),
    _demo("gitlab", "healthy", _CODE, 0.004, 230, "rate_limit schema"),
    _demo("git", "healthy", _CODE, 0.0005, 25, "schema consistency"),
    _demo("firecrawl", "healthy", _SEARCH, 0.03, 780, "quality cost freshness"),
    _demo("exa", "healthy", _SEARCH, 0.008, 410, "quality cost"),
    _demo("fetch", "healthy", _SEARCH, 0.015, 290, "freshness security", 2),
    _demo("supabase", "healthy", _DATABASE, 0.006, 90, "consistency freshness security"),
    _demo("redis", "healthy", _DATABASE, 0.001, 6, "consistency"),
    _demo("sqlite", "healthy", _DATABASE, 0.001, 4, "schema"),
    _demo("elasticsearch", "degrading", _DATABASE, 0.01, 120, "freshness consistency"),
    _demo("puppeteer", "healthy", _BROWSER, 0.03, 880, "quality"),
    _demo("chrome-devtools", "healthy", _BROWSER, 0.01, 150, "schema"),
    _demo("browserbase", "jitter", _BROWSER, 0.02, 420, "cost"),
    _demo("hyperbrowser", "slow", _BROWSER, 0.02, 3_200, "cost quality"),
    _demo("storybook", "healthy", _BROWSER, 0.01, 110),
    _demo("atlassian", "healthy", _CODE, 0.01, 360, "rate_limit security"),
    _demo("sentry", "healthy", _CODE, 0.003, 140, "freshness schema"),
    _demo("circleci", "flapping", _CODE, 0.01, 300, "schema"),
    _demo("discord", "healthy", _TEAM, 0.008, 170, "rate_limit"),
    _demo("linear", "healthy", _TEAM, 0.002, 160, "schema security"),
    _demo("airtable", "healthy", _TEAM, 0.007, 380, "freshness quality"),
)
"""Named after entries of the catalog with a ``demo-`` prefix: what is made up here says nothing about the originals."""


NETWORK_FLEET: Final = (
    _demo("net-ideal", "net_ideal", _SEARCH, 0.001, 60),
    _demo("net-fluctuating", "net_fluctuating", _DATABASE, 0.001, 450),
    _demo("net-outage", "net_outage", _CODE, 0.001, 120),
    _demo("net-high-latency", "net_high_latency", _BROWSER, 0.001, 550),
    _demo("net-high-jitter", "net_high_jitter", _TEAM, 0.001, 180),
)
"""One for each network state; only taken where its regime is asked for."""


def fleet(providers: int = len(FLEET), regimes: frozenset[Regime] = frozenset(REGIMES)) -> tuple[Provider, ...]:
    """That many providers in the wanted regimes; the first nine cover every one of ``REGIMES``.

    Parameters
    ----------
    providers
        How many, >= 1. Beyond what the fleet has, names repeat with a number (``demo-github-2``).
    regimes
        Which regimes to take.

    Examples
    --------
    >>> [provider.provider_id for provider in fleet(2, frozenset({Regime.OUTAGE}))]
    ['demo-slack', 'demo-slack-2']
    """
    wanted = [provider for provider in (*FLEET, *NETWORK_FLEET) if provider.regime in regimes]
    if not wanted:
        return ()
    chosen = []
    for number in range(providers):
        lap, index = divmod(number, len(wanted))
        provider = wanted[index]
        suffix = f"-{lap + 1}" if lap else ""
        chosen.append(replace(provider, provider_id=f"{provider.provider_id}{suffix}"))
    return tuple(chosen)
