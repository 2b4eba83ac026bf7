"""A forecast for one caller, and what a reporter counts, as answers with their reasons in words. Pure."""

from typing import Final

from analytics.models import NextCallsItem, PredictionItem, PredictionReports, ReporterAnswer
from analytics.sentences import rfc3339
from scoring.prediction import Forecast
from scoring.prediction.choosing import worth
from scoring.reporters import ReporterRecord

__all__ = ["prediction", "reporter_answer"]

_LAST: Final = 8
"""Calls of a pair whose failures are counted."""
_WHOLE: Final = 0.995
"""Share of the reports from which on it goes without saying."""


def prediction(
    found: Forecast, provider_id: str, asked: tuple[str | None, str | None, str | None], heard_share: float, stale: bool
) -> PredictionItem:
    """The answer.

    Parameters
    ----------
    found
        What was predicted, and from what.
    provider_id
        Who would be called.
    asked
        Reporter, task type and region of the caller, as far as it told.
    heard_share
        Share of all reports that the predictor has heard since it began.
    stale
        Whether it hears nothing now.
    """
    reporter_id, task_type, region = asked
    return PredictionItem(
        reporter_id=reporter_id,
        task_type=task_type,
        region=region,
        success_probability=found.success,
        latency_p50_ms=found.latency_p50_ms,
        latency_p95_ms=found.latency_p95_ms,
        worth=worth(found.success, found.latency_p95_ms),
        next_calls=NextCallsItem(
            calls=found.next_calls.calls, lower=found.next_calls.lower, upper=found.next_calls.upper
        ),
        reports=PredictionReports(
            provider=found.provider_reports, caller=found.reporter_reports, pair=found.pair_reports
        ),
        rates={
            "usual": found.usual_rate,
            "provider": found.provider_rate,
            "caller": found.reporter_rate if found.reporter_reports else None,
            "pair": found.pair_rate if found.pair_reports else None,
        },
        log_odds=found.parts,
        heard_share=heard_share,
        stale=stale,
        reasons=_reasons(found, provider_id, asked, heard_share, stale),
    )


def reporter_answer(reporter_id: str, record: ReporterRecord | None) -> ReporterAnswer:
    """What a reporter counts; without a record, that it was not weighed."""
    if record is None:
        return ReporterAnswer(
            reporter_id=reporter_id, known=False, weight=None, reports=0, providers=0, doubted=None, ring=0,
            reasons=[], as_of=None, window_s=None,
            summary=f"{reporter_id}: none of its reports was weighed; they count whole.",
        )  # fmt: skip
    share = "whole" if record.weight >= 1 else f"for {record.weight:.2f} of their number"
    return ReporterAnswer(
        reporter_id=reporter_id,
        known=True,
        weight=record.weight,
        reports=record.reports,
        providers=record.providers,
        doubted=record.doubted,
        ring=record.ring,
        reasons=record.reasons,
        as_of=rfc3339(record.as_of_s),
        window_s=record.window_s,
        summary=f"{reporter_id}: its reports count {share} ({_counted(record.reports)} on {record.providers:,} "
        f"providers were weighed): {'; '.join(record.reasons)}.",
    )


def _reasons(
    found: Forecast, provider_id: str, asked: tuple[str | None, str | None, str | None], heard_share: float, stale: bool
) -> list[str]:
    reporter_id, task_type, region = asked
    caller = reporter_id or "an unnamed caller"
    where = f"{f' for task type {task_type}' if task_type else ''}{f' from region {region}' if region else ''}"
    said = [
        f"The next call of {caller} to {provider_id}{where} succeeds with probability {found.success:.2f}; half "
        f"of such calls take at most {found.latency_p50_ms:,.0f} ms, 95 in 100 at most {found.latency_p95_ms:,.0f} ms."
    ]
    if found.provider_reports:
        said.append(
            f"{provider_id}: {_rate(found.provider_rate)} of its latest calls succeeded, whoever called "
            f"({_counted(found.provider_reports)}; usual is {_rate(found.usual_rate)})."
        )
        calls, lower, upper = found.next_calls
        said.append(
            f"Of its next {calls:,} calls, whoever makes them, {_rate(lower)} to {_rate(upper)} are to succeed, nine "
            "times in ten."
        )
    else:
        said.append(f"No report on {provider_id} was heard: it is taken as usual ({_rate(found.usual_rate)}).")
    if reporter_id is not None:
        said += _of_caller(found, provider_id, reporter_id)
    if heard_share < _WHOLE:
        said.append(f"There are more reports than it listens to: {_rate(heard_share)} of them were heard.")
    if stale:
        said.append("Not live: this is what was heard before.")
    return said


def _of_caller(found: Forecast, provider_id: str, reporter_id: str) -> list[str]:
    if not found.reporter_reports:
        return [f"No report of {reporter_id} was heard: it is taken for a usual caller."]
    said = [
        f"{reporter_id}: {_rate(found.reporter_rate)} of its latest calls succeeded, whomever it called "
        f"({_counted(found.reporter_reports)})."
    ]
    if not found.pair_reports:
        return [
            *said,
            f"It has not called {provider_id} before; what is known of both alone says {_rate(found.pair_rate)}.",
        ]
    last = min(found.pair_reports, _LAST)
    own = "its only call" if last == 1 else f"its last {last} calls"
    return [
        *said,
        f"Of {own} to {provider_id} {found.pair_failures} failed; such a pair's calls succeed "
        f"{_rate(found.pair_rate)} of the time ({_counted(found.pair_reports)}).",
    ]


def _rate(value: float) -> str:
    return f"{value:.1%}".replace("%", " %")


def _counted(n: int) -> str:
    return "1 report" if n == 1 else f"{n:,} reports"
