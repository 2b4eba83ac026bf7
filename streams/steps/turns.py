"""Whose turn it is to be scored. Pure: moments come in as epoch seconds."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from scoring.panes import Ints

__all__ = ["HEAD_START_S", "Rests", "Turns"]

HEAD_START_S: Final = 10.0
"""How much longer than others one may seem to wait that was not scored for so long, seconds."""
_NONE: Final = float("inf")

Rests = float | NDArray[np.float64]
"""Seconds from one score to the next, of all alike or [entities]."""


class Turns:
    """The entities of a partition that wait for a score, in the order in which they are to get it.

    First comes who was scored longest ago: a report about a provider that few report on shows at once, however busy
    the others are, and the busy ones take turns. Then come those that no report came for, whose windows moved with the
    time. A place in the order is taken when an entity begins to wait and is kept, with a head start of at most
    ``HEAD_START_S``: so nobody is overtaken for longer than that, and all get their turn.
    """

    def __init__(self) -> None:
        self._place_s: NDArray[np.float64] = np.empty(0)
        """Least comes first; infinite for who does not wait."""
        self._scored_s: NDArray[np.float64] = np.empty(0)

    def grow(self, entities: int) -> None:
        """Hold at least ``entities`` entities; a new one was never scored."""
        have = len(self._place_s)
        if have < entities:
            more = max(entities, 2 * have, 64) - have
            self._place_s = np.concatenate([self._place_s, np.full(more, _NONE)])
            self._scored_s = np.concatenate([self._scored_s, np.full(more, -_NONE)])

    def reported(self, entities: Ints, now_s: float) -> None:
        """Reports came for these."""
        self._wait(entities, np.clip(self._scored_s[entities], now_s - HEAD_START_S, now_s))

    def moved(self, entities: Ints, now_s: float) -> None:
        """The time alone changed these."""
        self._wait(entities, np.full(len(entities), now_s))

    def _wait(self, entities: Ints, place_s: NDArray[np.float64]) -> None:
        self._place_s[entities] = np.minimum(self._place_s[entities], place_s)

    def due(self, now_s: float, rest_s: Rests) -> tuple[Ints, NDArray[np.float64]]:
        """Who waits and was not scored in the last ``rest_s`` seconds, ascending, and their places in the order."""
        place_s, scored_s = self._of(rest_s)
        since_s = now_s - scored_s  # negative where the clock was set back
        due = np.flatnonzero((place_s < _NONE) & ((since_s >= rest_s) | (since_s < 0)))
        return due, place_s[due]

    def due_from_s(self, rest_s: Rests) -> float:
        """When the first of those who wait was not scored for ``rest_s`` seconds; infinite where nobody waits."""
        place_s, scored_s = self._of(rest_s)
        return float((scored_s + rest_s)[place_s < _NONE].min(initial=_NONE))

    def _of(self, rest_s: Rests) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Places, and when they were scored, of those whose rests are given."""
        given = len(rest_s) if isinstance(rest_s, np.ndarray) else len(self._place_s)
        return self._place_s[:given], self._scored_s[:given]

    def take(self, entities: Ints, now_s: float) -> None:
        """These are scored now and do not wait any more."""
        self._place_s[entities] = _NONE
        self._scored_s[entities] = now_s

    def all_again(self, entities: int) -> None:
        """The first ``entities`` wait, as if none had ever been scored."""
        self.grow(entities)
        self._place_s[:entities] = -_NONE
        self._scored_s[:entities] = -_NONE
