"""Ways to make rates of reports that may be lies: simple ones, and ours."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np

from scoring.arrays import Floats
from scoring.outcomes import Capped, Outcomes, capped
from scoring.robust import robust_rates

__all__ = ["DEFENCES"]


def _unweighted(outcomes: Outcomes) -> Floats:
    count = np.bincount(outcomes.provider, minlength=outcomes.providers)
    rates: Floats = np.bincount(outcomes.provider, outcomes.success, outcomes.providers) / np.maximum(count, 1)
    return rates


def _capped(outcomes: Outcomes) -> Floats:
    """Mean over the cells of a provider: one for each reporter and slot."""
    pairs = capped(outcomes)
    return _of_pairs(pairs, pairs.spoken, pairs.by_pair(pairs.value) / pairs.spoken)


def _median(outcomes: Outcomes) -> Floats:
    """Median over the reporters of a provider."""
    pairs = capped(outcomes)
    return pairs.medians(pairs.by_pair(pairs.value) / pairs.spoken, np.ones(len(pairs.spoken)))


def _trimmed(outcomes: Outcomes, part: float = 0.2) -> Floats:
    """Mean over the reporters of a provider without the lowest and the highest fifth."""
    pairs = capped(outcomes)
    rate = pairs.by_pair(pairs.value) / pairs.spoken
    order = np.lexsort((rate, pairs.provider))
    count = np.bincount(pairs.provider, minlength=pairs.providers)
    begin = (np.cumsum(count) - count)[pairs.provider[order]]
    place = (np.arange(len(order)) - begin + 0.5) / count[pairs.provider[order]]
    kept = np.zeros(len(rate))
    kept[order] = (place > part) & (place < 1 - part)
    return _of_pairs(pairs, kept, rate)


def _of_pairs(pairs: Capped, weight: Floats, rate: Floats) -> Floats:
    total = pairs.by_provider(weight)
    mean: Floats = pairs.by_provider(weight * rate) / np.maximum(total, 1e-12)
    return mean


DEFENCES: Final[Mapping[str, Callable[[Outcomes], Floats]]] = {
    "unweighted": _unweighted,
    "capped": _capped,
    "median": _median,
    "trimmed": _trimmed,
    "robust": lambda outcomes: robust_rates(outcomes).rate,
}
