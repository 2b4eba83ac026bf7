"""What is known before a call as numbers to mix: features, contexts of the tables, sets of weights, maps."""

from typing import Final, NamedTuple

import numpy as np

from scoring.arrays import Bools, Ints
from scoring.prediction.evidence import View
from scoring.prediction.runs import Singles

__all__ = ["FEATURES", "MAPS", "STARTS", "Clues", "clues_of"]

FEATURES: Final = (
    *(f"provider's rate, memory {name}" for name in (5, 20, 100, 500)),
    *(f"reporter's rate, memory {name}" for name in (5, 20, 100, 500)),
    *(f"pair's rate, memory {name}" for name in (2, 4, 12, 100)),
    "expected of the pair",
    "always",
    "provider's surprise, quick", "provider's surprise, slow",
    "reporter's surprise, quick", "reporter's surprise, slow",
    "pair's surprise", "reporter's latency surprise",
    "last latency", "mean latency", "provider's latency trend", "latency step", "pair is new",
    "provider at this task, memory 20", "provider at this task, memory 100",
    "provider in this region, memory 20", "provider in this region, memory 100",
    "region, memory 20", "region, memory 100",
    "calls alike: pair's past", "calls alike: latencies", "calls alike: rates", "calls alike: latency and rates",
    "calls alike: any provider's past",
    "calls alike: provider and pair's past", "calls alike: reporter and pair's past",
    "calls alike: provider's past",
)  # fmt: skip
STARTS: Final = np.array(
    [0.2 if name == "calls alike: any provider's past" else 0.055 for name in FEATURES], np.float32
)
"""Weight of each feature at first, [F]. That table is of a provider's last calls and shared by all providers: what one
outage taught of how long failures go on, it says at the next provider's first."""
_OF_COUNT: Final = np.array([0, 1, 2, 3] + [4] * 4 + [5] * 13 + [6])
"""Seven classes of how often a pair was seen: 0, 1, 2, 3, up to 7, up to 20, more."""
_COUNTS: Final = 7
_DELAYS: Final = 32
"""Classes of latency, 0.4 wide in ln(1 + ms) from 3 (19 ms); the last one: never seen."""
_LEVELS: Final = 12
"""Classes of a rate, 1 wide as logit, from −6."""
MAPS: Final = 4 * _COUNTS + _DELAYS


class Clues(NamedTuple):
    """Of N calls."""

    features: Singles
    """[F − 8, N], in the order of ``FEATURES``; the tables' rates come last."""
    contexts: Ints
    """One of each of eight tables, numbered through, [8, N]."""
    sets: Ints
    """[4, N], which weights each mixer takes."""
    maps: Ints
    """[2, N], below ``MAPS``."""


def clues_of(view: View, provider: Ints, reporter: Ints) -> Clues:
    """What a view of N calls to ``provider`` by ``reporter`` (ids, [N]) gives to mix."""
    known = view.pair_seen > 0
    count = _OF_COUNT.take(np.minimum(view.pair_seen, 21))
    last, mean = (_delay_class(delay, known) for delay in (view.delays.last, view.delays.mean))
    by_provider, by_reporter, by_pair = (
        np.clip(rates + 6, 0, _LEVELS - 1).astype(np.int64)
        for rates in (view.provider[1], view.reporter[1], view.pair[2])
    )
    slow = np.clip(view.provider[3] + 6, 0, _LEVELS - 1).astype(np.int64)
    both, newest, three = by_provider * _LEVELS + by_reporter, view.past >> 6, view.past >> 5
    return Clues(
        features=_features(view, known),
        contexts=_numbered(
            (256 * _COUNTS, view.past * _COUNTS + count),
            (4 * _DELAYS * _DELAYS, (last * _DELAYS + mean) * 4 + newest),
            (_LEVELS**3, by_pair * _LEVELS**2 + both),
            (_DELAYS * _LEVELS**2, last * _LEVELS**2 + both),
            (64 * _LEVELS, (view.provider_past >> 2) * _LEVELS + slow),
            (0, 3 * ((provider + 1) * 8 + three)),
            (0, 3 * ((reporter + 1) * 8 + three) + 1),
            (0, 3 * ((provider + 1) * 8 + (view.provider_past >> 5)) + 2),
        ),
        sets=np.stack(
            [
                three * _COUNTS + count,
                8 * _COUNTS + by_pair * 8 + (view.provider_past >> 5),
                8 * _COUNTS + 8 * _LEVELS + 2 * (reporter + 1),
                8 * _COUNTS + 8 * _LEVELS + 2 * (provider + 1) + 1,
            ]
        ),
        maps=np.stack([count * 4 + newest, 4 * _COUNTS + last]),
    )


def _features(view: View, known: Bools) -> Singles:
    delays = view.delays
    rows = [
        *view.provider, *view.reporter, *view.pair, view.expected, np.full(len(known), 3, dtype=np.float32),
        *view.surprises[:5], 2 * view.surprises[5],
        np.where(known, (delays.last - 8) / 2, 0), np.where(known, (delays.mean - 8) / 2, 0),
        2 * (delays.provider - delays.provider_slow), delays.last - delays.mean, 1 - known,
        *view.facets,
    ]  # fmt: skip
    return np.array(rows, dtype=np.float32)


def _delay_class(delay: Singles, known: Bools) -> Ints:
    classes: Ints = np.where(known, np.clip((delay - 3) * 2.5, 0, _DELAYS - 2), _DELAYS - 1).astype(np.int64)
    return classes


def _numbered(*tables: tuple[int, Ints]) -> Ints:
    """Contexts of tables of known sizes one after the other; the last three have none and share what follows."""
    begins = np.cumsum([0, *(size for size, _ in tables[:-1])])
    return np.stack([contexts + begin for begin, (_, contexts) in zip(begins, tables, strict=True)])
