"""What the screen of a first run shows, as plain values."""

from dataclasses import dataclass, field

__all__ = ["Row", "View"]


@dataclass(frozen=True, slots=True)
class Row:
    """One provider."""

    provider_id: str
    acts: str
    """The regime it is simulated in; empty for one that is not."""
    score: float | None
    lower: float | None
    upper: float | None
    n: int
    p95_ms: float | None
    flags: tuple[str, ...]
    trend: float | None
    """Success rate of the last five minutes minus that of the last hour; None before it is known."""


@dataclass(frozen=True, slots=True)
class View:
    """One look at all parts; None is what no part could tell yet."""

    rows: tuple[Row, ...] = ()
    """In the order of the ranking."""
    folded: int | None = None
    """Reports in the scores."""
    folded_per_s: float | None = None
    rejected: int | None = None
    lag: int | None = None
    """Messages of ``trust.reports`` not yet read."""
    broker_bytes: int | None = None
    broker_cap_bytes: int = 0
    stale: bool = False
    """Whether the answers come from the lake because Kafka is away."""
    elapsed_s: float = 0.0
    left_s: float | None = None
    """Until the run ends by itself; None: it does not."""
    addresses: dict[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def scored(self) -> tuple[Row, ...]:
        """Providers with a score."""
        return tuple(row for row in self.rows if row.score is not None)
