"""What is remembered of providers, reporters and pairs of them, and what it says about calls before they end."""

from typing import Final, NamedTuple

import numpy as np

from scoring.arrays import Ints
from scoring.prediction.calls import Calls, Outcomes
from scoring.prediction.facets import Facets
from scoring.prediction.levels import Level, Seen
from scoring.prediction.mixing import logistic, logit
from scoring.prediction.pairs import Pairs
from scoring.prediction.runs import Runs, Singles, runs_of

__all__ = ["Delays", "Evidence", "Subject", "View"]

_OWN: Final = (0.8, 0.95, 0.99, 0.998)
"""What a report leaves of the earlier ones in an own rate: memories of 5, 20, 100 and 500 reports."""
_PAIR: Final = (0.4, 0.75, 0.92, 0.99)
_HISTORY: Final = 0.5
_ONE: Final = np.float32(1.0)
_STRENGTH: Final = np.full((4, 1), 1.5, dtype=np.float32)
_PAIR_STRENGTH: Final = np.array([[0.3], [1.5], [1.5], [1.5]], dtype=np.float32)
_REPORTER_SHARE: Final = np.float32(0.7)
"""How much of a reporter's distance from the mean, as logits, is expected where it was not seen yet."""
_ALL_DECAY: Final = 0.999
_RATES: Final = slice(0, 4)
_PAST, _QUICK, _SLOW = 4, 5, 6
"""Columns behind the rates: failures as bits, the newest first; latency with a short and a long memory."""
_USUAL: Final = np.float32(6.0)
"""ln(1 + ms) of a provider nobody has called: 0.4 s."""


class Subject(NamedTuple):
    """Rows of the subjects of N calls, and their runs where the calls are learned."""

    rows: Ints
    runs: Runs | None

    def see(self, level: Level, add: Singles | None) -> Seen:
        """What is known before each call, which adds [C, N]; None: the outcome is not known."""
        return level.before(self.rows) if add is None or self.runs is None else level.learn(self.runs, add)


class Delays(NamedTuple):
    """Latencies as ln(1 + ms), each [N]."""

    last: Singles
    """Of the pair; the provider's where the pair was never seen."""
    mean: Singles
    provider: Singles
    provider_slow: Singles


class View(NamedTuple):
    """What is known before N calls."""

    parent: Singles
    """Success rate of the provider's peers at the task, or of all, [N]."""
    pair_row: Ints
    provider_seen: Ints
    reporter_seen: Ints
    pair_seen: Ints
    """Reports so far, [N]."""
    provider: Singles
    """Logits of the rates, shortest memory first, [4, N]; so the reporter's and the pair's."""
    reporter: Singles
    pair: Singles
    expected: Singles
    """Logit of the pair from provider and reporter alone, [N]."""
    facets: Singles
    """What task and region change, logits, [6, N]; 0 where they are not stated."""
    past: Ints
    """The pair's last eight calls as bits, the newest highest, 1 a failure; [N]."""
    provider_past: Ints
    """The provider's last eight calls as ``past``; [N]."""
    delays: Delays
    surprises: Singles
    """Recent success above expectation: provider, provider slow, reporter, reporter slow, pair; then the
    reporter's latency above the pair's mean; [6, N]."""


class Evidence:
    """Decayed sums about everything calls have in common. Grows with what it sees."""

    def __init__(self) -> None:
        self.provider = Level((*_OWN, _HISTORY, 0.9, 0.995))
        self.reporter = Level((*_OWN, _HISTORY))
        self.pair = Level((*_PAIR, _HISTORY, 0.0, 0.8))
        self.provider_surprise = Level((0.8, 0.98))
        self.reporter_surprise = Level((0.8, 0.98, 0.9))
        self.pair_surprise = Level((0.9,))
        self.facets = Facets()
        self.pairs = Pairs()
        self._good, self._calls = 0.95, 1.0

    def look(self, calls: Calls, outcomes: Outcomes | None = None) -> View:
        """What is known before each call; with ``outcomes`` each is learned before the next one is looked at.

        A latency that is not known is taken as expected, so it teaches nothing.
        """
        subjects = self._subjects(calls, learning=outcomes is not None)
        success = None if outcomes is None else outcomes.success.astype(np.float32)
        latency = None if outcomes is None else self._latency(subjects, outcomes)
        of_provider, of_reporter, of_pair = (
            subject.see(level, _added(level, success, latency))
            for subject, level in zip(subjects, (self.provider, self.reporter, self.pair), strict=True)
        )
        overall = np.float32(self._good / self._calls)
        if success is not None:
            self._count(success)
        parent, peers = self.facets.peers(calls, success, overall)
        provider = logit(of_provider.rates(_RATES, parent, _STRENGTH))
        reporter = logit(of_reporter.rates(_RATES, overall, _STRENGTH))
        expected = provider[3] + _REPORTER_SHARE * (reporter[3] - logit(overall))
        rates = of_pair.rates(_RATES, logistic(expected), _PAIR_STRENGTH)
        delays = _delays(of_provider, of_pair)
        return View(
            parent=parent,
            pair_row=subjects[2].rows,
            provider_seen=of_provider.count,
            reporter_seen=of_reporter.count,
            pair_seen=of_pair.count,
            provider=provider,
            reporter=reporter,
            pair=logit(rates),
            expected=expected,
            facets=np.concatenate([self.facets.look(calls, success, provider[3]), peers]),
            past=_bits(of_pair),
            provider_past=_bits(of_provider),
            delays=delays,
            surprises=self._surprises(
                subjects, success, latency, rates[2], np.where(of_pair.count > 0, delays.mean, 0)
            ),
        )

    def _subjects(self, calls: Calls, *, learning: bool) -> tuple[Subject, Subject, Subject]:
        pair = (self.pairs.place if learning else self.pairs.find)(calls.reporter, calls.provider)
        provider, reporter, both = (
            Subject(rows, runs_of(rows) if learning else None)
            for rows in (calls.provider + 1, calls.reporter + 1, pair)
        )
        return provider, reporter, both

    def _latency(self, subjects: tuple[Subject, Subject, Subject], outcomes: Outcomes) -> Singles:
        latency = np.log1p(outcomes.latency_ms).astype(np.float32)
        unknown = np.flatnonzero(np.isnan(latency))
        if len(unknown):
            of_provider, _, of_pair = (
                level.before(subject.rows[unknown])
                for subject, level in zip(subjects, (self.provider, self.reporter, self.pair), strict=True)
            )
            latency[unknown] = _delays(of_provider, of_pair).mean
        return latency

    def _count(self, success: Singles) -> None:
        left = _ALL_DECAY ** np.arange(len(success) - 1, -1, -1)
        self._good = self._good * _ALL_DECAY ** len(success) + float(left @ success)
        self._calls = self._calls * _ALL_DECAY ** len(success) + float(left.sum())

    def _surprises(
        self,
        subjects: tuple[Subject, Subject, Subject],
        success: Singles | None,
        latency: Singles | None,
        rate: Singles,
        mean: Singles,
    ) -> Singles:
        """Decayed sums of success minus the pair's rate, and of latency minus the pair's mean."""
        added = None
        if success is not None and latency is not None:
            above = success - rate
            slower = np.where(mean > 0, latency - mean, 0)
            added = np.stack([0.3 * above, 0.1 * above, 0.1 * slower]).astype(np.float32)
        levels = (self.provider_surprise, self.reporter_surprise, self.pair_surprise)
        return np.concatenate(
            [
                subject.see(level, None if added is None else added[: len(level.decays)]).sums
                for subject, level in zip(subjects, levels, strict=True)
            ]
        )[[0, 1, 2, 3, 5, 4]]


def _added(level: Level, success: Singles | None, latency: Singles | None) -> Singles | None:
    if success is None or latency is None:
        return None
    added = np.empty((len(level.decays), len(success)), dtype=np.float32)
    added[_RATES], added[_PAST], added[_QUICK:] = success, 1 - success, latency
    return added


def _delays(provider: Seen, pair: Seen) -> Delays:
    usual = np.broadcast_to(_USUAL, provider.count.shape)
    quick = provider.mean(_QUICK, usual)
    return Delays(pair.mean(_QUICK, quick), pair.mean(_SLOW, quick), quick, provider.mean(_SLOW, usual))


def _bits(seen: Seen) -> Ints:
    """The last eight calls of each subject; the sum is a binary fraction, just under 2 when all failed."""
    bits: Ints = np.minimum(seen.sums[_PAST] * 128, 255).astype(np.int64)
    return bits
