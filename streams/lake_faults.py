"""What keeps the lake from taking a commit: of which kind it is, and what somebody can do about it."""

import re
from enum import StrEnum
from typing import Final

from deltalake.exceptions import CommitFailedError

__all__ = ["Fault", "LakeUnwritable", "unwritable"]


class Fault(StrEnum):
    """Why a commit failed; the label ``reason`` of ``trustscore_lake_failures_total``."""

    FULL = "full"
    REFUSED = "refused"
    MISSING = "missing"
    DAMAGED = "damaged"
    UNREACHABLE = "unreachable"
    CONTENDED = "contended"
    OTHER = "other"


# The texts are those of the operating system, of object stores (S3 error codes) and of deltalake 1.6. The first that
# fits counts: a store that cannot be reached is named with the path that was wanted of it.
_SIGNS: Final = (
    (Fault.FULL, "No space left|Disk quota exceeded|File too large|QuotaExceeded|InsufficientStorage"),
    (Fault.REFUSED, "Read-only file system|Permission denied|Operation not permitted|AccessDenied|403 Forbidden|"
                    "InvalidAccessKeyId|SignatureDoesNotMatch"),
    (Fault.UNREACHABLE, "error sending request|timed out|Connection re|dns error|50[0-4] |SlowDown|ServiceUnavailable|"
                        "Stale file handle|Input/output error"),
    (Fault.MISSING, "Not a directory|No such file|Is a directory|NoSuchBucket|Invalid table version|No files in log|"
                    "does not exist"),
    (Fault.DAMAGED, "Json error|Invalid JSON|parse parquet|Parquet error|checkpoint"),
)  # fmt: skip
_STEPS: Final = {
    Fault.FULL: "free some space there",
    Fault.REFUSED: "let the worker write there",
    Fault.MISSING: "mount it, or put back what was there",
    Fault.DAMAGED: "put its _delta_log back from a backup",
    Fault.UNREACHABLE: "look at the storage and the way to it",
    Fault.CONTENDED: "look who else writes to it",
    Fault.OTHER: "look at the storage",
}
_CAUSE: Final = re.compile(r"[A-Z][\w ,'-]* \(os error \d+\)")
_WHERE: Final = re.compile(
    r" (?:GET|PUT|HEAD|POST|DELETE) \S+| in [\d.]+m?s|, after \d+ retries.*|/?\S*\.(?:parquet|json)\S*"
)
_COLOURS: Final = re.compile("\x1b\\[[0-9]*m|↳")


class LakeUnwritable(Exception):
    """A table of the lake that takes no commit: which, why, and the next step. Nothing of it is acknowledged."""

    def __init__(self, table: str, place: str, fault: Fault, got: str, step: str) -> None:
        self.table, self.place, self.fault, self.got, self.step = table, place, fault, got, step
        super().__init__(
            f"table {table} of the lake {place} takes no commit ({fault}): {got}; "
            f"what was read is kept and tried again: {step}"
        )


def unwritable(table: str, place: str, error: Exception, step: str | None = None) -> LakeUnwritable:
    """The error in our words. Two tries that fail for the same reason give the same sentence.

    Parameters
    ----------
    table, place
        What was written to: name of the table, address of the lake.
    error
        What came of it.
    step
        What to do; absent: what helps with that kind of fault.
    """
    text = _COLOURS.sub("", str(error))
    if isinstance(error, CommitFailedError):
        fault = Fault.CONTENDED
    else:
        fault = next((fault for fault, signs in _SIGNS if re.search(signs, text)), Fault.OTHER)
    return LakeUnwritable(table, place, fault, _said(text), step or _STEPS[fault])


def _said(text: str) -> str:
    """The cause without what changes from try to try: file names, durations, backtraces."""
    if found := _CAUSE.findall(text):
        return str(found[-1])
    lines = [line.strip() for line in text.splitlines()]
    kept = [line for line in lines if line and not re.match(r"\d+: |at |retry_timeout|\d+s?$|10, ", line)]
    return _WHERE.sub("", ": ".join(kept[:4])).strip(" :") or "no reason given"
