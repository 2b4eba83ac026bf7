"""Looking at a run from outside, as any client would: the server's REST answers and the worker's metrics."""

import time
from collections import deque
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Final, Self

import httpx
from prometheus_client.parser import text_string_to_metric_families

from analytics.local.view import Row, View

__all__ = ["Metrics", "Watch", "metrics_in", "rows_in"]

_PATIENCE_S: Final = 2.0
_TRENDS_A_LOOK: Final = 6
"""Providers whose windows are asked for at each look; the ranking says the rest for all at once."""
_MOST: Final = 200
_SPAN_S: Final = 5.0
"""Reports per second are taken over so long."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """What the worker counts."""

    folded: int
    rejected: int
    lag: int | None
    """Messages of ``trust.reports`` not yet read; None before it is known."""


def metrics_in(text: str) -> Metrics:
    """Counts in a Prometheus text."""
    sums: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.labels.get("topic", "trust.reports") == "trust.reports":
                sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
    lag = sums.get("trustscore_consumer_lag")
    folded, rejected = sums.get("trustscore_reports_folded_total", 0), sums.get("trustscore_rejects_total", 0)
    return Metrics(int(folded), int(rejected), None if lag is None else int(lag))


def rows_in(ranking: dict[str, Any], acts: dict[str, str], trends: dict[str, float | None]) -> tuple[Row, ...]:
    """The ranking's places (answer of ``POST /v1/rank``) as rows."""
    rows = []
    for item in ranking["ranked"]:
        interval = item["interval"] or {"lower": None, "upper": None}
        provider_id = item["provider_id"]
        rows.append(
            Row(
                provider_id=provider_id,
                acts=acts.get(provider_id, ""),
                score=item["trust_score"],
                lower=interval["lower"],
                upper=interval["upper"],
                n=item["sample_size"],
                p95_ms=item["p95_latency_ms"],
                flags=tuple(item["flags"]),
                trend=trends.get(provider_id),
            )
        )
    return tuple(rows)


class Watch:
    """Asks both parts, and keeps what it last heard while one does not answer.

    Parameters
    ----------
    server
        ``http://host:port`` of the server.
    worker
        The same of the worker's metrics.
    acts
        Regime of each simulated provider.
    """

    def __init__(self, server: str, worker: str, acts: dict[str, str]) -> None:
        self._server, self._worker, self._acts = server, worker, acts
        self._client = httpx.Client(timeout=_PATIENCE_S, trust_env=False)
        self._trends: dict[str, float | None] = {}
        self._next = 0
        self._folded: deque[tuple[float, int]] = deque()

    def look(self, before: View) -> View:
        """``before`` with what is known now."""
        view = self._with_metrics(before)
        ranking = self._answer("POST", f"{self._server}/v1/rank", {"limit": _MOST})
        if ranking is None:
            return view
        self._ask_trends([item["provider_id"] for item in ranking["ranked"]])
        rows = rows_in(ranking, self._acts, self._trends)
        return replace(view, rows=rows, stale=bool(ranking["data_freshness"]["stale"]))

    def is_ready(self) -> bool:
        """Whether the server answers questions."""
        return self._answer("GET", f"{self._server}/health/live") is not None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def _with_metrics(self, before: View) -> View:
        try:
            found = metrics_in(self._client.get(f"{self._worker}/metrics").raise_for_status().text)
        except httpx.HTTPError:
            return before
        now_s = time.monotonic()
        self._folded.append((now_s, found.folded))
        while len(self._folded) > 2 and self._folded[0][0] < now_s - _SPAN_S:
            self._folded.popleft()
        then_s, then = self._folded[0]
        per_s = (found.folded - then) / (now_s - then_s) if now_s > then_s else None
        return replace(before, folded=found.folded, folded_per_s=per_s, rejected=found.rejected, lag=found.lag)

    def _ask_trends(self, provider_ids: list[str]) -> None:
        """Ask for the windows of the next few providers, in turn."""
        for place in range(self._next, self._next + min(_TRENDS_A_LOOK, len(provider_ids))):
            provider_id = provider_ids[place % len(provider_ids)]
            answer = self._answer("GET", f"{self._server}/v1/providers/{provider_id}/explain")
            if answer is not None:
                rates = [answer["windows"].get(name, {}).get("success_rate") for name in ("5m", "1h")]
                self._trends[provider_id] = None if None in rates else rates[0] - rates[1]
        self._next = (self._next + _TRENDS_A_LOOK) % max(1, len(provider_ids))

    def _answer(self, method: str, url: str, body: dict[str, Any] | None = None) -> dict[str, Any] | None:
        try:
            answer = self._client.request(method, url, json=body).raise_for_status().json()
        except (httpx.HTTPError, ValueError):
            return None
        return answer if isinstance(answer, dict) else None
