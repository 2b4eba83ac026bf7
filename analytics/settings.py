"""Settings of the analytics processes, read from the environment only where a process is composed."""

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from analytics.errors import InvalidSettings

__all__ = ["PANES_TOPIC", "REPORTERS_TOPIC", "REPORTS_TOPIC", "SCORES_TOPIC", "Settings", "load_settings"]

REPORTS_TOPIC: Final = "trust.reports"
PANES_TOPIC: Final = "trust.panes"
SCORES_TOPIC: Final = "trust.scores"
REPORTERS_TOPIC: Final = "trust.reporters"


class Settings(BaseSettings):
    """Every field has a default that serves one machine; each is read from ``TRUSTSCORE_<NAME>``."""

    model_config = SettingsConfigDict(env_prefix="TRUSTSCORE_", frozen=True, extra="ignore")

    broker: Annotated[str, Field(pattern=r"^[^\s,]+:\d{1,5}(,[^\s,]+:\d{1,5})*$")] = "127.0.0.1:9092"
    """Kafka bootstrap servers, ``host:port``, comma-separated."""
    application_id: Annotated[str, Field(min_length=1)] = "trustscore"
    """Consumer group of the workers: the server asks it how far they are."""
    lake: str | None = "trustscore-data/lake"
    """Directory of the lake, or its address, such as ``s3://bucket/prefix``; empty: no lake."""
    maintain_s: Annotated[float, Field(ge=1, le=86_400)] = 300.0
    """Seconds between two rounds of ``trustscore lake maintain``: retention, then compaction."""
    vacuum_hours: Annotated[int, Field(ge=1, le=8_760)] = 24
    """Hours after which ``trustscore lake maintain`` deletes files that compaction or retention took out."""
    keep_reports_days: Annotated[int, Field(ge=1)] | None = None
    """Days that reports stay in the lake; absent: for ever. With fewer than 92, old scores cannot be verified."""
    keep_panes_days: Annotated[int, Field(ge=1)] | None = None
    """Days that one-minute panes, and so the history, stay in the lake; absent: for ever."""
    keep_scores_days: Annotated[int, Field(ge=1)] | None = None
    """Days that emitted scores stay in the lake; absent: for ever."""
    keep_rejects_days: Annotated[int, Field(ge=1)] | None = None
    """Days that rejects stay in the lake; absent: for ever."""
    data_dir: Path = Path("trustscore-data")
    """Directory of the catalog's database and of what else this machine keeps."""
    http_host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    """Address the server binds."""
    http_port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    """Port the server binds; 0: any free one."""
    partitions: Annotated[int, Field(ge=1, le=10_000)] = 4
    """Partitions of a topic that this process has to create."""
    url: str | None = None
    """Address of a running server for the command line, such as ``http://127.0.0.1:8080``; absent: asked directly."""
    away_s: Annotated[float, Field(gt=0, le=3_600)] = 5.0
    """Seconds without a word from Kafka after which answers come from the lake."""
    produce_timeout_s: Annotated[float, Field(gt=0, le=600)] = 10.0
    """Seconds to wait for Kafka's acknowledgement of a report."""
    database_url: str | None = None
    """Database of imported catalog entries; absent: SQLite in ``data_dir``. May hold a password: never shown."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least severity of what the server logs."""
    explore_share: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Share of rank calls that recommend a provider with few reports, to learn about it."""

    predict_rate: Annotated[float, Field(ge=0, le=1e6)] = 5_000.0
    """Reports a second, at most, that the server learns from to predict for single callers; 0: it predicts nothing."""
    weigh_window_s: Annotated[float, Field(ge=900, le=7_776_000)] = 86_400.0
    """Seconds of reports over which reporters are weighed against each other."""
    predict_reports: Annotated[int, Field(ge=1_000, le=10_000_000)] = 100_000
    """Last reports that the server learns from when it starts, and begins anew from when it knows too many callers."""

    @field_validator(
        "lake", "keep_reports_days", "keep_panes_days", "keep_scores_days", "keep_rejects_days", mode="before"
    )
    @classmethod
    def _empty_is_off(cls, value: object) -> object:
        return None if value == "" else value


def load_settings(**overrides: object) -> Settings:
    """Settings from the environment, ``overrides`` first.

    Raises
    ------
    InvalidSettings
        With every fault: variable, wanted, got.

    Examples
    --------
    >>> load_settings(http_port=0).http_port
    0
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]  # pydantic checks what came
    except ValidationError as fault:
        listed = [
            f"TRUSTSCORE_{'_'.join(str(part) for part in error['loc']).upper()}: {error['msg']}; got {error['input']!r}"
            for error in fault.errors(include_url=False)
        ]
        raise InvalidSettings(listed) from None
