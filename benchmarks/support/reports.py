"""The reports the engine is fed: seeded, about 193 bytes of JSON each, as an agent's client would send them."""

import random
from collections.abc import Sequence
from typing import Any, Final

from analytics.replay.wire import as_arrow, as_json

__all__ = ["ARROW_ROWS", "POOL", "arrow_messages", "json_messages", "reports"]

POOL: Final = 200_000
"""Distinct reports; a longer topic repeats them."""
ARROW_ROWS: Final = 500
AGO_S: Final = 600.0
"""Event times lie in this many seconds before now: ten minutes of panes."""
TASK_TYPES: Final = (
    "web_search",
    "file_read",
    "sql_query",
    "send_mail",
    "translate",
    "geocoding",
    "summarize",
    "weather",
)
REGIONS: Final = ("eu-west-1", "us-east-1", "ap-east-1")
REPORTERS: Final = 50
SUCCESS: Final = 0.93
OTHERS: Final = ("failure", "timeout", "error")


def reports(count: int, providers: int, now_s: float, seed: int = 1) -> list[dict[str, Any]]:
    """Reports of ``providers`` providers, each with one task type, called from three regions.

    Parameters
    ----------
    count
        How many.
    providers
        Drawn evenly.
    now_s
        Latest event time, epoch seconds.
    seed
        Same seed, same reports.
    """
    rng = random.Random(seed)
    made = []
    for number in range(count):
        provider = rng.randrange(providers)
        made.append(
            {
                "provider_id": f"provider-{provider:05d}",
                "outcome": "success" if rng.random() < SUCCESS else rng.choice(OTHERS),
                "timestamp": round(now_s - rng.random() * AGO_S, 3),
                "latency_ms": round(rng.lognormvariate(5, 0.8), 3),
                "task_type": TASK_TYPES[provider % len(TASK_TYPES)],
                "region": rng.choice(REGIONS),
                "reporter_id": f"agent-{rng.randrange(REPORTERS):03d}",
                "report_id": f"{number:08x}",
            }
        )
    return made


def json_messages(given: Sequence[dict[str, Any]]) -> list[bytes]:
    """One message a report."""
    return [as_json(report) for report in given]


def arrow_messages(given: Sequence[dict[str, Any]]) -> list[bytes]:
    """One message for every 500 reports."""
    return [as_arrow(given[at : at + ARROW_ROWS]) for at in range(0, len(given), ARROW_ROWS)]
