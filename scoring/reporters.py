"""What each reporter's reports count, and why: the records that ``trust.reporters`` carries."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from scoring.arrays import Ints
from scoring.credibility import Anchors
from scoring.outcomes import Outcomes
from scoring.robust import RobustRates, robust_rates

__all__ = ["LEAST_WEIGHT", "ReporterRecord", "reporter_records"]

LEAST_WEIGHT: Final = 0.05
"""Nobody's reports are left out altogether: one that mends must be able to show it."""
_NAMED: Final = 3
"""Providers that a reason names at most."""


@dataclass(frozen=True, slots=True)
class ReporterRecord:
    """One reporter, as of one window of reports."""

    reporter_id: str
    weight: float
    """Share of its reports that counts, from 0.05 to 1."""
    reports: int
    providers: int
    doubted: float
    """Share of its evidence that others' evidence contradicts."""
    ring: int
    """Reporters of the ring it is in, itself counted; 0: in none."""
    reasons: list[str]
    as_of_s: float
    window_s: float


def reporter_records(
    outcomes: Outcomes,
    reporter_ids: Sequence[str],
    provider_ids: Sequence[str],
    reports: Ints,
    as_of_s: float,
    window_s: float,
    anchors: Anchors | None = None,
) -> list[ReporterRecord]:
    """One record for each reporter that reported, in the order of ``reporter_ids``.

    Parameters
    ----------
    outcomes
        Of one window: reporter, provider, slot, success.
    reporter_ids, provider_ids
        Who the numbers are.
    reports
        Reports of each reporter, [reporters].
    as_of_s, window_s
        End and length of the window.
    anchors
        Checked reports; None: nothing was checked.

    Notes
    -----
    The weight is that of ``robust_rates`` (the believed share of the evidence, divided among the members of a ring,
    times what anchors give), bounded to 0.05 and 1: a report cannot count more than once.

    Examples
    --------
    >>> reporter, provider, slot = (axis.ravel() for axis in np.indices((20, 3, 10)))
    >>> lies = (reporter < 4) & (provider == 0)
    >>> told = Outcomes(reporter, provider, slot, np.where(lies, 0.0, 1.0), 20, 3, 10)
    >>> names = [f"r{number}" for number in range(20)]
    >>> found = reporter_records(told, names, ["a", "b", "c"], np.full(20, 30), 0.0, 600.0)
    >>> round(found[0].weight, 2), found[0].reasons
    (0.67, ['contradicts the others about a'])
    >>> found[5].weight, found[5].reasons
    (1.0, ['agrees with the others where they can be compared'])
    """
    found = robust_rates(outcomes, anchors)
    whole, believed = (found.pairs.by_reporter(found.pairs.spoken * share) for share in (1.0, found.believed))
    return [
        ReporterRecord(
            reporter_id=reporter_ids[row],
            weight=round(float(np.clip(found.weight[row], LEAST_WEIGHT, 1.0)), 4),
            reports=int(reports[row]),
            providers=int((found.pairs.reporter == row).sum()),
            doubted=round(float(1 - believed[row] / whole[row]), 4),
            ring=int(found.ring[row]),
            reasons=_reasons(found, row, provider_ids),
            as_of_s=as_of_s,
            window_s=window_s,
        )
        for row in np.flatnonzero(whole > 0).tolist()
    ]


def _reasons(found: RobustRates, row: int, provider_ids: Sequence[str]) -> list[str]:
    doubted = np.flatnonzero((found.pairs.reporter == row) & (found.believed < 0.5))
    names = [provider_ids[provider] for provider in found.pairs.provider[doubted].tolist()]
    said = []
    if names:
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        said.append(f"contradicts the others about {', '.join(names[:_NAMED])}{more}")
    if found.ring[row]:
        said.append(f"dissents together with {found.ring[row] - 1} others")
    return said or ["agrees with the others where they can be compared"]
