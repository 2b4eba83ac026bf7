"""Whether calls succeeded, by reporter, provider and slot of time, and the same with every voice capped."""

from dataclasses import dataclass

import numpy as np

from scoring.arrays import Floats, Ints
from scoring.errors import ScoringError

__all__ = ["Capped", "InvalidOutcomes", "Outcomes", "capped", "weighted_medians"]


class InvalidOutcomes(ScoringError):
    """Columns of outcomes that do not fit together or hold what is no outcome."""

    def __init__(self, field: str, wanted: str, got: str) -> None:
        self.field, self.wanted, self.got = field, wanted, got
        super().__init__(f"{field} must be {wanted}; got {got}; correct the column")


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Columns of N reports in any order; refused with ``InvalidOutcomes`` when they do not fit."""

    reporter: Ints
    """Row of the reporter, 0..reporters − 1, [N]."""
    provider: Ints
    """Row of the provider, 0..providers − 1, [N]."""
    slot: Ints
    """Slot of time, 0..slots − 1, [N]: a minute, an hour, whatever the caller's window is cut into."""
    success: Floats
    """1 for a call that succeeded, 0 for one that did not, [N]."""
    reporters: int
    providers: int
    slots: int

    def __post_init__(self) -> None:
        lengths = [len(column) for column in (self.reporter, self.provider, self.slot, self.success)]
        if len(set(lengths)) > 1:
            raise InvalidOutcomes("reporter, provider, slot, success", "of one length", repr(lengths))
        for name, rows, limit in (
            ("reporter", self.reporter, self.reporters),
            ("provider", self.provider, self.providers),
            ("slot", self.slot, self.slots),
        ):
            if len(rows) and not 0 <= rows.min() <= rows.max() < limit:
                raise InvalidOutcomes(name, f"from 0 to {limit - 1}", f"{rows.min()} to {rows.max()}")
        if not np.all((self.success >= 0) & (self.success <= 1)):
            raise InvalidOutcomes("success", "numbers from 0 to 1", repr(self.success[:3]))


@dataclass(frozen=True, slots=True)
class Capped:
    """One voice for each reporter, provider and slot: C cells, in K pairs of a reporter and a provider."""

    value: Floats
    """Share of its reports in the slot that were successes, [C]."""
    pair: Ints
    """Row of each cell's pair, [C], ascending."""
    place: Ints
    """``provider × slots + slot`` of each cell, [C]."""
    reporter: Ints
    """Of each pair, [K]."""
    provider: Ints
    """Of each pair, [K]."""
    spoken: Floats
    """Slots in which each pair speaks, at least 1, [K]."""
    reporters: int
    providers: int
    slots: int

    def by_pair(self, amount: Floats) -> Floats:
        """Sum of an amount per cell over each pair's cells, [K]."""
        return _sums(self.pair, amount, len(self.reporter))

    def by_place(self, amount: Floats) -> Floats:
        """Sum of an amount per cell over the cells of each provider and slot, [providers × slots]."""
        return _sums(self.place, amount, self.providers * self.slots)

    def by_provider(self, amount: Floats) -> Floats:
        """Sum of an amount per pair over each provider's pairs, [providers]."""
        return _sums(self.provider, amount, self.providers)

    def by_reporter(self, amount: Floats) -> Floats:
        """Sum of an amount per pair over each reporter's pairs, [reporters]."""
        return _sums(self.reporter, amount, self.reporters)

    def medians(self, values: Floats, weight: Floats) -> Floats:
        """Weighted median over each provider's pairs, [providers]."""
        return weighted_medians(self.provider, values, weight, self.providers)


def capped(outcomes: Outcomes) -> Capped:
    """Outcomes with one voice for each reporter, provider and slot, however many reports it sent.

    Examples
    --------
    >>> rows = np.zeros(4, dtype=np.int64)
    >>> found = capped(Outcomes(np.array([0, 0, 0, 1]), rows, rows, np.array([0.0, 0.0, 1.0, 1.0]), 2, 1, 1))
    >>> found.value.round(3).tolist(), found.reporter.tolist(), found.spoken.tolist()
    ([0.333, 1.0], [0, 1], [1.0, 1.0])
    """
    key = (outcomes.reporter * outcomes.providers + outcomes.provider) * outcomes.slots + outcomes.slot
    cells, inverse, count = np.unique(key, return_inverse=True, return_counts=True)
    value = _sums(inverse, outcomes.success, len(cells)) / count
    both, slot = np.divmod(cells, max(outcomes.slots, 1))
    pairs, pair, spoken = np.unique(both, return_inverse=True, return_counts=True)
    reporter, provider = np.divmod(pairs, max(outcomes.providers, 1))
    return Capped(
        value, pair, provider[pair] * outcomes.slots + slot, reporter, provider, spoken.astype(np.float64),
        outcomes.reporters, outcomes.providers, outcomes.slots,
    )  # fmt: skip


def weighted_medians(group: Ints, values: Floats, weight: Floats, groups: int) -> Floats:
    """Lower weighted median of the values of each group, [groups]; nan for a group without weight.

    The least value at which the weights of all values up to it reach half of the group's.

    >>> who, weight = np.array([0, 0, 0, 2]), np.array([1.0, 1.0, 3.0, 1.0])
    >>> weighted_medians(who, np.array([3.0, 1.0, 2.0, 5.0]), weight, 3).tolist()
    [2.0, nan, 5.0]
    """
    order = np.lexsort((values, group))
    who, upto = group[order], np.cumsum(weight[order])
    total = _sums(group, weight, groups)
    before = np.cumsum(total) - total
    enough = (upto - before[who] >= total[who] / 2) & (total[who] > 0)
    middle = np.full(groups, np.nan)
    found = np.flatnonzero(enough)[::-1]
    middle[who[found]] = values[order][found]
    return middle


def _sums(group: Ints, amount: Floats, groups: int) -> Floats:
    total: Floats = np.bincount(group, amount, groups).astype(np.float64)
    return total
