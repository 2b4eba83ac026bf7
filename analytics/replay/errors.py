"""Errors of replays: each carries the facts of its sentence as attributes."""

from pathlib import Path

from analytics.errors import AnalyticsError

__all__ = ["BadLine", "NotAcknowledged", "ReplayError"]


class ReplayError(AnalyticsError):
    """Base of every error raised by ``analytics.replay``."""


class BadLine(ReplayError):
    """A line that is no report: file, line, field, wanted, got, next step."""

    def __init__(self, file: Path, line: int, field: str, wanted: str, got: str, step: str) -> None:
        self.file, self.line, self.field, self.wanted, self.got, self.step = file, line, field, wanted, got, step
        super().__init__(f"{file.name}, line {line:,}: {field} must be {wanted}; got {got}; {step}")


class NotAcknowledged(ReplayError):
    """Reports that Kafka did not confirm: how many of how many, why, and what to do."""

    def __init__(self, broker: str, read: int, acknowledged: int, reason: str) -> None:
        self.broker, self.read, self.acknowledged, self.reason = broker, read, acknowledged, reason
        super().__init__(
            f"Kafka at {broker} acknowledged {acknowledged:,} of {read:,} reports ({reason}); "
            "send them again once it is back: their report_id tells repeats apart"
        )
