"""A fleet of workers, second by second: traffic by partition, what each worker can do, and what a rebalance costs.

A model, not a measurement: its costs are measured on one worker (``benchmarks/growth.py``), and it says what follows
from them for many. Reports are dealt to partitions as Kafka's default partitioner does, panes as the worker does. A
partition of both topics is one worker's, who shares its processor fairly among its partitions.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.support.load import partition_of

__all__ = ["Change", "Costs", "Course", "Fleet", "Keying", "Traffic", "assigned", "fair_shares", "zipf"]

Floats = NDArray[np.float64]
Numbers = NDArray[np.int64]
Keying = Literal["keyed", "hot spread", "unkeyed"]
TICK_S: Final = 2.0
"""Between two scores of an entity on a busy worker (``streams/app.py``)."""
STAGES: Final = 2
"""State is held twice: by the fold, and by the scores."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What one worker was seen to take."""

    report_us: float
    """Processor time of a report, from Kafka to lake."""
    score_us: float
    """Of scoring an entity once."""
    partition_us: float
    """Of holding a partition for a second."""
    entity_bytes: float
    """Memory of an entity in one stage and one source partition."""
    changelog_bytes: float
    """The same in the changelog: what a new owner reads."""
    restore_bytes_per_s: float
    """How fast it reads that."""
    rebalance_s: float
    """Seconds in which nobody folds, whatever is moved."""
    session_s: float = 10.0
    """Seconds until the group notices that a worker is gone."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Who reports about whom, and how messages are keyed.

    Parameters
    ----------
    reports_per_s
        Of all.
    partitions
        Of every topic.
    providers
        Their shares of the traffic follow Zipf's law.
    exponent
        Of that law; 0: all alike.
    facets
        Entities a provider has beside itself: its tasks, its regions.
    keying
        By provider; or by provider but for those whose share alone is more than half a partition's; or not at all.
    seed
        Which provider is how popular.
    """

    reports_per_s: float = 1e6
    partitions: int = 200
    providers: int = 50_000
    exponent: float = 1.0
    facets: int = 4
    keying: Keying = "keyed"
    seed: int = 1

    def shares(self) -> Floats:
        """Of each provider."""
        order = np.random.default_rng(self.seed).permutation(self.providers)
        return zipf(self.providers, self.exponent)[order]

    def spread(self) -> NDArray[np.bool_]:
        """Whether a provider's reports are dealt out over all partitions."""
        if self.keying == "keyed":
            return np.zeros(self.providers, bool)
        return np.ones(self.providers, bool) if self.keying == "unkeyed" else self.shares() > 0.5 / self.partitions

    def reports(self) -> Floats:
        """A second in each partition."""
        shares, spread = self.shares(), self.spread()
        keyed = _summed(_sources(self.providers, self.partitions), np.where(spread, 0, shares), self.partitions)
        rates: Floats = (keyed + shares[spread].sum() / self.partitions) * self.reports_per_s
        return rates

    def scored(self) -> Floats:
        """Entities a second that each partition of the scores has to score: those with a report since the last tick."""
        rate = self.shares() * self.reports_per_s * TICK_S
        tasks = self.facets // 2
        regions = self.facets - tasks
        changed = -np.expm1(-rate)
        for count in (tasks, regions):
            if count:
                changed -= count * np.expm1(-rate / count)
        return _summed(_targets(self.providers, self.partitions), changed / TICK_S, self.partitions)

    def entities(self) -> Floats:
        """Held for each partition by both stages: in the fold where its reports lie, in the scores where it belongs."""
        each, spread = 1.0 + self.facets, self.spread()
        places = np.where(spread, float(self.partitions), 1.0)
        sources = _summed(_sources(self.providers, self.partitions), np.where(spread, 0, each), self.partitions)
        targets = _summed(_targets(self.providers, self.partitions), each * places, self.partitions)
        held: Floats = sources + spread.sum() * each + targets
        return held


def zipf(count: int, exponent: float) -> Floats:
    """Shares by rank, greatest first, adding up to 1.

    >>> zipf(2, 1.0).round(3).tolist()
    [0.667, 0.333]
    """
    weights = np.arange(1, count + 1, dtype=float) ** -exponent
    shares: Floats = weights / weights.sum()
    return shares


def _summed(places: Numbers, amounts: Floats, count: int) -> Floats:
    """Sums of amounts by place."""
    return np.bincount(places, amounts, count).astype(np.float64)


@cache
def _sources(providers: int, partitions: int) -> Numbers:
    return np.array([partition_of(f"provider-{number:05d}", partitions) for number in range(providers)])


@cache
def _targets(providers: int, partitions: int) -> Numbers:
    return np.array([zlib.crc32(b"provider-%05d" % number) % partitions for number in range(providers)])


def assigned(before: Sequence[int], workers: Sequence[int]) -> list[int]:
    """Owner of each partition after a rebalance: even numbers, and no more moves than that takes.

    Parameters
    ----------
    before
        Owner of each partition; -1: nobody.
    workers
        Who is there now.

    >>> assigned([0, 0, 0, 1, 1], [0, 1, 2])
    [0, 0, 2, 1, 1]
    """
    least, more = divmod(len(before), len(workers))
    owned = {worker: [at for at, owner in enumerate(before) if owner == worker] for worker in workers}
    # Those that hold most keep the places for one more.
    order = sorted(workers, key=lambda worker: -len(owned[worker]))
    room = {worker: least + (number < more) for number, worker in enumerate(order)}
    owners = list(before)
    free = [at for at, owner in enumerate(before) if owner not in room]
    for worker in workers:
        free += owned[worker][room[worker] :]
    for worker in workers:
        for _ in range(room[worker] - min(len(owned[worker]), room[worker])):
            owners[free.pop(0)] = worker
    return owners


def fair_shares(wanted: Floats, budget: float) -> Floats:
    """What each gets of a budget: as much as it wants, or an equal part of what the modest leave over.

    >>> fair_shares(np.array([1.0, 10.0, 10.0]), 12.0).tolist()
    [1.0, 5.5, 5.5]
    """
    given = np.zeros_like(wanted)
    left = budget
    for rank, at in enumerate(np.argsort(wanted, kind="stable")):
        given[at] = min(wanted[at], left / (len(wanted) - rank))
        left -= given[at]
    return given


@dataclass(frozen=True, slots=True)
class Change:
    """Workers that come or go at one moment."""

    at_s: int
    count: int
    kind: Literal["kill", "stop", "join"]
    """Killed ones are noticed when their session is over, those that stop say so, those that join have started."""


class _Due(NamedTuple):
    """A change as the group sees it."""

    at_s: float
    joining: Sequence[int]
    leaving: frozenset[int]


@dataclass(slots=True)
class Course:
    """What happened, second by second."""

    waiting: list[float] = field(default_factory=list)
    """Reports in all partitions."""
    behind_s: list[float] = field(default_factory=list)
    """Of the partition that is furthest behind: reports that wait, over those that come in a second."""
    restored_s: float = 0.0
    """Longest time in which one worker read the state of partitions that had become its own."""

    def recovered_s(self, since_s: int, within_s: float = 3.0) -> int | None:
        """Seconds from a moment until every partition is at most so far behind for good; None: never."""
        late = [at for at, behind in enumerate(self.behind_s) if at >= since_s and behind > within_s]
        if not late:
            return 0
        return None if late[-1] == len(self.behind_s) - 1 else late[-1] + 1 - since_s


class Fleet:
    """Workers over traffic.

    Parameters
    ----------
    costs
        Of one worker, each with one core.
    traffic
        What comes.
    workers
        At the start.
    seed
        Which workers are killed or stopped.
    """

    def __init__(self, costs: Costs, traffic: Traffic, workers: int, seed: int = 1) -> None:
        self.costs, self.traffic = costs, traffic
        self._rng = np.random.default_rng(seed)
        self._workers, self._next = list(range(workers)), workers
        self._owners = assigned([-1] * traffic.partitions, self._workers)
        self._reports, self._entities = traffic.reports(), traffic.entities()
        # A second of scores and of holding each partition, in seconds of a core.
        self._fixed_s = (traffic.scored() * costs.score_us + costs.partition_us) / 1e6

    def busy(self) -> Floats:
        """Share of its core that each worker needs, while nothing waits."""
        need = self._reports * self.costs.report_us / 1e6 + self._fixed_s
        return _summed(self._index(), need, len(self._workers))

    def state_bytes(self) -> Floats:
        """Memory that the state takes in each worker."""
        return _summed(self._index(), self._entities * self.costs.entity_bytes, len(self._workers))

    def _index(self) -> Numbers:
        places = {worker: place for place, worker in enumerate(self._workers)}
        return np.array([places[owner] for owner in self._owners])

    def run(self, seconds: int, changes: Sequence[Change] = ()) -> Course:
        """Let time pass."""
        course, waiting = Course(), np.zeros(self.traffic.partitions)
        still_until: dict[int, float] = {}
        gone: set[int] = set()
        due: list[_Due] = []
        for at_s in range(seconds):
            due += [self._begun(change, gone) for change in changes if change.at_s == at_s]
            for one in [one for one in due if one.at_s <= at_s]:
                due.remove(one)
                still_until = self._rebalanced(at_s, one, course)
            waiting += self._reports
            active = [one for one in self._workers if one not in gone and still_until.get(one, 0.0) <= at_s]
            waiting -= self._folded(waiting, active)
            course.waiting.append(float(waiting.sum()))
            course.behind_s.append(float((waiting / np.maximum(self._reports, 1e-9)).max()))
        return course

    def _begun(self, change: Change, gone: set[int]) -> _Due:
        """When the group acts on a change, and on whom. Those that go fold nothing from now on."""
        if change.kind == "join":
            first = self._next
            self._next += change.count
            return _Due(change.at_s, range(first, self._next), frozenset())
        here = [one for one in self._workers if one not in gone]
        leaving = frozenset(int(one) for one in self._rng.choice(here, change.count, replace=False))
        gone |= leaving
        return _Due(change.at_s + (self.costs.session_s if change.kind == "kill" else 0.0), (), leaving)

    def _rebalanced(self, at_s: float, due: _Due, course: Course) -> dict[int, float]:
        """Deal the partitions out anew; until when each worker stands still."""
        before = self._owners
        self._workers = [*(one for one in self._workers if one not in due.leaving), *due.joining]
        self._owners = assigned(before, self._workers)
        still = {}
        for worker in self._workers:
            moved = [at for at, owner in enumerate(self._owners) if owner == worker != before[at]]
            state_bytes = float(self._entities[moved].sum()) * self.costs.changelog_bytes
            restored_s = state_bytes / self.costs.restore_bytes_per_s
            course.restored_s = max(course.restored_s, restored_s)
            still[worker] = at_s + self.costs.rebalance_s + restored_s
        return still

    def _folded(self, waiting: Floats, active: Sequence[int]) -> Floats:
        """Reports that each partition gets rid of in a second."""
        folded, owners = np.zeros_like(waiting), np.array(self._owners)
        for worker in active:
            own = owners == worker
            budget = max(0.0, 1.0 - float(self._fixed_s[own].sum())) * 1e6 / self.costs.report_us
            folded[own] = fair_shares(waiting[own], budget)
        return folded
