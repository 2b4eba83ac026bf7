"""All that a score is made from: sums, histograms, the own baseline, the regions."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from scoring.anomalies import Baseline
from scoring.arrays import Floats, Ints
from scoring.errors import ScoringError
from scoring.stats import BUCKETS, QUANTILE_WINDOWS, STATS, WINDOWS
from scoring.tables import DIMENSIONS

__all__ = ["Evidence", "InvalidEvidence", "together"]


class InvalidEvidence(ScoringError):
    """An array of the wrong shape: which, what was wanted, what came."""

    def __init__(self, name: str, wanted: tuple[int, ...], got: tuple[int, ...]) -> None:
        self.name, self.wanted, self.got = name, wanted, got
        super().__init__(f"{name} of the evidence must have shape {wanted}; got {got}; fill what is missing with 0")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of E entities at one moment, one row each.

    Raises
    ------
    InvalidEvidence
        When the arrays disagree about their shapes.
    """

    windows: Ints
    """Sums of ``STATS`` per window of ``WINDOWS``, [E, 6, S]; each window holds the one before it."""
    sketches: Ints
    """Latency histograms per window of ``QUANTILE_WINDOWS``, [E, 3, BUCKETS]."""
    baseline: Baseline
    """From closed panes, arrays [E, D]."""
    last_report_s: Floats
    """Event time of the newest report, epoch seconds, [E]; nan when none."""
    region_windows: Ints
    """Window sums of the regions of these entities, [R, 6, S]; R may be 0."""
    region_of: Ints
    """Row of the entity each region belongs to, [R]."""

    def __post_init__(self) -> None:
        entities, regions = len(self.windows), len(self.region_of)
        sums = (len(WINDOWS), len(STATS))
        wanted = {
            "windows": (self.windows, (entities, *sums)),
            "sketches": (self.sketches, (entities, len(QUANTILE_WINDOWS), BUCKETS)),
            "baseline": (self.baseline.median, (entities, len(DIMENSIONS))),
            "last_report_s": (self.last_report_s, (entities,)),
            "region_windows": (self.region_windows, (regions, *sums)),
            "region_of": (self.region_of, (regions,)),
        }
        for name, (array, shape) in wanted.items():
            if np.shape(array) != shape:
                raise InvalidEvidence(name, shape, np.shape(array))


def together(parts: Sequence[Evidence]) -> Evidence:
    """The entities of all parts, one after the other; at least one part must be given."""
    if len(parts) == 1:
        return parts[0]
    before = np.cumsum([0] + [len(part.windows) for part in parts])
    usual = [part.baseline for part in parts]
    return Evidence(
        windows=np.concatenate([part.windows for part in parts]),
        sketches=np.concatenate([part.sketches for part in parts]),
        baseline=Baseline(*(np.concatenate([getattr(one, of.name) for one in usual]) for of in fields(Baseline))),
        last_report_s=np.concatenate([part.last_report_s for part in parts]),
        region_windows=np.concatenate([part.region_windows for part in parts]),
        region_of=np.concatenate([part.region_of + rows for part, rows in zip(parts, before, strict=False)]),
    )
