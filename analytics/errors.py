"""Errors of the analytics package: each says what, where, wanted, got and the next step."""

__all__ = ["AnalyticsError", "InvalidRequest", "InvalidSettings", "Unavailable", "UnknownProvider"]


class AnalyticsError(Exception):
    """Base of every error raised by ``analytics``."""


class InvalidRequest(AnalyticsError):
    """A question that cannot be answered as asked: which argument, what was wanted, what came, the next step."""

    def __init__(self, field: str, wanted: str, got: str, step: str) -> None:
        self.field, self.wanted, self.got, self.step = field, wanted, got, step
        super().__init__(f"{field} must be {wanted}; got {got}; {step}")


class InvalidSettings(AnalyticsError):
    """Settings that cannot be used; all faults at once, one a line."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("settings cannot be used:\n" + "\n".join(f"  {fault}" for fault in faults))


class UnknownProvider(AnalyticsError):
    """A provider that is neither in the catalog nor in any report."""

    def __init__(self, provider_id: str, closest: list[str]) -> None:
        self.provider_id, self.closest = provider_id, closest
        self.step = f"did you mean {', '.join(closest)}?" if closest else "see GET /v1/discover for ids that are known"
        super().__init__(f"provider {provider_id} is neither in the catalog nor in any report; {self.step}")


class Unavailable(AnalyticsError):
    """A part that the answer needs is away: which one, and what to do."""

    def __init__(self, part: str, sentence: str, step: str) -> None:
        self.part, self.sentence, self.step = part, sentence, step
        super().__init__(f"{sentence}; {step}")
