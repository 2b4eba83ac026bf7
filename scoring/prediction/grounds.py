"""Predictions, and what each rests on: counts, rates, and what every kind of evidence adds to the log odds."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from scoring.arrays import Floats, Ints
from scoring.prediction.choosing import worth
from scoring.prediction.clues import FEATURES
from scoring.prediction.evidence import View
from scoring.prediction.mixing import logistic

__all__ = ["PARTS", "Grounds", "Predictions", "grounds_of"]

_KINDS: Final = (
    ("provider at this task", "task"),
    ("provider in this region", "region"),
    ("region", "region"),
    ("provider's latency", "latency"),
    ("reporter's latency", "latency"),
    ("last latency", "latency"),
    ("mean latency", "latency"),
    ("latency step", "latency"),
    ("provider's", "provider"),
    ("reporter's", "caller"),
    ("pair", "pair"),
    ("expected of the pair", "pair"),
    ("calls alike", "alike"),
    ("always", "usual"),
)
"""Kind of a feature, by how its name begins; the first that fits."""
PARTS: Final = ("usual", "provider", "caller", "pair", "task", "region", "latency", "alike", "calibration")
"""What adds up to the log odds of success."""
_QUICK, _PAIR_QUICK = 1, 2
"""Rates that are told: memory of 20 reports of a provider or reporter, of 12 of a pair."""


@dataclass(frozen=True, slots=True)
class Predictions:
    """Of N calls; arrays [N]."""

    success: Floats
    """Probability that the call succeeds for this caller."""
    score: Floats
    """Probability that a call to the provider succeeds, whoever calls: failures that are a caller's own left out."""
    latency_ms: Floats
    """Quantiles 5 %, 50 % and 95 % of the latency, [3, N]; the first and the last are a 90 % interval."""

    @property
    def worth(self) -> Floats:
        """What to compare providers by for this caller."""
        return worth(self.success.astype(np.float64), self.latency_ms[2])


@dataclass(frozen=True, slots=True)
class Grounds:
    """What predictions of N calls rest on; arrays [N]."""

    predictions: Predictions
    provider_reports: Ints
    """Reports learned of the provider; so of the reporter and of the pair."""
    reporter_reports: Ints
    pair_reports: Ints
    usual_rate: Floats
    """Success rate of the provider's peers at the task, or of all."""
    provider_rate: Floats
    """Success rate with a memory of 20 reports, shrunk to what is usual; so of the reporter."""
    reporter_rate: Floats
    pair_rate: Floats
    """With a memory of 12 reports, shrunk to what provider and reporter make expect."""
    pair_failures: Ints
    """Failed ones of the pair's last eight calls (or fewer, when there were fewer)."""
    parts: dict[str, Floats]
    """What each of ``PARTS`` adds to ln(p / (1 − p)); they add up to it."""


def grounds_of(predictions: Predictions, view: View, shares: Floats) -> Grounds:
    """What was known as figures to tell.

    Parameters
    ----------
    predictions
        Of N calls.
    view
        What was known before them.
    shares
        What each feature added to the log odds, [N, F], in the order of ``FEATURES``.
    """
    parts = {part: np.zeros(len(shares)) for part in PARTS}
    for column, name in enumerate(FEATURES):
        parts[_kind(name)] += shares[:, column]
    success = predictions.success
    parts["calibration"] = np.log(success / (1 - success)) - shares.sum(axis=1)
    return Grounds(
        predictions=predictions,
        provider_reports=view.provider_seen,
        reporter_reports=view.reporter_seen,
        pair_reports=view.pair_seen,
        usual_rate=view.parent.astype(np.float64),
        provider_rate=logistic(view.provider[_QUICK]).astype(np.float64),
        reporter_rate=logistic(view.reporter[_QUICK]).astype(np.float64),
        pair_rate=logistic(view.pair[_PAIR_QUICK]).astype(np.float64),
        pair_failures=np.array([past.bit_count() for past in view.past.tolist()], dtype=np.int64),
        parts=parts,
    )


def _kind(feature: str) -> str:
    return next(kind for begin, kind in _KINDS if feature.startswith(begin))
