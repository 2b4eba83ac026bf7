"""What is known of one provider at one moment: the value of a ``trust.scores`` message.

Its parts are not frozen: a score has 17 of them, and Python sets the fields of a frozen one at twice the cost.
"""

from dataclasses import dataclass, field

__all__ = ["DimensionRecord", "ScoreRecord", "WindowRecord"]


@dataclass(slots=True)
class DimensionRecord:
    """One dimension of a score."""

    value: float | None
    """In [0, 1], higher is better; null without evidence."""
    n: int
    """Reports in 90 days that speak to it."""
    n_effective: float
    """The same, weighted by age."""
    lower: float | None
    upper: float | None
    """90 % interval of ``value``."""
    weight: float
    """Share in the trust score, after absent dimensions gave theirs up; 0 when absent."""
    contribution: float
    """What it adds to the trust score: contributions and ``evidence_adjustment`` sum to it exactly."""
    z_score: float | None
    """Against the provider's own baseline, robust standard deviations; null when too few panes."""
    raw: dict[str, float | None]
    """Figures it comes from; names end in their unit."""


@dataclass(slots=True)
class WindowRecord:
    """One rolling window."""

    n: int
    success: int
    failure: int
    timeout: int
    error: int
    success_rate: float | None
    avg_latency_ms: float | None
    p50_latency_ms: float | None
    p95_latency_ms: float | None
    p99_latency_ms: float | None


@dataclass(frozen=True, slots=True)
class ScoreRecord:
    """The score of one provider (facet "") or of one facet of it ("task=…", "region=…")."""

    provider_id: str
    facet: str
    as_of_s: float
    trust_score: float | None
    lower: float | None
    upper: float | None
    success_probability: float | None
    confidence: str
    n: int
    n_effective: float
    flags: list[str]
    dimensions: dict[str, DimensionRecord]
    evidence_adjustment: float
    """What few reports take off: trust score minus the sum of the contributions."""
    windows: dict[str, WindowRecord]
    prior: tuple[float, float]
    """Beta prior (successes, other outcomes) behind ``success_probability``."""
    last_report_s: float | None
    through: dict[int, int] = field(default_factory=dict)
    """Last offset in here of each partition of ``trust.reports``: with ``as_of_s``, enough to recompute it."""
    method: str = "score_v1"
    weights: dict[str, float] | None = None
    """Of all dimensions, where others than the default ones were adopted; with the reports, enough to recompute it."""
