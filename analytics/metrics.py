"""Metrics of the server: the closed list of names, and what fills them at a scrape."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from analytics.service import Service

__all__ = ["METRICS", "MetricFacts", "Telemetry"]


@dataclass(frozen=True, slots=True)
class MetricFacts:
    """One metric: what it counts and in which unit."""

    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    meaning: str
    labels: tuple[str, ...] = ()


METRICS: Final[dict[str, MetricFacts]] = {
    "trustscore_http_requests_total": MetricFacts(
        "counter", "requests", "Answered HTTP requests", ("method", "route", "status")
    ),
    "trustscore_http_request_seconds": MetricFacts("histogram", "seconds", "Time to the whole answer", ("route",)),
    "trustscore_reports_accepted_total": MetricFacts("counter", "reports", "Reports acknowledged by Kafka"),
    "trustscore_reports_refused_total": MetricFacts(
        "counter", "requests", "Requests to report that were refused, by error code", ("code",)
    ),
    "trustscore_board_records": MetricFacts("gauge", "records", "Score records in the live view, all facets"),
    "trustscore_board_providers": MetricFacts("gauge", "providers", "Providers in the live view"),
    "trustscore_feed_records_total": MetricFacts("counter", "records", "Score records taken in from Kafka"),
    "trustscore_feed_undecodable_total": MetricFacts("counter", "messages", "Messages of trust.scores that are none"),
    "trustscore_feed_lag": MetricFacts("gauge", "offsets", "Of trust.scores not yet in the live view; absent: unknown"),
    "trustscore_feed_silence_seconds": MetricFacts("gauge", "seconds", "Since Kafka last answered; absent: never"),
    "trustscore_feed_live": MetricFacts("gauge", "0 or 1", "1: answers are live; 0: they come from the lake"),
    "trustscore_uptime_seconds": MetricFacts("gauge", "seconds", "Since the server started"),
}
"""Every metric the server has."""

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Telemetry:
    """The server's own registry, so that two servers in one process do not meet."""

    def __init__(self, service: Service) -> None:
        self.registry = CollectorRegistry()
        self._requests = self._counter("trustscore_http_requests_total")
        self._accepted = self._counter("trustscore_reports_accepted_total")
        self._refused = self._counter("trustscore_reports_refused_total")
        seconds = METRICS["trustscore_http_request_seconds"]
        self._seconds = Histogram(
            "trustscore_http_request_seconds", seconds.meaning, seconds.labels, registry=self.registry, buckets=_SECONDS
        )
        self.registry.register(_ServiceCollector(service))

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count an answered request."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def accepted(self, reports: int) -> None:
        """Count reports that Kafka acknowledged."""
        self._accepted.inc(reports)

    def refused(self, code: str) -> None:
        """Count a request to report that was refused."""
        self._refused.labels(code).inc()

    def text(self) -> bytes:
        """All metrics in Prometheus text format."""
        return generate_latest(self.registry)

    def _counter(self, name: str) -> Counter:
        return Counter(name, METRICS[name].meaning, METRICS[name].labels, registry=self.registry)


class _ServiceCollector(Collector):
    """Reads the service when it is scraped."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def collect(self) -> Iterator[Metric]:
        service, now_s = self._service, self._service.clock()
        state = service.feed.state
        values: dict[str, float | None] = {
            "trustscore_board_records": len(service.board),
            "trustscore_board_providers": service.board.provider_count,
            "trustscore_feed_records_total": state.records,
            "trustscore_feed_undecodable_total": state.undecodable,
            "trustscore_feed_lag": state.lag,
            "trustscore_feed_silence_seconds": None if state.contact_s is None else now_s - state.contact_s,
            "trustscore_feed_live": state.is_live(now_s, service.settings.away_s),
            "trustscore_uptime_seconds": now_s - service.started_s,
        }
        for name, value in values.items():
            family = CounterMetricFamily if METRICS[name].kind == "counter" else GaugeMetricFamily
            yield family(name, METRICS[name].meaning, value=value)
