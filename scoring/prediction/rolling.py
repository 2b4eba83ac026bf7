"""A predictor over named callers that holds what the last reports told: bounded, whatever names come."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from scoring.arrays import Bools, Floats, Ints
from scoring.prediction.calls import ABSENT, Calls, InvalidCalls, Outcomes
from scoring.prediction.grounds import PARTS, Grounds
from scoring.prediction.predictor import Predictor
from scoring.prediction.stretches import Expected, NextCalls

__all__ = ["COARSE", "Forecast", "Heard", "Rolling"]

YOUNG: Final = 20_000
"""Reports that a new predictor learns in fine steps, since it has everything to learn."""
FINE: Final = (64, 512)
COARSE: Final = (1_024, 4_096)
"""Step and block after that. Coarser than a file is replayed with: 3 to 4 instead of 13 µs a report, for a Brier score
of .0171 instead of .0165 on the WS-DREAM development half."""
_FACETS: Final = 4
"""Provider, reporter, task, region."""


@dataclass(frozen=True, slots=True)
class Heard:
    """N reports as they came; sequences of equal length."""

    provider_id: Sequence[str]
    reporter_id: Sequence[str | None]
    """None: nobody in particular; so of task and region."""
    task_type: Sequence[str | None]
    region: Sequence[str | None]
    success: Bools
    latency_ms: Floats
    """nan where not stated."""

    def __len__(self) -> int:
        return len(self.provider_id)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What one caller may expect of one provider, and why."""

    success: float
    """Probability."""
    latency_p50_ms: float
    latency_p95_ms: float
    provider_reports: int
    """Reports that this rests on: of the provider, of the caller, of this caller about this provider."""
    reporter_reports: int
    pair_reports: int
    usual_rate: float
    """Success rate of the provider's peers at the task, or of all."""
    provider_rate: float
    """Of about the last 20 reports, drawn to what is usual; so of the reporter, and of the pair (12 reports)."""
    reporter_rate: float
    pair_rate: float
    pair_failures: int
    """Of the pair's last eight calls."""
    next_calls: Expected
    """Of the provider's next calls, whoever makes them."""
    parts: dict[str, float]
    """What each kind of evidence adds to ln(p / (1 − p)); they add up to it."""


class Rolling:
    """Learns reports in the order they come, and predicts for named callers.

    Parameters
    ----------
    keep
        Reports, at least 1, that are kept to begin anew from. When more than ``2 keep`` pairs, or names of one kind,
        are known, the predictor is made anew from the last ``keep`` reports; so it never holds more than these and
        those of one run, however many callers there are or make up names.

    Examples
    --------
    >>> up = Heard(["a"] * 50, ["me"] * 50, [None] * 50, [None] * 50, np.ones(50, bool), np.full(50, 20.0))
    >>> known = Rolling(keep=1_000)
    >>> known.learn(up)
    >>> found = known.forecast("a", "me")
    >>> found.success > 0.95, found.pair_reports
    (True, 50)
    """

    def __init__(self, keep: int) -> None:
        if keep < 1:
            raise InvalidCalls("keep", "at least 1", repr(keep))
        self.keep = keep
        self.learned = 0
        """Reports so far."""
        self._numbers: tuple[dict[str, int], ...] = ({}, {}, {}, {})
        self._predictor, self._next_calls = Predictor(*FINE), NextCalls()
        self._taught = 0
        self._ids: Ints = np.empty((0, _FACETS), dtype=np.int64)
        self._outcomes: Floats = np.empty((0, 2))

    @property
    def known_pairs(self) -> int:
        """Pairs of a reporter and a provider that state is held of."""
        return self._predictor.pairs

    def learn(self, heard: Heard) -> None:
        """Take reports in."""
        if not len(heard):
            return
        ids = np.column_stack(
            [
                _numbered(known, names)
                for known, names in zip(
                    self._numbers, (heard.provider_id, heard.reporter_id, heard.task_type, heard.region), strict=True
                )
            ]
        )
        outcomes = np.column_stack([heard.success.astype(np.float64), heard.latency_ms])
        self._ids = np.concatenate([self._ids, ids])[-self.keep :]
        self._outcomes = np.concatenate([self._outcomes, outcomes])[-self.keep :]
        self._take(ids, outcomes)
        self.learned += len(heard)
        if max(self.known_pairs, *map(len, self._numbers)) > 2 * self.keep:
            self._begin_anew()

    def forecast(
        self, provider_id: str, reporter_id: str | None = None, task_type: str | None = None, region: str | None = None
    ) -> Forecast:
        """What this caller may expect now; of names that were never heard, what is usual."""
        provider, reporter, task, region_id = (
            ABSENT if name is None else known.get(name, ABSENT)
            for known, name in zip(self._numbers, (provider_id, reporter_id, task_type, region), strict=True)
        )
        stranger = provider == ABSENT
        ids = [len(self._numbers[0]) if stranger else provider, reporter, task, region_id]
        grounds = self._predictor.grounds(_calls(np.array([ids], dtype=np.int64)))
        return _told(grounds, self._next_calls.expected(provider, float(grounds.predictions.success[0])))

    def _take(self, ids: Ints, outcomes: Floats) -> None:
        young = max(0, YOUNG - self._taught)
        for rows, (step, block) in ((slice(0, young), FINE), (slice(young, None), COARSE)):
            if len(ids[rows]):
                self._predictor.step, self._predictor.block = step, block
                good = outcomes[rows, 0] > 0
                said = self._predictor.learn(_calls(ids[rows]), Outcomes(good, outcomes[rows, 1]))
                self._next_calls.learn(ids[rows, 0], good, said.success.astype(np.float64))
        self._taught += len(ids)

    def _begin_anew(self) -> None:
        """Forget all but the last reports."""
        names = [list(known) for known in self._numbers]
        ids = np.empty_like(self._ids)
        fresh: list[dict[str, int]] = []
        for facet in range(_FACETS):
            used, numbers = np.unique(self._ids[:, facet], return_inverse=True)
            missing = int(used[0] == ABSENT)
            ids[:, facet] = numbers - missing
            fresh.append({names[facet][old]: number for number, old in enumerate(used[missing:].tolist())})
        self._numbers, self._ids = tuple(fresh), ids
        self._predictor, self._next_calls, self._taught = Predictor(*FINE), NextCalls(), 0
        self._take(ids, self._outcomes)


def _numbered(known: dict[str, int], names: Iterable[str | None]) -> Ints:
    return np.array([ABSENT if name is None else known.setdefault(name, len(known)) for name in names], dtype=np.int64)


def _calls(ids: Ints) -> Calls:
    columns = np.ascontiguousarray(ids.T)
    return Calls(np.zeros(len(ids)), *columns)


def _told(grounds: Grounds, next_calls: Expected) -> Forecast:
    predictions = grounds.predictions
    return Forecast(
        success=float(predictions.success[0]),
        latency_p50_ms=float(predictions.latency_ms[1, 0]),
        latency_p95_ms=float(predictions.latency_ms[2, 0]),
        provider_reports=int(grounds.provider_reports[0]),
        reporter_reports=int(grounds.reporter_reports[0]),
        pair_reports=int(grounds.pair_reports[0]),
        usual_rate=float(grounds.usual_rate[0]),
        provider_rate=float(grounds.provider_rate[0]),
        reporter_rate=float(grounds.reporter_rate[0]),
        pair_rate=float(grounds.pair_rate[0]),
        pair_failures=int(grounds.pair_failures[0]),
        next_calls=next_calls,
        parts={part: float(grounds.parts[part][0]) for part in PARTS},
    )
