"""Score records → answers. Pure: what is known comes in, models go out."""

from collections.abc import Mapping, Sequence
from typing import Final, cast

import msgspec

from analytics.catalog import CatalogEntry
from analytics.evidence_rows import SPEAKS, rows_of
from analytics.items import DimensionItem, PeerItem
from analytics.models import (
    Bucket,
    CheckAnswer,
    Confidence,
    ContributionItem,
    DataFreshness,
    DiscoveredItem,
    ExplainAnswer,
    HistoryAnswer,
    HistoryPoint,
    Interval,
    Origin,
    PredictionItem,
    RankedItem,
    WindowItem,
    ZScores,
)  # fmt: skip
from analytics.queries import HistoryRow, ScorePoint
from analytics.questions import BUCKET_S
from analytics.sentences import check_sentence, contribution_sentence, explain_sentences, rfc3339
from scoring.records import DimensionRecord, ScoreRecord
from scoring.tables import DIMENSIONS

__all__ = [
    "HISTORY", "Known", "check", "discovered", "explain", "freshness", "history", "known", "ranked", "renewed",
    "unexplained", "unknown",
]  # fmt: skip

HISTORY: Final = ("7d", "30d", "90d")
"""Windows of ``CheckAnswer.history``."""
LEVEL: Final = 0.9
"""Of every interval."""
_NO_PEERS: Final[tuple[PeerItem | None, ...]] = (None,) * len(DIMENSIONS)
_POINT: Final = tuple(HistoryPoint.model_fields)
"""A row's own fields, its start in words, and then those of the score."""


class Known(msgspec.Struct, frozen=True):
    """What every check of a provider says until its record, its name or its peers change. Answers share its parts."""

    record: ScoreRecord
    name: str
    fields: dict[str, object]
    """Of ``CheckAnswer``, as of now, live and for the facet that was asked for."""


def known(record: ScoreRecord, name: str, peers: Sequence[PeerItem]) -> Known:
    """What does not depend on who asks and when; peers of each dimension in turn, or none."""
    day, week, month, quarter = map(record.windows.get, ("24h", *HISTORY))
    dimensions, z_scores = _dimensions(record.dimensions, peers)
    reliability = dimensions.get("reliability")
    fields: dict[str, object] = {
        "provider_id": record.provider_id,
        "name": name,
        "trust_score": record.trust_score,
        "reliability": reliability.value if reliability else None,
        "avg_latency_ms": month.avg_latency_ms if month else None,
        "success_rate_30d": month.success_rate if month else None,
        "sample_size": record.n,
        "flags": record.flags,
        "confidence": record.confidence,
        "history": {
            "7d": week.success_rate if week else None,
            "30d": month.success_rate if month else None,
            "90d": quarter.success_rate if quarter else None,
        },
        "history_n": {
            "7d": week.n if week else 0,
            "30d": month.n if month else 0,
            "90d": quarter.n if quarter else 0,
        },
        "interval": _interval(record),
        "success_probability": record.success_probability,
        "n_effective": record.n_effective,
        "p95_latency_ms": day.p95_latency_ms if day else None,
        "dimensions": dimensions,
        "z_scores": z_scores,
        "facet": record.facet,
        "as_of": rfc3339(record.as_of_s),
        "last_report": rfc3339(record.last_report_s),
        "age_s": 0.0,
        "stale": False,
        "stale_because": None,
        "source": "live",
        "known": True,
        "closest": [],
        "summary": check_sentence(record, record.facet, 0.0, None),
        "prediction": None,
    }
    return Known(record, name, fields)


def renewed(before: Known, peers: Sequence[PeerItem]) -> Known:
    """The same of the same record and name, compared anew."""
    dimensions, z_scores = _dimensions(before.record.dimensions, peers)
    return Known(before.record, before.name, {**before.fields, "dimensions": dimensions, "z_scores": z_scores})


def check(
    found: Known, asked: str, now_s: float, origin: Origin, prediction: PredictionItem | None = None
) -> CheckAnswer:
    """The answer for a provider with a record; ``asked`` is the facet wanted."""
    record = found.record
    fields = found.fields.copy()
    fields["age_s"] = age_s = now_s - record.as_of_s
    fields["prediction"] = prediction
    if origin.stale_because is not None or origin.source != "live" or (asked and asked != record.facet):
        fields.update(origin.fields(), summary=check_sentence(record, asked, age_s, origin.stale_because))
    return CheckAnswer.trusted(fields)


def unknown(
    provider_id: str,
    entry: CatalogEntry | None,
    closest: list[str],
    origin: Origin,
    prediction: PredictionItem | None = None,
) -> CheckAnswer:
    """The answer for a provider without a record, in the catalog or not."""
    if entry is not None:
        summary = f"{provider_id} is in the catalog, but nobody has reported a call to it: there is no score."
    else:
        hint = f" Did you mean {', '.join(closest)}?" if closest else ""
        summary = f"{provider_id} is neither in the catalog nor in any report: there is no score.{hint}"
    nothing: dict[str, float | None] = dict.fromkeys(DIMENSIONS)
    return CheckAnswer(
        provider_id=provider_id, name=entry.name if entry else provider_id,
        trust_score=None, reliability=None, avg_latency_ms=None, success_rate_30d=None, sample_size=0,
        flags=["unknown_provider"], confidence="none",
        history=dict.fromkeys(HISTORY), history_n=dict.fromkeys(HISTORY, 0),
        interval=None, success_probability=None, n_effective=0.0, p95_latency_ms=None,
        dimensions={}, z_scores=ZScores(own=nothing, peers=nothing),
        facet="", as_of=None, last_report=None, age_s=None, **origin.fields(),
        known=entry is not None, closest=closest, summary=summary, prediction=prediction,
    )  # fmt: skip


def explain(record: ScoreRecord, name: str, asked: str, now_s: float, origin: Origin) -> ExplainAnswer:
    """Where a record's score comes from. Figures are not rounded: they add up."""
    age_s = now_s - record.as_of_s
    present = [(key, d) for key, d in record.dimensions.items() if d.value is not None]
    return ExplainAnswer(
        provider_id=record.provider_id,
        name=name,
        trust_score=record.trust_score,
        interval=_interval(record),
        success_probability=record.success_probability,
        confidence=cast(Confidence, record.confidence),
        flags=record.flags,
        contributions=[_contribution(key, d) for key, d in present],
        absent=[key for key, d in record.dimensions.items() if d.value is None],
        evidence_adjustment=record.evidence_adjustment,
        windows={key: WindowItem.model_validate(w, from_attributes=True) for key, w in record.windows.items()},
        sample_size=record.n,
        n_effective=record.n_effective,
        prior=record.prior,
        method=record.method,
        weights=record.weights,
        through=record.through,
        facet=record.facet,
        as_of=rfc3339(record.as_of_s),
        age_s=age_s,
        **origin.fields(),
        rows=rows_of(record),
        sentences=explain_sentences(record, asked, age_s, origin.stale_because),
    )


def unexplained(entry: CatalogEntry, origin: Origin) -> ExplainAnswer:
    """The answer for a provider that only the catalog knows."""
    return ExplainAnswer(
        provider_id=entry.provider_id, name=entry.name, trust_score=None, interval=None, success_probability=None,
        confidence="none", flags=["unknown_provider"], contributions=[], absent=list(DIMENSIONS),
        evidence_adjustment=0.0, windows={}, sample_size=0, n_effective=0.0, prior=None, method=None,
        weights=None, through={},
        facet="", as_of=None, age_s=None, **origin.fields(), rows=None,
        sentences=[unknown(entry.provider_id, entry, [], origin).summary],
    )  # fmt: skip


def ranked(place: int, provider_id: str, name: str, record: ScoreRecord | None, exploration: bool) -> RankedItem:
    """One place of a ranking; a provider without a record has no score."""
    day = record.windows.get("24h") if record else None
    return RankedItem(
        rank=place,
        provider_id=provider_id,
        name=name,
        trust_score=record.trust_score if record else None,
        interval=_interval(record) if record else None,
        success_probability=record.success_probability if record else None,
        p95_latency_ms=day.p95_latency_ms if day else None,
        sample_size=record.n if record else 0,
        confidence=cast(Confidence, record.confidence) if record else "none",
        flags=record.flags if record else ["unknown_provider"],
        facet=record.facet if record else "",
        exploration=exploration,
        as_of=rfc3339(record.as_of_s) if record else None,
    )


def discovered(provider_id: str, entry: CatalogEntry | None, record: ScoreRecord | None) -> DiscoveredItem:
    """One match of a search."""
    return DiscoveredItem(
        provider_id=provider_id,
        name=entry.name if entry else provider_id,
        category=entry.category if entry else None,
        task_types=list(entry.task_types) if entry else [],
        source=(entry.source or "catalog") if entry else "reports",
        endpoint=entry.endpoint if entry else None,
        trust_score=record.trust_score if record else None,
        interval=_interval(record) if record else None,
        sample_size=record.n if record else 0,
        confidence=cast(Confidence, record.confidence) if record else "none",
        flags=record.flags if record else ["unknown_provider"],
    )


def history(
    rows: Sequence[HistoryRow],
    scores: Sequence[ScorePoint],
    provider_id: str,
    name: str,
    facet: str,
    bucket: Bucket,
    span_s: tuple[float, float],
    truncated: bool,
) -> HistoryAnswer:
    """Rows of the lake, each with the last score stated in its bucket."""
    last = {int(score.as_of_s // BUCKET_S[bucket]): score for score in scores}
    points = [_point(row, last.get(row.start_s // BUCKET_S[bucket])) for row in rows]
    n, failed = sum(row.n for row in rows), sum(row.n - row.success for row in rows)
    return HistoryAnswer(
        provider_id=provider_id,
        name=name,
        bucket=bucket,
        since=rfc3339(span_s[0]) or "",
        until=rfc3339(span_s[1]) or "",
        facet=facet,
        points=points,
        n=n,
        truncated=truncated,
        source="lake",
        summary=f"{provider_id}: {n:,} reports in {len(points):,} {bucket}s that hold any, {failed:,} without success.",
    )


def freshness(oldest: float | None, newest: float | None, now_s: float, origin: Origin) -> DataFreshness:
    """How old the scores used are, given the moments of the oldest and the newest, epoch seconds."""
    return DataFreshness(
        newest=rfc3339(newest),
        oldest=rfc3339(oldest),
        age_s=None if newest is None else now_s - newest,
        **origin.fields(),
    )


def _interval(record: ScoreRecord) -> Interval | None:
    if record.lower is None or record.upper is None:
        return None
    return Interval.trusted({"lower": record.lower, "upper": record.upper, "level": LEVEL})


def _dimensions(
    found: Mapping[str, DimensionRecord], peers: Sequence[PeerItem]
) -> tuple[dict[str, DimensionItem], ZScores]:
    """Each dimension that a record has, in the usual order, and their z-scores side by side."""
    items: dict[str, DimensionItem] = {}
    own: dict[str, float | None] = {}
    others: dict[str, float | None] = {}
    for key, compared in zip(DIMENSIONS, peers or _NO_PEERS, strict=True):
        one = found.get(key)
        if one is not None:
            value, z_score = one.value, one.z_score
            peer = None if value is None else compared
            items[key] = DimensionItem(
                value, one.n, one.n_effective, one.lower, one.upper, one.weight, z_score, peer, one.raw
            )
            own[key] = z_score
            others[key] = None if peer is None else peer.z_score
    return items, ZScores.trusted({"own": own, "peers": others})


def _contribution(name: str, found: DimensionRecord) -> ContributionItem:
    return ContributionItem(
        dimension=name,
        contribution=found.contribution,
        weight=found.weight,
        value=found.value,
        lower=found.lower,
        upper=found.upper,
        n=found.n,
        n_effective=found.n_effective,
        z_score=found.z_score,
        raw=found.raw,
        rows=SPEAKS[name],
        sentence=contribution_sentence(name, found),
    )


def _point(row: HistoryRow, score: ScorePoint | None) -> HistoryPoint:
    start_s, *figures = row
    stated = (score.trust_score, score.lower, score.upper) if score else (None, None, None)
    return HistoryPoint.trusted(dict(zip(_POINT, (rfc3339(start_s), *figures, *stated), strict=True)))
