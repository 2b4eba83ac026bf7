"""Errors of the catalog: each carries the facts of its sentence as attributes."""

from collections.abc import Sequence
from dataclasses import dataclass

from analytics.errors import AnalyticsError

__all__ = ["BadDatabaseUrl", "BadImport", "CatalogError", "Fault", "StoreFailed", "shown"]

_LISTED_FAULTS = 20


class CatalogError(AnalyticsError):
    """Base of every error raised by ``analytics.catalog``."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a file: where, which field, what was wanted, what came, and the next step."""

    file: str
    place: str
    """``line 3`` of a text, ``entry 2`` of a JSON list, or empty for the whole file."""
    field: str
    wanted: str
    got: str
    step: str

    def __str__(self) -> str:
        where = f"{self.file}, {self.place}" if self.place else self.file
        return f"{where}: {self.field} must be {self.wanted}; got {self.got}; {self.step}"


class BadImport(CatalogError):
    """A file of which nothing was taken, with every fault found in it."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        lines = [str(fault) for fault in self.faults[:_LISTED_FAULTS]]
        if len(self.faults) > _LISTED_FAULTS:
            lines.append(f"and {len(self.faults) - _LISTED_FAULTS} more")
        super().__init__("\n".join(lines))


class BadDatabaseUrl(CatalogError):
    """A database address that cannot be used; a password in it is masked."""

    def __init__(self, got: str) -> None:
        self.got = got
        super().__init__(
            f"the database url must be sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME; got {got}; "
            "correct TRUSTSCORE_DATABASE_URL or leave it out"
        )


class StoreFailed(CatalogError):
    """The database of imported entries could not be read or written."""

    def __init__(self, action: str, place: str, reason: str) -> None:
        self.action, self.place, self.reason = action, place, reason
        super().__init__(
            f"imported catalog entries could not be {action} at {place}: {reason}; "
            "check that the file or server is there and that this user may use it"
        )


def shown(value: object) -> str:
    """A value as an error sentence shows it: ASCII, without control characters, at most 60 characters."""
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
