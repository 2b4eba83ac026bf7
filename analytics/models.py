"""What is answered: one model per question, the same over MCP, REST and the command line.

Scores lie in [0, 1], higher is better. ``null`` means no evidence, never zero; the count stands beside it.
"""

from typing import Annotated, Any, ClassVar, Final, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field

from analytics.items import DimensionItem

__all__ = [
    "Bucket", "CheckAnswer", "Confidence", "ContributionItem", "ContributorStatus", "DataFreshness", "DiscoverAnswer",
    "DiscoveredItem", "ErrorAnswer", "ErrorFacts", "ExplainAnswer", "HistoryAnswer", "HistoryPoint", "Interval",
    "Origin", "PredictionItem", "PredictionReports", "RankAnswer", "RankedItem", "ReportAnswer", "ReporterAnswer",
    "ReportsAnswer", "Source", "WindowItem", "ZScores",
]  # fmt: skip

Confidence = Literal["none", "low", "medium", "high"]
"""By effective reports: none 0, low below 20, medium below 100, high from 100."""
ContributorStatus = Literal["new", "active", "trusted"]
"""By reports accepted: new below 5, active below 100, trusted from 100."""
Source = Literal["live", "lake"]


class Origin(NamedTuple):
    """Where an answer comes from."""

    source: Source
    stale_because: str | None = None
    """Why it is not live, to stand behind "since"; None: it is."""

    @property
    def stale(self) -> bool:
        """Whether it is the last that was known, and not what is known now."""
        return self.stale_because is not None

    def fields(self) -> dict[str, Any]:
        """As an answer says it."""
        return {"stale": self.stale, "stale_because": self.stale_because, "source": self.source}


"""live: from the Kafka topic trust.scores; lake: from the files, because Kafka is away."""
Bucket = Literal["minute", "hour", "day"]

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]


_put: Final = object.__setattr__


class Answer(BaseModel):
    """Base of all answers: immutable."""

    model_config = ConfigDict(frozen=True)
    _all_fields: ClassVar[set[str]] = set()
    """One set for all unchecked answers of a class: frozen, they set no field later."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        cls._all_fields = set(cls.model_fields)

    @classmethod
    def trusted(cls, fields: dict[str, Any]) -> Self:
        """The answer with these values, unchecked: all fields, of the right types, as typed code makes them.

        A third of the price.
        """
        made = cls.__new__(cls)
        _put(made, "__dict__", fields)
        _put(made, "__pydantic_fields_set__", cls._all_fields)
        _put(made, "__pydantic_extra__", None)
        _put(made, "__pydantic_private__", None)
        return made


class Interval(Answer):
    """Where the true value lies with probability ``level``."""

    lower: float
    upper: float
    level: Share = 0.9


class ZScores(Answer):
    """Standard deviations by dimension; null where there is too little to compare with."""

    own: dict[str, float | None]
    peers: dict[str, float | None]


class PredictionReports(Answer):
    """How many reports a prediction rests on."""

    provider: Annotated[int, Field(ge=0, description="on the provider, by anyone")]
    caller: Annotated[int, Field(ge=0, description="by this caller, on any provider")]
    pair: Annotated[int, Field(ge=0, description="by this caller on this provider")]


class NextCallsItem(Interval):
    """Success rate of a provider's next calls, whoever makes them; it lies within with probability ``level``."""

    calls: Annotated[int, Field(ge=1, description="how many: so many that about one failure is expected")]


class PredictionItem(Answer):
    """What this caller may expect of its next call."""

    reporter_id: Annotated[str | None, Field(description="the caller; null: nobody in particular")]
    task_type: str | None
    region: str | None
    success_probability: Annotated[float, Field(ge=0, le=1, description="that this caller's next call succeeds")]
    latency_p50_ms: Annotated[float, Field(ge=0, description="half of such calls take at most this")]
    latency_p95_ms: Annotated[float, Field(ge=0, description="95 in 100 take at most this")]
    worth: Annotated[
        float,
        Field(description="to choose between providers, the greatest: success_probability less .01 ln(1 + p95 in ms)"),
    ]
    next_calls: Annotated[
        NextCallsItem, Field(description="success rate of the provider's next calls, whoever makes them")
    ]
    reports: PredictionReports
    rates: Annotated[
        dict[str, float | None],
        Field(description="latest success rates: usual for its peers, the provider's, the caller's, their own calls'"),
    ]
    log_odds: Annotated[
        dict[str, float],
        Field(description="what each kind of evidence adds to ln(p / (1 - p)); they add up to it"),
    ]
    heard_share: Annotated[float, Field(ge=0, le=1, description="share of all reports since it began that it heard")]
    stale: Annotated[bool, Field(description="true: no report is heard now, this is from before")]
    reasons: Annotated[list[str], Field(description="the same in words, the prediction first")]


class CheckAnswer(Answer):
    """May this provider be trusted now?"""

    provider_id: str
    name: str
    trust_score: Annotated[float | None, Field(description="0 to 1; null without evidence")]
    reliability: float | None
    avg_latency_ms: Annotated[float | None, Field(description="mean of answered calls in 30 days, milliseconds")]
    success_rate_30d: float | None
    sample_size: Annotated[int, Field(ge=0, description="reports in 90 days")]
    flags: list[str]
    confidence: Confidence
    history: Annotated[dict[str, float | None], Field(description="success rate of the last 7d, 30d, 90d")]
    history_n: Annotated[dict[str, int], Field(description="reports behind each value of history")]
    interval: Annotated[Interval | None, Field(description="90 % interval of the trust score")]
    success_probability: Annotated[float | None, Field(description="that the next call succeeds")]
    n_effective: Annotated[float, Field(ge=0, description="reports weighted by age")]
    p95_latency_ms: Annotated[float | None, Field(description="of answered calls in 24 hours")]
    dimensions: dict[str, DimensionItem]
    z_scores: ZScores
    facet: Annotated[str, Field(description="what the figures are for: '' all reports, or task=…, region=…")]
    as_of: Annotated[str | None, Field(description="RFC 3339; null without evidence")]
    last_report: Annotated[str | None, Field(description="RFC 3339")]
    age_s: Annotated[float | None, Field(description="seconds since as_of")]
    stale: Annotated[bool, Field(description="true: this is the last that was known; stale_because says why")]
    stale_because: Annotated[str | None, Field(description="why it is not live; null when it is")]
    source: Source
    known: Annotated[bool, Field(description="false: neither in the catalog nor in any report")]
    closest: Annotated[list[str], Field(description="ids that look like an unknown one")]
    summary: Annotated[str, Field(description="the answer in a sentence")]
    prediction: Annotated[
        PredictionItem | None,
        Field(description="for the caller that reporter_id, task_type and region tell of; null when none was given"),
    ] = None


class ReporterAnswer(Answer):
    """What do this reporter's reports count?"""

    reporter_id: str
    known: Annotated[bool, Field(description="false: none of its reports was weighed")]
    weight: Annotated[float | None, Field(description="share of its reports that counts, 0.05 to 1; null: not weighed")]
    reports: Annotated[int, Field(ge=0, description="in the window")]
    providers: Annotated[int, Field(ge=0, description="it reported on, in the window")]
    doubted: Annotated[float | None, Field(description="share of its evidence that others contradict")]
    ring: Annotated[int, Field(ge=0, description="reporters that dissent together with it, itself counted; 0: none")]
    reasons: list[str]
    as_of: Annotated[str | None, Field(description="RFC 3339 end of the window")]
    window_s: Annotated[float | None, Field(description="length of the window, seconds")]
    summary: str


class ReportAnswer(Answer):
    """Was the report taken?"""

    accepted: bool
    contributor_status: ContributorStatus
    total_contributions: Count
    report_id: str
    provider_id: str
    timestamp: Annotated[str, Field(description="event time, RFC 3339")]
    summary: str


class ReportsAnswer(Answer):
    """Were the reports taken? All or none."""

    accepted: Count
    report_ids: Annotated[list[str], Field(description="in the order sent; empty for an Arrow stream")]
    summary: str


class DataFreshness(Answer):
    """How old what was answered from is."""

    newest: Annotated[str | None, Field(description="RFC 3339 as_of of the newest score used")]
    oldest: str | None
    age_s: Annotated[float | None, Field(description="seconds since newest")]
    stale: bool
    stale_because: str | None
    source: Source


class RankedItem(Answer):
    """One place of a ranking."""

    rank: Annotated[int, Field(ge=1)]
    provider_id: str
    name: str
    trust_score: float | None
    interval: Interval | None
    success_probability: float | None
    p95_latency_ms: float | None
    sample_size: Count
    confidence: Confidence
    flags: list[str]
    facet: str
    exploration: Annotated[bool, Field(description="few know it: worth trying this once if a failure can be afforded")]
    as_of: str | None


class RankAnswer(Answer):
    """Which provider first? Ordered by the lower bound of the score."""

    ranked: list[RankedItem]
    recommendation: Annotated[str | None, Field(description="provider_id to call; null when none has evidence")]
    explore: Annotated[
        str | None, Field(description="provider_id that few know, to try this once instead; null on most calls")
    ]
    reason: Annotated[str, Field(description="the answer in a sentence")]
    data_freshness: DataFreshness
    task_type: str | None
    considered: Annotated[int, Field(ge=0, description="providers compared before the limit")]


class DiscoveredItem(Answer):
    """A provider that fits what was searched for."""

    provider_id: str
    name: str
    category: str | None
    task_types: list[str]
    source: Annotated[str, Field(description="where the entry comes from; 'reports' when only reports name it")]
    endpoint: str | None
    trust_score: float | None
    interval: Interval | None
    sample_size: Count
    confidence: Confidence
    flags: list[str]


class DiscoverAnswer(Answer):
    """Which providers are there for this? Known good ones first, untried ones last."""

    providers: list[DiscoveredItem]
    total: Annotated[int, Field(ge=0, description="matches before the limit")]
    data_freshness: DataFreshness
    summary: str


class ContributionItem(Answer):
    """What one dimension adds to the trust score."""

    dimension: str
    contribution: float
    weight: float
    value: float | None
    lower: float | None
    upper: float | None
    n: Count
    n_effective: float
    z_score: float | None
    raw: dict[str, float | None]
    rows: Annotated[str, Field(description="condition for the reports that speak to it; add it to the answer's rows")]
    sentence: str


class WindowItem(Answer):
    """One rolling window."""

    n: Count
    success: Count
    failure: Count
    timeout: Count
    error: Count
    success_rate: float | None
    avg_latency_ms: float | None
    p50_latency_ms: float | None
    p95_latency_ms: float | None
    p99_latency_ms: float | None


class ExplainAnswer(Answer):
    """Why this score? ``evidence_adjustment`` plus all contributions is the trust score."""

    provider_id: str
    name: str
    trust_score: float | None
    interval: Interval | None
    success_probability: float | None
    confidence: Confidence
    flags: list[str]
    contributions: list[ContributionItem]
    absent: Annotated[list[str], Field(description="dimensions without evidence; their weight went to the others")]
    evidence_adjustment: Annotated[float, Field(description="what few reports take off")]
    windows: dict[str, WindowItem]
    sample_size: Count
    n_effective: float
    prior: Annotated[tuple[float, float] | None, Field(description="Beta prior: successes, other outcomes")]
    method: str | None
    weights: Annotated[dict[str, float] | None, Field(description="adopted ones of the dimensions; null: the default")]
    through: Annotated[dict[int, int], Field(description="last offset of each partition of trust.reports counted")]
    facet: str
    as_of: str | None
    age_s: float | None
    stale: bool
    stale_because: str | None
    source: Source
    rows: Annotated[str | None, Field(description="SQL for the reports counted, over the lake's view reports")]
    sentences: Annotated[list[str], Field(description="the same in words, most important first")]


class HistoryPoint(Answer):
    """What was seen in one bucket of time."""

    start: Annotated[str, Field(description="RFC 3339")]
    n: Count
    success: Count
    failure: Count
    timeout: Count
    error: Count
    success_rate: float | None
    avg_latency_ms: float | None
    p50_latency_ms: float | None
    p95_latency_ms: float | None
    p99_latency_ms: float | None
    trust_score: Annotated[float | None, Field(description="the last stated in the bucket; null when none was")]
    lower: float | None
    upper: float | None


class HistoryAnswer(Answer):
    """What happened when? Oldest first; buckets without a report are left out."""

    provider_id: str
    name: str
    bucket: Bucket
    since: str
    until: str
    facet: str
    points: list[HistoryPoint]
    n: Annotated[int, Field(ge=0, description="reports in all points")]
    truncated: Annotated[bool, Field(description="true: older points were left out for the limit")]
    source: Literal["lake"]
    summary: str


class ErrorFacts(Answer):
    """What went wrong and what to do."""

    code: Annotated[str, Field(description="a constant snake_case word")]
    message: Annotated[str, Field(description="the whole sentence")]
    field: Annotated[str | None, Field(description="which field or argument")]
    wanted: str | None
    got: str | None
    next: Annotated[str, Field(description="the next step")]


class ErrorAnswer(Answer):
    """The one shape of every error."""

    error: ErrorFacts
