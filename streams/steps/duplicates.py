"""Reports that came before: the ids of the last minutes of a partition. Pure: arrays in, a mask out.

A report counts unless an earlier one of its partition that counted has the same key and reached the broker within the
window. Time is the broker's append time, in buckets of a quarter of the window: a key is looked for in the bucket of
its own record, the four before, and those after, where the clock was set back or the window changed. So the answer
depends on the log alone, not on when, how often or in what chunks it is read.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from compiled.arrays import hashes_in_order
from scoring.arrays import stretches
from streams.steps.key_filter import Filter, Ints, Keys, Mask

__all__ = ["BUCKETS", "LEEWAY_MS", "News", "Run", "Seen", "add", "bucket_ms_of", "counted", "expire", "merged"]

BUCKETS: Final = 4
"""Buckets in a window, beside the one that the record lies in: what is looked at is 1 to 1.25 windows long."""
LEEWAY_MS: Final = 10_000
"""A bucket is kept for so much longer, lest a broker whose clock is set back by a little finds it gone."""
_RUN_BYTES: Final = 12


class Run(NamedTuple):
    """Keys in ascending order, each once, and where they were first seen: 12 bytes a report."""

    keys: Keys
    offset: NDArray[np.uint32]
    """Modulo 2**32, compared as serial numbers (RFC 1982): right over 2,000,000,000 records."""


class News(NamedTuple):
    """Keys as they came, and their offsets: what the changelog has not got yet."""

    bucket: int
    keys: Keys
    offset: Ints


@dataclass(slots=True)
class Seen:
    """What one partition of the report topic has counted lately."""

    bucket_ms: int
    secret: bytes
    """What the keys were hashed with."""
    runs: dict[int, list[Run]] = field(default_factory=dict)
    """By bucket, longest first."""
    filter: Filter = field(default_factory=lambda: Filter(0))
    news: list[News] = field(default_factory=list)
    entries: dict[int, list[bytes]] = field(default_factory=dict)
    """Names of the entries that the changelog holds of each bucket."""
    sending: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    """Entries on the way to the changelog; without a value those to be deleted."""
    is_known: bool = False
    """Whether the changelog holds the secret, or is being sent it."""

    @property
    def held(self) -> int:
        """How many keys."""
        return sum(len(run.keys) for runs in self.runs.values() for run in runs)

    @property
    def bytes_held(self) -> int:
        """What runs and filter take, beside what is on its way to the changelog."""
        return self.held * _RUN_BYTES + self.filter.words.nbytes


def bucket_ms_of(window_s: float) -> int:
    """Length of a bucket, for a window of so many seconds.

    >>> bucket_ms_of(120)
    30000
    """
    return max(1, round(window_s * 1_000 / BUCKETS))


def counted(seen: Seen, keys: Keys, offset: Ints, received_ms: Ints) -> Mask:
    """Which of the next reports of the partition count; they are remembered.

    A key that is held from the same or a higher offset is its own trace, left before a crash: such a report counts
    again. All reports of one message must come in one call.

    Parameters
    ----------
    seen
        What the partition holds; is changed.
    keys
        [N] hash of provider, reporter and report id.
    offset
        [N] offset of the message each came in, ascending.
    received_ms
        [N] when the broker took it, epoch milliseconds.
    """
    fresh = np.ones(len(keys), bool)
    bucket = received_ms // seen.bucket_ms
    for begin, end in stretches(bucket):
        here = slice(begin, end)
        fresh[here] = _counted(seen, int(bucket[begin]), keys[here], offset[here])
    return fresh


def _counted(seen: Seen, bucket: int, keys: Keys, offset: Ints) -> Mask:
    """As ``counted``, of reports of one bucket."""
    ascending, order = hashes_in_order(keys)
    first = np.concatenate([[True], ascending[1:] != ascending[:-1]])
    if not first.all():
        ascending, order = ascending[first], order[first]
    candidate = np.flatnonzero(seen.filter.lets_through(ascending))
    came_before, is_held = _found(seen, bucket, ascending[candidate], offset[order[candidate]].astype(np.uint32))
    new = np.ones(len(order), bool)
    new[candidate] = ~(came_before | is_held)
    if new.all() and first.all():
        _remember(seen, bucket, ascending, order, keys, offset)
        return new
    fresh = np.zeros(len(keys), bool)
    fresh[np.delete(order, candidate[came_before])] = True
    if new.any():
        kept = np.sort(order[new])
        renumbered = np.searchsorted(kept, order[new])
        _remember(seen, bucket, ascending[new], renumbered, keys[kept], offset[kept])
    return fresh


def _found(seen: Seen, bucket: int, ascending: Keys, offset: NDArray[np.uint32]) -> tuple[Mask, Mask]:
    """Which keys the window of a bucket, or what lies behind it, holds from lower offsets; which the bucket holds."""
    came_before, is_held = np.zeros(len(ascending), bool), np.zeros(len(ascending), bool)
    if not len(ascending):
        return came_before, is_held
    for near in [near for near in seen.runs if near >= bucket - BUCKETS]:
        for run in seen.runs[near]:
            at = run.keys.searchsorted(ascending)
            at[at == len(run.keys)] = 0
            hit = run.keys[at] == ascending
            came_before |= hit & ((offset - run.offset[at]).view(np.int32) > 0)
            if near == bucket:
                is_held |= hit
    return came_before, is_held


def _remember(seen: Seen, bucket: int, ascending: Keys, order: Ints, keys: Keys, offset: Ints) -> None:
    """Hold keys that were not held; ``order`` puts them in ascending order."""
    seen.news.append(News(bucket, keys, offset))
    add(seen, bucket, Run(ascending, offset[order].astype(np.uint32)))


def add(seen: Seen, bucket: int, run: Run) -> None:
    """Hold new keys of a bucket.

    Runs of a bucket are merged when they are of like length, and all of them when another bucket begins.
    """
    if bucket not in seen.runs:
        for runs in seen.runs.values():
            runs[:] = [merged(runs)]
    runs = seen.runs.setdefault(bucket, [])
    runs.append(run)
    while len(runs) > 1 and len(runs[-2].keys) < 2 * len(runs[-1].keys):
        runs[-2:] = [merged(runs[-2:])]
    if seen.filter.has_room(len(run.keys)):
        seen.filter.add(run.keys)
    else:
        _filter_anew(seen)


def merged(runs: list[Run]) -> Run:
    """Runs as one; of a key that stands in several, the first."""
    if len(runs) == 1:
        return runs[0]
    keys, offset = np.concatenate([run.keys for run in runs]), np.concatenate([run.offset for run in runs])
    order = np.argsort(keys, kind="stable")  # finds the runs: 15 ns a key, a fifth of the default's
    keys, offset = keys[order], offset[order]
    again = keys[1:] == keys[:-1]
    if again.any():
        kept = np.concatenate([[True], ~again])
        keys, offset = keys[kept], offset[kept]
    return Run(keys, offset)


def _filter_anew(seen: Seen) -> None:
    seen.filter = Filter(seen.held)
    for runs in seen.runs.values():
        for run in runs:
            seen.filter.add(run.keys)


def expire(seen: Seen, first_ms: int) -> None:
    """Forget what no report can need that reached the broker at ``first_ms`` or later.

    ``first_ms`` belongs to the first record that is not acknowledged yet, so that whatever is read again after a crash
    finds what it found before. No clock is asked.
    """
    oldest = (first_ms - LEEWAY_MS) // seen.bucket_ms - BUCKETS
    gone = [bucket for bucket in {*seen.runs, *seen.entries} if bucket < oldest]
    for bucket in gone:
        seen.runs.pop(bucket, None)
        seen.sending += [(name, None) for name in seen.entries.pop(bucket, [])]
    seen.news = [news for news in seen.news if news.bucket >= oldest]
    if gone:
        _filter_anew(seen)
