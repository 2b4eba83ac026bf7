"""Answers as tables for people: pure functions from a model to what rich prints."""

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from analytics.models import (
    CheckAnswer,
    DataFreshness,
    DiscoverAnswer,
    ExplainAnswer,
    HistoryAnswer,
    Interval,
    RankAnswer,
)

__all__ = ["check_view", "discover_view", "explain_view", "history_view", "rank_view"]

_NOTHING = "–"
"""What stands for no evidence: never a zero."""


def check_view(answer: CheckAnswer) -> RenderableType:
    """The sentence, the figures, and one row a dimension."""
    facts = Table.grid(padding=(0, 2))
    for name, value in (
        ("trust score", _with_interval(answer.trust_score, answer.interval)),
        ("confidence", f"{answer.confidence}, {answer.sample_size:,} reports in 90 days"),
        ("next call succeeds", _share(answer.success_probability)),
        ("success rate", ", ".join(f"{span} {_share(rate)}" for span, rate in answer.history.items())),
        ("latency", f"mean {_ms(answer.avg_latency_ms)} in 30 days, p95 {_ms(answer.p95_latency_ms)} in 24 hours"),
        ("flags", ", ".join(answer.flags) or "none"),
        ("closest", ", ".join(answer.closest)),
    ):
        if value:
            facts.add_row(Text(name, "dim"), Text(value))
    dimensions = _table("dimension", "value", "interval", "reports", "weight", "z own", "z peers")
    for name, item in answer.dimensions.items():
        peers = answer.z_scores.peers.get(name)
        dimensions.add_row(
            name, _share(item.value), _between(item.lower, item.upper), f"{item.n:,}", f"{item.weight:.2f}",
            _signed(item.z_score), _signed(peers),
        )  # fmt: skip
    parts: list[RenderableType] = [Text(answer.summary, "bold"), facts]
    if answer.prediction is not None:
        first, *others = answer.prediction.reasons
        parts += [Text(first, "bold"), *map(Text, others)]
    return Group(*parts, *([dimensions] if answer.dimensions else []), *_age(answer))


def rank_view(answer: RankAnswer) -> RenderableType:
    """One row a place, then what to take and why."""
    table = _table("", "provider", "score", "interval", "reports", "p95", "flags")
    for item in answer.ranked:
        table.add_row(
            str(item.rank), item.provider_id, _share(item.trust_score), _interval(item.interval),
            f"{item.sample_size:,}", _ms(item.p95_latency_ms), _flags(item.flags, item.exploration),
        )  # fmt: skip
    advice = f"Take {answer.recommendation}: {answer.reason}" if answer.recommendation else answer.reason
    return Group(table, Text(advice, "bold"), *_freshness(answer.data_freshness))


def discover_view(answer: DiscoverAnswer) -> RenderableType:
    """One row a provider."""
    table = _table("provider", "name", "category", "score", "interval", "reports", "flags")
    for item in answer.providers:
        table.add_row(
            item.provider_id, item.name, item.category or _NOTHING, _share(item.trust_score), _interval(item.interval),
            f"{item.sample_size:,}", _flags(item.flags),
        )  # fmt: skip
    return Group(table, Text(answer.summary, "bold"), *_freshness(answer.data_freshness))


def explain_view(answer: ExplainAnswer) -> RenderableType:
    """The sentences, what adds up to the score, and the windows."""
    sums = _table("dimension", "adds", "weight", "value", "interval", "reports")
    for item in answer.contributions:
        sums.add_row(
            item.dimension, f"{item.contribution:+.4f}", f"{item.weight:.2f}", _share(item.value),
            _between(item.lower, item.upper), f"{item.n:,}",
        )  # fmt: skip
    sums.add_row("few reports", f"{answer.evidence_adjustment:+.4f}", "", "", "", "")
    sums.add_section()
    sums.add_row("trust score", _share(answer.trust_score, 4), "", "", _interval(answer.interval), "")
    windows = _table("window", "reports", "success", "failure", "timeout", "error", "rate", "mean", "p95")
    for name, window in answer.windows.items():
        counts = (window.n, window.success, window.failure, window.timeout, window.error)
        windows.add_row(
            name, *(f"{count:,}" for count in counts), _share(window.success_rate), _ms(window.avg_latency_ms),
            _ms(window.p95_latency_ms),
        )  # fmt: skip
    words = [Text(sentence, "bold" if place == 0 else "") for place, sentence in enumerate(answer.sentences)]
    return Group(*words, sums, windows, *_age(answer))


def history_view(answer: HistoryAnswer) -> RenderableType:
    """One row a bucket, oldest first."""
    table = _table("start", "reports", "success", "failure", "timeout", "error", "rate", "mean", "p95")
    for point in answer.points:
        counts = (point.n, point.success, point.failure, point.timeout, point.error)
        table.add_row(
            point.start, *(f"{count:,}" for count in counts), _share(point.success_rate), _ms(point.avg_latency_ms),
            _ms(point.p95_latency_ms),
        )  # fmt: skip
    return Group(table, Text(answer.summary, "bold"))


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="dim", padding=(0, 1))
    words = {"provider", "name", "category", "dimension", "flags", "window", "start"}
    for column in columns:
        # Ids are folded, never cut: half an id is of no use.
        table.add_column(column, justify="left" if column in words else "right", overflow="fold")
    return table


def _share(value: float | None, digits: int = 3) -> str:
    return _NOTHING if value is None else f"{value:.{digits}f}"


def _between(lower: float | None, upper: float | None) -> str:
    return _NOTHING if lower is None or upper is None else f"{lower:.2f}…{upper:.2f}"


def _interval(interval: Interval | None) -> str:
    return _between(interval.lower, interval.upper) if interval else _NOTHING


def _with_interval(value: float | None, interval: Interval | None) -> str:
    around = f" ({interval.level:.0%} interval {_interval(interval)})" if interval else ""
    return f"{_share(value)}{around}"


def _signed(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:+.1f}"


def _ms(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:,.0f} ms"


def _flags(flags: Iterable[str], exploration: bool = False) -> str:
    return ", ".join([*flags, *(["exploration"] if exploration else [])])


def _freshness(freshness: DataFreshness) -> list[Text]:
    return _age(freshness)


def _age(told: CheckAnswer | ExplainAnswer | DataFreshness) -> list[Text]:
    if not told.stale:
        return []
    age = "of unknown age" if told.age_s is None else f"{told.age_s:,.0f} s old"
    return [Text(f"stale, since {told.stale_because}; from the {told.source}, {age}", "yellow")]
