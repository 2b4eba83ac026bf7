"""What the worker says of itself: the closed list of its metrics, its health, and the port both are read from."""

import json
import sys
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from streams.lake_watch import LakeWatch

__all__ = ["Telemetry", "serve"]

_SECONDS: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30)


class Telemetry:
    """Metrics of one worker; each name, unit and meaning stands here and nowhere else."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._started_s = time.monotonic()
        self.ready = False
        self.trouble: dict[str, str] = {}
        """What is wrong now, by part (``lake``, ``reports``)."""
        r = self.registry
        self.folded = Counter("trustscore_reports_folded_total", "reports folded into panes", registry=r)
        self.rejected = Counter("trustscore_rejects_total", "messages or rows that could not be used", registry=r)
        self.repeated = Counter("trustscore_repeats_total", "reports left out: their id had come before", registry=r)
        self.doubted = Counter(
            "trustscore_doubted_reports_total", "reports left out: their reporter counts less than whole", registry=r
        )
        self.emitted = Counter("trustscore_scores_emitted_total", "scores sent to trust.scores", registry=r)
        self.stored = Counter("trustscore_lake_reports_total", "reports committed to the lake", registry=r)
        self.failures = Counter("trustscore_step_failures_total", "rounds of a loop that failed", ["part"], registry=r)
        self.lapses = Counter(
            "trustscore_fence_lapses_total", "times the worker stopped writing, unsure to be a member", registry=r
        )
        self.disturbances = Counter(
            "trustscore_state_disturbances_total", "entries of others found among the worker's state", registry=r
        )
        self.restarts = Counter("trustscore_restarts_total", "restarts in place after a stall", registry=r)
        self.lake_failures = Counter(
            "trustscore_lake_failures_total", "commits that the lake did not take", ["reason"], registry=r
        )
        self.lake = LakeWatch(lambda fault: self.lake_failures.labels(fault).inc())
        self.lake_down_s = Gauge(
            "trustscore_lake_down_seconds", "since the lake takes no commit; 0: it takes them", registry=r
        )
        self.lake_down_s.set_function(self.lake.down_s)
        self.lake_commit_s = Gauge(
            "trustscore_lake_commit_seconds", "that the commit under way has taken so far", registry=r
        )
        self.lake_commit_s.set_function(self.lake.running_s)
        self.pending = Gauge("trustscore_pending_reports", "reports read and not yet made durable", registry=r)
        self.held_back_s = Counter(
            "trustscore_reading_waits_seconds_total", "time in which reading waited for a flush", registry=r
        )
        self.lag = Gauge("trustscore_consumer_lag", "messages not yet read", ["topic", "partition"], registry=r)
        self._lags: set[tuple[str, str]] = set()
        self.entities = Gauge("trustscore_entities", "providers and facets held", ["partition"], registry=r)
        self.chunk_s = Histogram(
            "trustscore_chunk_seconds", "time to decode and fold one chunk", buckets=_SECONDS, registry=r
        )
        self.flush_s = Histogram("trustscore_flush_seconds", "time of one commit", buckets=_SECONDS, registry=r)
        self.score_s = Histogram("trustscore_score_seconds", "time of one scoring tick", buckets=_SECONDS, registry=r)

    def tell_lag(self, lags: Mapping[tuple[str, str], int]) -> None:
        """What waits, by topic and partition. A partition that left is told no more: its new owner counts it."""
        for place in self._lags - lags.keys():
            self.lag.remove(*place)
        for place, waiting in lags.items():
            self.lag.labels(*place).set(waiting)
        self._lags = set(lags)

    def health(self) -> dict[str, Any]:
        """Status, uptime and what is wrong, for ``/health/ready``."""
        trouble = self.trouble | self.lake.trouble()
        status = "starting" if not self.ready else "degraded" if trouble else "ok"
        uptime_s = round(time.monotonic() - self._started_s, 1)
        return {"status": status, "uptime_s": uptime_s, "trouble": trouble}


class _Server(ThreadingHTTPServer):
    """A reader that goes away before its answer is no error of ours."""

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


def serve(telemetry: Telemetry, host: str, port: int) -> ThreadingHTTPServer:
    """Answer ``/metrics``, ``/health/live`` and ``/health/ready`` from a thread; the caller shuts the server down."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path == "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest(telemetry.registry))
            elif self.path == "/health/live":
                self._answer(200, "application/json", b'{"status": "ok"}')
            elif self.path == "/health/ready":
                body = json.dumps(telemetry.health()).encode()
                self._answer(200 if telemetry.ready else 503, "application/json", body)
            else:
                self._answer(404, "text/plain", b"/metrics, /health/live and /health/ready are here\n")

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """Requests are not logged."""

    server = _Server((host, port), Handler)
    threading.Thread(target=server.serve_forever, name="telemetry", daemon=True).start()
    return server
