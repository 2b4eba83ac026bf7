"""The reports the engine is fed: seeded, about 193 bytes of JSON each, as an agent's client would send them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from analytics.replay.wire import as_arrow, as_json

__all__ = ["ARROW_ROWS", "EVEN", "POOL", "Shape", "arrow_messages", "json_messages", "reports"]

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


@dataclass(frozen=True, slots=True)
class Shape:
    """Who reports about whom, and how the messages are keyed."""

    name: str
    providers: int = 200
    task_types: int = len(TASK_TYPES)
    regions: int = len(REGIONS)
    hot: float = 0.0
    """Share of all reports that is about the first provider."""
    keyed: bool = True
    """By provider, as the client library does; without keys a producer deals them out by the batch."""
    hot_keyed: bool = True
    """Whether the hot provider's are keyed too: then they all lie in one partition."""
    crossed: bool = False
    """Whether every provider does every task (otherwise each has one)."""
    ordered: bool = True
    """Whether event times ascend, as far as late reports let them."""

    def is_keyed(self, provider_id: str) -> bool:
        """Whether a message about this provider has a key."""
        return self.keyed and (self.hot_keyed or not self.hot or provider_id != _provider(0))


EVEN: Final = Shape("even")


def reports(count: int, providers: int, now_s: float, seed: int = 1, shape: Shape = EVEN) -> list[dict[str, Any]]:
    """Reports of ``providers`` providers, by default each with one task type, called from three regions.

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
    shape
        How hot the first provider is, how many tasks and regions there are.
    """
    rng = random.Random(seed)
    tasks = _names(TASK_TYPES, shape.task_types, "task-{:03d}")
    regions = _names(REGIONS, shape.regions, "region-{:02d}")
    made = []
    for number in range(count):
        provider = 0 if shape.hot and rng.random() < shape.hot else rng.randrange(providers)
        made.append(
            {
                "provider_id": _provider(provider),
                "outcome": "success" if rng.random() < SUCCESS else rng.choice(OTHERS),
                "timestamp": round(now_s - rng.random() * AGO_S, 3),
                "latency_ms": round(rng.lognormvariate(5, 0.8), 3),
                "task_type": rng.choice(tasks) if shape.crossed else tasks[provider % len(tasks)],
                "region": rng.choice(regions),
                "reporter_id": f"agent-{rng.randrange(REPORTERS):03d}",
                "report_id": f"{number:08x}",
            }
        )
    return made


def _provider(number: int) -> str:
    return f"provider-{number:05d}"


def _names(known: Sequence[str], count: int, pattern: str) -> Sequence[str]:
    return [*known[:count], *(pattern.format(number) for number in range(len(known), count))]


def json_messages(given: Sequence[dict[str, Any]]) -> list[bytes]:
    """One message a report."""
    return [as_json(report) for report in given]


def arrow_messages(given: Sequence[dict[str, Any]]) -> list[bytes]:
    """One message for every 500 reports."""
    return [as_arrow(given[at : at + ARROW_ROWS]) for at in range(0, len(given), ARROW_ROWS)]
