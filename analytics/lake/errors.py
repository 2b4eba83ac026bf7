"""What can be wrong with a lake, each with its next step."""

from analytics.errors import AnalyticsError

__all__ = ["LakeError", "NoLake", "UnreadableTable"]


class LakeError(AnalyticsError):
    """Base of what can be wrong with a lake."""


class NoLake(LakeError):
    """A path at which there is no lake: what is there instead, and the next step."""

    def __init__(self, path: str, got: str) -> None:
        self.path, self.got = path, got
        self.step = "give the directory that holds reports/, panes/, scores/ (TRUSTSCORE_LAKE of the worker)"
        super().__init__(f"{path} is no lake: {got}; {self.step}")


class UnreadableTable(LakeError):
    """A table, or a file of it, that cannot be read: which, and what was wrong."""

    def __init__(self, table: str, place: str, got: str, step: str) -> None:
        self.table, self.place, self.got, self.step = table, place, got, step
        super().__init__(f"table {table} of the lake {place} cannot be read: {got}; {step}")
