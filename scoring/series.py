"""Combinations of provider, task type and region: each word once, and which of them each combination is made of."""

from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

__all__ = ["Series", "Words"]

Words = tuple[str, str, str]
"""Provider, task type, region; "" where a report states none."""
_PARTS = 3


class Series(Sequence[Words]):
    """Combinations, read like a list of tuples; 100 tasks in 20 regions make many of few words.

    Parameters
    ----------
    words
        Providers, task types and regions, each once.
    part
        [N, 3] which of these a combination has.

    Examples
    --------
    >>> some = Series.of([("a", "", "x"), ("b", "", "x")])
    >>> some[1], len(some), some.part.tolist()
    (('b', '', 'x'), 2, [[0, 0, 0], [1, 0, 0]])
    """

    __slots__ = ("part", "words")

    def __init__(self, words: tuple[list[str], list[str], list[str]], part: NDArray[np.int64]) -> None:
        self.words, self.part = words, part

    @classmethod
    def of(cls, combinations: Iterable[Words]) -> "Series":
        """The same combinations, in the same order."""
        if isinstance(combinations, cls):
            return combinations
        known: tuple[dict[str, int], ...] = tuple({} for _ in range(_PARTS))
        part = [[has.setdefault(word, len(has)) for has, word in zip(known, one, strict=True)] for one in combinations]
        providers, tasks, regions = (list(has) for has in known)
        return cls((providers, tasks, regions), np.array(part, np.int64).reshape(-1, _PARTS))

    def __len__(self) -> int:
        return len(self.part)

    @overload
    def __getitem__(self, at: int) -> Words: ...
    @overload
    def __getitem__(self, at: slice) -> "Series": ...
    def __getitem__(self, at: int | slice) -> "Words | Series":
        if isinstance(at, slice):
            return Series(self.words, self.part[at])
        provider, task, region = self.part[at].tolist()
        return self.words[0][provider], self.words[1][task], self.words[2][region]

    def __iter__(self) -> Iterator[Words]:
        columns = ([of[at] for at in part] for of, part in zip(self.words, self.part.T.tolist(), strict=True))
        yield from zip(*columns, strict=True)

    def __repr__(self) -> str:
        return f"Series({list(self)!r})"
