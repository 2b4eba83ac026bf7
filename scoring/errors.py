"""Errors of the scoring package: each carries the facts of its sentence as attributes."""

__all__ = ["InvalidReport", "ScoringError"]


class ScoringError(Exception):
    """Base of every error raised by ``scoring``."""


class InvalidReport(ScoringError):
    """A report that cannot be used: which field, what was wanted, what came, and the next step."""

    def __init__(self, field: str, wanted: str, got: str, step: str, report: str = "") -> None:
        self.field, self.wanted, self.got, self.step, self.report = field, wanted, got, step, report
        of = f" of report {report}" if report else ""
        super().__init__(f"{field}{of} must be {wanted}; got {got}; {step}")
