"""Scores as arrays, and as the records that ``trust.scores`` and the lake carry."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np

from scoring.arrays import Bools, Floats, Ints, ratio
from scoring.bounds import jeffreys_interval
from scoring.dimensions import Geography
from scoring.errors import ScoringError
from scoring.evidence import Evidence
from scoring.figures import raw_figures, window_quantiles_ms
from scoring.flags import CONFIDENCES, FLAGS
from scoring.records import DimensionRecord, ScoreRecord, WindowRecord
from scoring.stats import QUANTILE_WINDOWS, STAT, WINDOWS
from scoring.tables import DIMENSIONS
from scoring.weights import DEFAULT, Weights

__all__ = ["Scores", "UnequalNames", "records"]

Optional = float | None


class UnequalNames(ScoringError):
    """Names that do not fit the scores: which list, how many were wanted, how many came."""

    def __init__(self, name: str, wanted: int, got: int) -> None:
        self.name, self.wanted, self.got = name, wanted, got
        super().__init__(f"{name} must have one entry per scored entity, {wanted}; got {got}; pass them in row order")


@dataclass(frozen=True, slots=True)
class Scores:
    """Scores of E entities: arrays [E] or [E, D]; nan is absent."""

    evidence: Evidence
    as_of_s: float
    places: Geography
    values: Floats
    """[E, D], each in [0, 1]."""
    n: Ints
    """[E, D], reports of 90 days that speak to the dimension."""
    n_effective: Floats
    """[E, D], the same weighted by age."""
    weight: Floats
    """[E, D], shares in the score; 0 where absent."""
    contribution: Floats
    """[E, D], weight times value; 0 where absent."""
    z_scores: Floats
    """[E, D], against the own baseline."""
    trust_score: Floats
    lower: Floats
    upper: Floats
    """90 % interval of ``trust_score``."""
    evidence_adjustment: Floats
    """``trust_score`` minus the sum of the contributions, exactly."""
    success_probability: Floats
    """That the next call succeeds."""
    reports: Ints
    """All reports of 90 days."""
    reports_effective: Floats
    """The same weighted by age."""
    confidence: Ints
    """Index into ``scoring.flags.CONFIDENCES``."""
    flags: Bools
    """[E, len(FLAGS)]."""
    prior: Floats
    """[E, 2], behind ``success_probability``."""
    weights: Weights = DEFAULT
    """Of the dimensions, before absent ones gave theirs up."""


def records(
    scores: Scores, provider_ids: Sequence[str], facets: Sequence[str], through: Sequence[dict[int, int]]
) -> list[ScoreRecord]:
    """One record per entity, in row order; absent figures are ``None``.

    Parameters
    ----------
    scores
        Of E entities.
    provider_ids, facets
        Who each row is; facet "" is all of a provider's reports.
    through
        Last offset of each partition of ``trust.reports`` that is in the row.

    Raises
    ------
    UnequalNames
        When a list is not E long.
    """
    for name, given in (("provider_ids", provider_ids), ("facets", facets), ("through", through)):
        if len(given) != len(scores.reports):
            raise UnequalNames(name, len(scores.reports), len(given))
    quantiles = window_quantiles_ms(scores.evidence)
    adopted = None if scores.weights == DEFAULT else asdict(scores.weights)
    rows = zip(
        provider_ids,
        facets,
        _rows(scores.trust_score),
        _rows(scores.lower),
        _rows(scores.upper),
        _rows(scores.success_probability),
        scores.confidence.tolist(),
        scores.reports.tolist(),
        scores.reports_effective.tolist(),
        scores.flags.tolist(),
        _dimensions(scores, quantiles),
        scores.evidence_adjustment.tolist(),
        _windows(scores.evidence.windows, quantiles),
        scores.prior.tolist(),
        _rows(scores.evidence.last_report_s),
        through,
        strict=True,
    )
    return [
        ScoreRecord(
            provider_id=provider_id,
            facet=facet,
            as_of_s=scores.as_of_s,
            trust_score=trust,
            lower=lower,
            upper=upper,
            success_probability=probability,
            confidence=CONFIDENCES[confidence],
            n=n,
            n_effective=n_effective,
            flags=[name for name, held in zip(FLAGS, raised, strict=True) if held],
            dimensions=dimensions,
            evidence_adjustment=adjustment,
            windows=windows,
            prior=(prior[0], prior[1]),
            last_report_s=last_report_s,
            through=dict(offsets),
            weights=adopted,
        )
        for (
            provider_id, facet, trust, lower, upper, probability, confidence, n, n_effective, raised, dimensions,
            adjustment, windows, prior, last_report_s, offsets,
        ) in rows
    ]  # fmt: skip


def _rows(values: Floats) -> list[Optional]:
    return [None if value != value else value for value in values.tolist()]


def _dimensions(scores: Scores, quantiles: Floats) -> Iterable[dict[str, DimensionRecord]]:
    """Per entity, its dimensions by name: built column by column, because a column is one call of each function."""
    lower, upper = jeffreys_interval(scores.values, scores.n_effective)
    raw = raw_figures(scores.evidence, quantiles, scores.places)
    columns: list[list[DimensionRecord]] = []
    for i, name in enumerate(DIMENSIONS):
        figures = raw[name]
        per_entity = zip(*(_rows(figure) for figure in figures.values()), strict=True)
        columns.append(
            [
                DimensionRecord(
                    value, n, effective, low, high, weight, contribution, z, dict(zip(figures, row, strict=True))
                )
                for value, n, effective, low, high, weight, contribution, z, row in zip(
                    _rows(scores.values[:, i]),
                    scores.n[:, i].tolist(),
                    scores.n_effective[:, i].tolist(),
                    _rows(lower[:, i]),
                    _rows(upper[:, i]),
                    scores.weight[:, i].tolist(),
                    scores.contribution[:, i].tolist(),
                    _rows(scores.z_scores[:, i]),
                    per_entity,
                    strict=True,
                )
            ]
        )
    return (dict(zip(DIMENSIONS, row, strict=True)) for row in zip(*columns, strict=True))


def _windows(windows: Ints, quantiles: Floats) -> Iterable[dict[str, WindowRecord]]:
    """Per entity, its windows by name; windows without a histogram have no quantiles."""
    columns: list[list[WindowRecord]] = []
    for i, window in enumerate(WINDOWS):
        sums = windows[:, i]
        outcomes = sums[:, : STAT["error"] + 1]
        n = outcomes.sum(axis=1)
        figures = np.full((len(windows), 5), np.nan)
        figures[:, 0] = ratio(outcomes[:, 0], n)
        figures[:, 1] = ratio(sums[:, STAT["latency_us"]], sums[:, STAT["latency_n"]]) / 1_000
        if window.name in QUANTILE_WINDOWS:
            figures[:, 2:] = quantiles[:, QUANTILE_WINDOWS.index(window.name)]
        per_figure = (_rows(figures[:, column]) for column in range(figures.shape[1]))
        rows = zip(n.tolist(), outcomes.tolist(), *per_figure, strict=True)
        columns.append([WindowRecord(total, *counts, *rest) for total, counts, *rest in rows])
    names: Final = [window.name for window in WINDOWS]
    return (dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True))
