"""Reports as agents send them: drawn from a seed, as JSON or Arrow messages, counted the plain way."""

import json
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from scoring.reports import OUTCOMES
from tests.support.wire_cases import ARROW_HEADER, arrow_bytes, arrow_table

__all__ = ["Message", "as_arrow", "as_json", "outcomes", "traffic"]

Message = tuple[bytes | None, bytes | None, Sequence[tuple[str, bytes]]]
"""Key, value and headers."""


def traffic(seed: int, n: int, first_id: int = 0, providers: int = 20) -> list[dict[str, Any]]:
    """Reports of the last hour, each with an id of its own."""
    rng, now_s = random.Random(seed), time.time()
    return [
        {
            "provider_id": f"p{rng.randrange(providers)}",
            "outcome": rng.choices(OUTCOMES, (90, 5, 3, 2))[0],
            "timestamp": now_s - rng.uniform(0, 3_600),
            "report_id": str(first_id + at),
            "latency_ms": round(rng.lognormvariate(5, 1), 3),
            "task_type": rng.choice(("search", "write")),
            "region": rng.choice(("eu", "us")),
        }
        for at in range(n)
    ]


def as_json(reports: Sequence[Mapping[str, Any]], keyed: bool = True) -> list[Message]:
    """A message each, keyed by the provider or not at all."""
    return [(r["provider_id"].encode() if keyed else None, json.dumps(r).encode(), ()) for r in reports]


def as_arrow(reports: Sequence[Mapping[str, Any]]) -> Message:
    """All of them in one message."""
    return None, arrow_bytes(arrow_table(reports)), [ARROW_HEADER]


def outcomes(reports: Sequence[Mapping[str, Any]], *by: str) -> dict[tuple[Any, ...], int]:
    """How many reports there are of each outcome and the fields named."""
    return dict(Counter(tuple(report[name] for name in (*by, "outcome")) for report in reports))
