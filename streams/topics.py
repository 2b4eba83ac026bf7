"""Names and configuration of the topics, and their creation before anything reads them."""

import asyncio
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from streams.settings import WorkerSettings

__all__ = [
    "FOLD_TABLE", "PANES", "REJECTS", "REPORTERS", "REPORTS", "SCORES", "SCORE_TABLE", "changelog_of", "ensure_topics",
]  # fmt: skip

REPORTS: Final = "trust.reports"
PANES: Final = "trust.panes"
SCORES: Final = "trust.scores"
REJECTS: Final = "trust.rejects"
REPORTERS: Final = "trust.reporters"
FOLD_TABLE: Final = "fold_panes_v1"
SCORE_TABLE: Final = "score_panes_v1"

_COMPACT: Final = {"cleanup.policy": "compact"}
_LARGE: Final = {"max.message.bytes": str(16 << 20)}
_BROKER_TIME: Final = {"message.timestamp.type": "LogAppendTime"}
"""Lest a producer with a wrong clock vouches for its own reports."""
_HOUR_MS: Final = 3_600_000


def changelog_of(settings: WorkerSettings, table: str) -> str:
    """Name that Faust gives the changelog of a table."""
    return f"{settings.application_id}-{table}-changelog"


def _wanted(settings: WorkerSettings) -> dict[str, dict[str, str]]:
    return {
        REPORTS: {"retention.ms": str(7 * 24 * _HOUR_MS), **_BROKER_TIME},
        PANES: {"retention.ms": str(24 * _HOUR_MS), **_LARGE},
        SCORES: _COMPACT,
        **({REPORTERS: _COMPACT} if settings.weigh_reporters else {}),
        REJECTS: {"retention.ms": str(30 * 24 * _HOUR_MS), **_LARGE},  # a report of the greatest size, and the reason
        changelog_of(settings, FOLD_TABLE): {**_COMPACT, **_LARGE},
        changelog_of(settings, SCORE_TABLE): {**_COMPACT, **_LARGE},
    }


async def ensure_topics(settings: WorkerSettings, attempts: int = 60) -> None:
    """Create the topics that are missing; those that exist stay as they are.

    A topic that does not exist would block its agent for ever, so this runs before the worker.

    Raises
    ------
    ConnectionError
        When the broker cannot be reached within about a minute.
    """
    client = AIOKafkaAdminClient(bootstrap_servers=settings.broker, request_timeout_ms=10_000)
    for attempt in range(attempts):
        try:
            await client.start()
            break
        except Exception as error:
            if attempt == attempts - 1:
                raise ConnectionError(
                    f"Kafka at {settings.broker} must answer; got {error!r}; start it or set TRUSTSCORE_BROKER"
                ) from error
            await asyncio.sleep(1)
    try:
        have = set(await client.list_topics())
        new = [
            NewTopic(name, settings.partitions, settings.replication, topic_configs=config)
            for name, config in _wanted(settings).items()
            if name not in have
        ]
        if new:
            answer = await client.create_topics(new)
            for topic, code, *message in answer.topic_errors:
                refusal = for_code(code)
                if code and refusal is not TopicAlreadyExistsError:
                    raise refusal(f"topic {topic}: {message}")
    finally:
        await client.close()
