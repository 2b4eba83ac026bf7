"""Seeded reports that state every field sometimes, and figures counted from them the slow and plain way."""

import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

__all__ = ["NOW_S", "latency_us", "minute_counts", "sample_reports"]

NOW_S: Final = 1_800_000_000.0
"""2027-01-15T08:00:00Z"""

_FINDINGS: Final = ("tls_invalid", "leak", "injection")


def sample_reports(
    n: int, seed: int, spread_s: float = 3 * 86_400.0, providers: int = 4, end_s: float = NOW_S
) -> list[dict[str, Any]]:
    """Reports of the ``spread_s`` seconds before ``end_s``, newer times more often, in no order."""
    random_ = random.Random(seed)
    return [_report(random_, spread_s, providers, end_s) for _ in range(n)]


def _report(random_: random.Random, spread_s: float, providers: int, end_s: float) -> dict[str, Any]:
    report: dict[str, Any] = {
        "provider_id": f"provider-{random_.randrange(providers)}",
        "outcome": random_.choice(["success"] * 7 + ["failure", "timeout", "error"]),
        "timestamp": round(end_s - random_.random() ** 3 * spread_s, 6),
    }
    optional = {
        "reporter_id": f"reporter-{random_.randrange(5)}",
        "latency_ms": min(random_.lognormvariate(6, 2), 3.6e6),
        "task_type": random_.choice(["search", "code"]),
        "region": random_.choice(["eu", "us", "asia"]),
        "quality": random_.random(),
        "cost_usd": random_.lognormvariate(-5, 2),
        "data_age_s": min(random_.lognormvariate(8, 4), 1e9),
        "schema_valid": random_.random() < 0.9,
        "rate_limited": random_.random() < 0.1,
        "consistency": random_.choice(["ok", "ok", "stale", "conflict", "lost"]),
        "replication_lag_ms": random_.random() * 500,
        "security": random_.sample(_FINDINGS, random_.randrange(3)),
    }
    return report | {name: value for name, value in optional.items() if random_.random() < 0.8}


def latency_us(report: Mapping[str, Any]) -> int | None:
    """Whole microseconds of an answered call; none where it was not answered or states no latency."""
    if report["outcome"] not in ("success", "failure") or "latency_ms" not in report:
        return None
    return math.floor(float(report["latency_ms"]) * 1_000 + 0.5)


def minute_counts(reports: Sequence[Mapping[str, Any]]) -> Counter[tuple[str, str, str, int]]:
    """Reports per provider, task type, region and minute (epoch seconds)."""
    return Counter(
        (
            report["provider_id"],
            report.get("task_type", ""),
            report.get("region", ""),
            int(report["timestamp"] // 60) * 60,
        )
        for report in reports
    )
