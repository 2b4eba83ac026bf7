"""Errors of the scoring package: each carries the facts of its sentence as attributes."""

from typing import Self

__all__ = ["InvalidReport", "ScoringError"]


class ScoringError(Exception):
    """Base of every error raised by ``scoring``."""


class InvalidReport(ScoringError):
    """A report that cannot be used: which field, what was wanted, what came, and the next step."""

    def __init__(self, field: str, wanted: str, got: str, step: str, report: str = "") -> None:
        self.field, self.wanted, self.got, self.step, self.report = field, wanted, got, step, report
        of = f" of report {report}" if report else ""
        super().__init__(f"{field}{of} must be {wanted}; got {got}; {step}")

    def kept(self) -> Self:
        """The same, without how it came about.

        Its traceback holds all that the frames held, which hold it in turn where it is put beside what was read: 2 GB
        of messages waited for a collector that comes rarely.
        """
        self.__traceback__ = self.__context__ = self.__cause__ = None
        return self
