"""Recorded reports as a market: who reported what about whom, in slots of time."""

from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from analytics.errors import InvalidRequest
from analytics.replay.columns import report_columns
from analytics.replay.sources import Format, read
from analytics.replay.wsdream import SLOT_S
from scoring.outcomes import Outcomes

__all__ = ["DAY_S", "SLOTS", "Recorded", "read_market"]

DAY_S: Final = 86_400.0
SLOTS: Final = 60
"""Slots that a file's time is cut into, unless its format has slots of its own."""


class Recorded(NamedTuple):
    """A market read from a file."""

    outcomes: Outcomes
    reporters: tuple[str, ...]
    """Id of each row, in the order of the file."""
    providers: tuple[str, ...]
    slot_s: float


def read_market(path: Path, form: Format) -> Recorded:
    """Reports of a file; one that names no reporter counts as ``anonymous``'s.

    Raises
    ------
    BadLine
        For the first line that is no report.
    InvalidRequest
        For a file without reports.
    """
    columns = report_columns(read(path, form))
    if not len(columns.time_s):
        raise InvalidRequest(str(path), "a file with reports", "none", "give another one")
    first_s, span_s = columns.time_s.min(), float(np.ptp(columns.time_s))
    slot_s = float(SLOT_S) if form is Format.WSDREAM else max(span_s / SLOTS, 1.0) * (1 + 1e-9)
    slot = ((columns.time_s - first_s) // slot_s).astype(np.int64)
    (provider, reporter, _, _), (providers, reporters, _, _) = columns.ids, columns.names
    outcomes = Outcomes(
        reporter, provider, slot, columns.success.astype(np.float64),
        len(reporters), len(providers), int(slot.max()) + 1,
    )  # fmt: skip
    return Recorded(outcomes, reporters, providers, slot_s)
