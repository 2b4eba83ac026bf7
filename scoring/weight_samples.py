"""What the dimensions said at some moments, and what came of the calls that followed: what weights are learned from."""

from dataclasses import dataclass

import numpy as np

from scoring.arrays import Bools, Floats, Ints
from scoring.dimensions import capped, credits, decayed
from scoring.panes import Columns, statistics
from scoring.stats import STATS, WINDOWS, covers

__all__ = ["Samples", "samples_of"]


@dataclass(frozen=True, slots=True)
class Samples:
    """N cases of a provider at a moment: its dimensions, and its next calls until the moment after."""

    values: Floats
    """[N, D], each in [0, 1]; nan without evidence."""
    n_effective: Floats
    """[N, D], reports that speak to each, weighted by age."""
    reports: Floats
    """All reports, weighted by age, [N]."""
    calls: Ints
    """Next calls, at least 1, [N]."""
    good: Ints
    """Those of them that went well, [N]."""
    moment: Ints
    """Number of the moment, ascending, [N]."""

    def __len__(self) -> int:
        return len(self.calls)

    def part(self, rows: Bools) -> "Samples":
        """Some of the cases."""
        return Samples(
            self.values[rows],
            self.n_effective[rows],
            self.reports[rows],
            self.calls[rows],
            self.good[rows],
            self.moment[rows],
        )


def samples_of(columns: Columns, good: Bools, moments_s: Floats) -> Samples:
    """The cases of all providers that have reports before a moment and calls between it and the next one.

    Parameters
    ----------
    columns
        N reports in event-time order; ``series`` numbers the providers.
    good
        Whether each call went well, [N].
    moments_s
        Ascending, epoch seconds; the last one only ends.

    Notes
    -----
    Windows are those of the service (``scoring.stats.WINDOWS``), of reports before the moment. Each report enters a
    window once and leaves it once, so time grows with reports, not with moments times reports. Regions are not looked
    at: ``geographic_availability`` stays without evidence.
    """
    time_s = columns.event_us / 1e6
    added = np.zeros((len(time_s), len(STATS)), dtype=np.int64)
    for column, values in statistics(columns).items():
        added[:, column] = values
    providers = len(columns.names)
    windows = np.zeros((providers, len(WINDOWS), len(STATS)), dtype=np.int64)
    held = np.zeros((len(WINDOWS), 2), dtype=np.int64)
    """Rows that each window holds: from, until."""
    parts: list[Samples] = []
    for number, (now_s, next_s) in enumerate(zip(moments_s[:-1].tolist(), moments_s[1:].tolist(), strict=True)):
        here, then = np.searchsorted(time_s, (now_s, next_s))
        for window, each in enumerate(WINDOWS):
            begin = np.searchsorted(time_s, covers(each, now_s)[0])
            _add(windows[:, window], columns.series[held[window, 1] : here], added[held[window, 1] : here], 1)
            _add(windows[:, window], columns.series[held[window, 0] : begin], added[held[window, 0] : begin], -1)
            held[window] = begin, here
        calls = np.bincount(columns.series[here:then], minlength=providers)
        went_well = np.bincount(columns.series[here:then], good[here:then], providers).astype(np.int64)
        sums = decayed(windows)
        n_effective = credits(sums).n
        rows = (calls > 0) & (n_effective[:, 0] > 0)
        parts.append(
            Samples(
                capped(windows[rows], sums[rows]),
                n_effective[rows],
                n_effective[rows, 0],
                calls[rows],
                went_well[rows],
                np.full(int(rows.sum()), number),
            )
        )
    return Samples(*(np.concatenate([getattr(part, name) for part in parts]) for name in Samples.__dataclass_fields__))


def _add(sums: Ints, series: Ints, added: Ints, sign: int) -> None:
    if len(series):
        order = np.argsort(series, kind="stable")
        ordered = series[order]
        starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
        sums[ordered[starts]] += sign * np.add.reduceat(added[order], starts)
