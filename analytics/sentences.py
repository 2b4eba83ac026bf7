"""Answers in words that a person and a model can use. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from analytics.models import RankedItem
from scoring.records import DimensionRecord, ScoreRecord
from scoring.weights import DEFAULT

__all__ = [
    "MEANINGS", "age", "check_sentence", "contribution_sentence", "explain_sentences", "rank_sentence", "rfc3339",
    "weights_sentence",
]  # fmt: skip

MEANINGS: Final = {
    "reliability": "calls that succeeded",
    "uptime": "calls that got any answer (no timeout, no protocol error)",
    "latency": "answers that came fast enough (1 s counts whole, 4 s half)",
    "error_rate": "calls without an error or a wrong answer",
    "quality": "how good the answers were",
    "freshness": "how young the data in the answers was",
    "security": "checks that found nothing",
    "cost_efficiency": "how little a call cost",
    "geographic_availability": "whether every region gets answers",
    "consistency": "data that agreed with what was known",
    "rate_limits": "calls not refused for rate",
}
_SAID: Final = 0.0005
"""What a sentence with three decimals can show."""
_FLAGS: Final = {
    "unknown_provider": "nobody has reported a call to it in 90 days",
    "low_sample_size": "few reports: the score may move a lot",
    "recent_failures": "it has been failing in the last hour",
    "high_latency": "it was slow in the last 24 hours",
    "degrading": "it does worse lately than before",
    "stale": "no report for more than a day",
    "anomalous": "it is far below its own usual level",
}

_SECONDS: Final = tuple(f"{second:02d}." for second in range(60))
_THOUSANDTHS: Final = tuple(f"{thousandth:03d}Z" for thousandth in range(1_000))


def rfc3339(moment_s: float | None) -> str | None:
    """UTC time with milliseconds; None stays None.

    >>> rfc3339(0.25)
    '1970-01-01T00:00:00.250Z'
    """
    if moment_s is None:
        return None
    minute, rest_ms = divmod(round(moment_s * 1e6) // 1_000, 60_000)
    second, rest_ms = divmod(rest_ms, 1_000)
    return _to_the_minute(minute) + _SECONDS[second] + _THOUSANDTHS[rest_ms]


@lru_cache(maxsize=1_024)
def _to_the_minute(minute: int) -> str:
    return datetime.fromtimestamp(minute * 60, UTC).strftime("%Y-%m-%dT%H:%M:")


def age(seconds: float) -> str:
    """An age in the unit that fits.

    >>> age(3), age(600), age(7_200), age(200_000)
    ('3 s', '10 min', '2 h', '2 days')
    """
    for unit, length_s in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.0f} {unit}"
    return f"{seconds:.0f} s"


def _what(facet: str) -> str:
    kind, _, value = facet.partition("=")
    return f" for {'task type' if kind == 'task' else kind} {value}" if facet else ""


def check_sentence(record: ScoreRecord, asked: str, age_s: float, stale_because: str | None) -> str:
    """A score in a sentence or three: how far to trust it, what speaks against it, how current it is."""
    if record.trust_score is None or record.lower is None or record.upper is None:
        return f"{record.provider_id}: no report in the last 90 days, so there is no score."
    facet = record.facet
    said = (
        f"{record.provider_id}{_what(facet) if facet else ''}: trust {record.trust_score:.2f} "
        f"(90 % interval {record.lower:.2f} to {record.upper:.2f}), confidence {record.confidence}, "
        f"{_counted(record.n)} in 90 days."
    )
    if asked and asked != facet:
        said += f" Nothing is known{_what(asked)} alone; this is for all reports."
    if record.flags:
        said += f" Careful: {'; '.join([_FLAGS.get(flag, flag) for flag in record.flags])}."
    if stale_because:
        said += f" Not live, since {stale_because}: this is what was known {age(max(0.0, age_s))} ago."
    return said


def contribution_sentence(name: str, dimension: DimensionRecord) -> str:
    """What one dimension adds, and from what."""
    if dimension.value is None:
        return f"{name}: no evidence."
    said = (
        f"{name} {dimension.value:.3f} ({MEANINGS.get(name, name)}; {_counted(dimension.n)}) "
        f"x weight {dimension.weight:.3f} adds {dimension.contribution:.3f}."
    )
    if dimension.z_score is not None and abs(dimension.z_score) >= 2:
        side = "above" if dimension.z_score > 0 else "below"
        said += f" That is {abs(dimension.z_score):.1f} standard deviations {side} its own usual level."
    return said


def weights_sentence(adopted: Mapping[str, float]) -> str:
    """Which weights differ from the default ones, largest difference first."""
    usual = asdict(DEFAULT)
    moved = {name: weight for name, weight in adopted.items() if abs(weight - usual.get(name, 0.0)) >= _SAID}
    ordered = sorted(moved, key=lambda name: -abs(moved[name] - usual.get(name, 0.0)))
    changes = ", ".join(f"{name} {moved[name]:.3f} instead of {usual.get(name, 0.0):.3f}" for name in ordered)
    return f"Adopted weights are in use, not the default ones{f': {changes}' if changes else ''}."


def explain_sentences(record: ScoreRecord, asked: str, age_s: float, stale_because: str | None) -> list[str]:
    """Why the score is what it is, most important first: the verdict, what costs most, what carries most, the rest."""
    said = [check_sentence(record, asked, age_s, stale_because)]
    present = {name: d for name, d in record.dimensions.items() if d.value is not None and d.weight > 0}
    if record.weights is not None:
        said.append(weights_sentence(record.weights))
    lost = {name: d.weight * (1 - d.value) for name, d in present.items() if d.value is not None}
    if lost and max(lost.values()) >= _SAID:
        worst = max(lost, key=lambda name: lost[name])
        said.append(f"What costs it most is {worst}: {lost[worst]:.3f} of the score.")
    ordered = sorted(present, key=lambda name: -present[name].contribution)
    said += [contribution_sentence(name, present[name]) for name in ordered]
    if abs(record.evidence_adjustment) >= _SAID:
        verb = "take off" if record.evidence_adjustment < 0 else "add"
        said.append(f"Few reports {verb} {abs(record.evidence_adjustment):.3f}: the score leans on what is usual.")
    if absent := [name for name, d in record.dimensions.items() if d.value is None]:
        said.append(f"Without evidence, hence without weight: {', '.join(absent)}.")
    return said


def rank_sentence(places: Sequence[RankedItem], considered: int, explore: str | None, task_type: str | None) -> str:
    """Whom to call, and on what evidence."""
    kind = f" for task type {task_type}" if task_type else ""
    if not places:
        return f"No provider has reports{kind}; discover finds candidates in the catalog."
    first = places[0]
    if first.trust_score is None or first.interval is None:
        return f"None of these {considered:,} providers has a report{kind}: there is nothing to prefer one by."
    said = (
        f"{first.provider_id} is the safest of {considered:,}{kind}: trust {first.trust_score:.2f}, at least "
        f"{first.interval.lower:.2f} (lower end of the 90 % interval), {_counted(first.sample_size)}."
    )
    return said if explore is None else f"{said} To learn about it, {explore} may be tried this once."


def _counted(n: int) -> str:
    return "1 report" if n == 1 else f"{n:,} reports"
