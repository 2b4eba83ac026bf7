"""Errors of the client: raised by the constructor, and by ``report`` only when ``strict`` is set."""

__all__ = ["ClientError", "InvalidReport", "InvalidSetting"]


class ClientError(Exception):
    """Base of every error raised by ``trustscore_client``."""


class InvalidReport(ClientError):
    """A report that cannot be used: which field, what was wanted, what came, and the next step."""

    def __init__(self, field: str, wanted: str, got: str, step: str) -> None:
        self.field, self.wanted, self.got, self.step = field, wanted, got, step
        super().__init__(f"{field} must be {wanted}; got {got}; {step}")


class InvalidSetting(ClientError):
    """Settings the client cannot start with; every fault is listed."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        super().__init__("; ".join(faults))
