"""Settings of the worker, read from the environment once, in ``streams.worker``."""

from typing import Final, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from scoring.weights import StatedBadly
from streams.weights import adopted_weights

__all__ = ["WorkerSettings"]

PREFIX: Final = "TRUSTSCORE_"


class WorkerSettings(BaseSettings):
    """Every setting of ``python -m streams.worker``; the environment variable is ``TRUSTSCORE_`` and the name."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore")

    broker: str = Field(default="127.0.0.1:9092", description="host:port of Kafka, several with commas")
    application_id: str = Field(default="trustscore", description="consumer group and prefix of the changelog topics")
    partitions: int = Field(
        default=4, ge=1, le=10_000, description="partitions of every topic, where they are to be created"
    )
    replication: int = Field(default=1, ge=1, le=7, description="replicas of every topic, where they are to be created")
    compression: Literal["lz4", "gzip", "snappy", "zstd"] | None = Field(
        default=None,
        description="of what the worker sends; panes and state are small already, scores shrink to a fifth",
    )
    lake: str = Field(
        default="trustscore-data/lake",
        description="directory of the Delta tables, or an address such as s3://bucket/prefix; empty: none",
    )
    lake_flush_s: float = Field(default=2.0, gt=0, le=60, description="seconds between commits of state and lake")
    tick_s: float = Field(
        default=0.03, gt=0, le=10, description="least seconds between messages from the fold to the scores"
    )
    score_s: float = Field(
        default=1.0,
        gt=0,
        le=60,
        description="seconds between scores of the same provider; at a task and in a region five times as long",
    )
    dedup_window_s: float = Field(
        default=120.0, ge=0, le=86_400, description="seconds within which a report id counts once; 0: whenever it comes"
    )
    weigh_reporters: bool = Field(
        default=False,
        description="whether of each reporter only the share of its reports counts that trust.reporters gives it",
    )
    weights: str = Field(
        default="",
        description="file of the weights that scores are made with, as `trustscore weights fit --out` writes it; "
        "empty: the default weights",
    )
    poll_records: int = Field(default=20_000, ge=1, description="most reports in one chunk")
    pending_rows: int = Field(
        default=1_000_000, ge=1_000, description="reports waiting for the lake at which the worker stops reading"
    )
    session_timeout_s: float = Field(
        default=10.0, ge=1, description="seconds without a heartbeat after which the group goes on without the worker"
    )
    request_timeout_s: float = Field(
        default=30.0,
        ge=5,
        description="seconds after which a connection that does not answer is given up; > the session",
    )
    stall_s: float = Field(
        default=60.0, gt=0, description="seconds without progress, while there is work, after which the worker restarts"
    )
    reject_ratio: float = Field(
        default=0.5, gt=0, le=1, description="share of unusable messages at which the worker stops; 1: never"
    )
    reject_window: int = Field(default=10_000, ge=100, description="messages over which that share is taken")
    worker_host: str = Field(default="127.0.0.1", description="address of the worker's /metrics and /health")
    worker_port: int = Field(
        default=0, ge=0, le=65_535, description="port of the worker's /metrics and /health; 0: none"
    )

    @field_validator("weights")
    @classmethod
    def _can_be_adopted(cls, value: str) -> str:
        try:
            adopted_weights(value)
        except StatedBadly as fault:
            raise ValueError(str(fault)) from None
        return value
