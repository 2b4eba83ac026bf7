"""What a report speaks for, and in which row of a book each of that stands."""

from typing import Final

import numpy as np

from compiled.arrays import numbered
from scoring.book import Book
from scoring.panes import Ints
from scoring.series import Series

__all__ = ["FACETS", "FacetRows", "facets_of"]

FACETS: Final = 3
"""A report speaks for its provider, for the provider at its task type, and for the provider in its region."""
_KINDS: Final = ("task", "region")
_UNSTATED: Final = -1


def facets_of(provider_id: str, task_type: str, region: str) -> tuple[str, str, str]:
    """Entity names a report counts for; "" for a facet it does not state.

    >>> facets_of("github", "search", "")
    ('github', 'github|task=search', '')
    """
    task, of_region = (
        _named(provider_id, *one) if one[1] else "" for one in zip(_KINDS, (task_type, region), strict=True)
    )
    return provider_id, task, of_region


def _named(provider_id: str, kind: str, word: str) -> str:
    return f"{provider_id}|{kind}={word}"


class FacetRows:
    """Rows of a book by provider and task or region, looked up by numbers: a run of reports names hundreds of them.

    Examples
    --------
    >>> book, rows = Book(), FacetRows()
    >>> rows.of(Series.of([("a", "search", "eu"), ("b", "search", "")]), book).tolist(), book.names
    ([[0, 2, 4], [1, 3, -1]], ['a', 'b', 'a|task=search', 'b|task=search', 'a|region=eu'])
    """

    __slots__ = ("_codes", "_rows", "_words")

    def __init__(self) -> None:
        self._words: tuple[dict[str, int], ...] = tuple({} for _ in _KINDS)
        """Number of each task type and each region, in the order in which they came."""
        self._codes = np.empty(0, np.int64)
        """Row of the provider and number of the word, with its kind, ascending."""
        self._rows = np.empty(0, np.int64)
        """Row of each code."""

    def of(self, series: Series, book: Book) -> Ints:
        """Rows of the facets of combinations, [N, FACETS]; -1 where a facet is not stated. New ones are made."""
        providers, *words = series.words
        used, place = numbered(series.part[:, 0])
        holder = np.array([book.row(providers[number]) for number in used.tolist()], np.int64)[place]
        rows = np.empty((len(series), FACETS), np.int64)
        rows[:, 0] = holder
        for kind, known in enumerate(self._words):
            part = series.part[:, kind + 1]
            word = np.array([known.setdefault(one, len(known)) if one else _UNSTATED for one in words[kind]], np.int64)
            codes, place = numbered(np.where(word[part] < 0, _UNSTATED, holder << 32 | word[part] << 1 | kind))
            rows[:, kind + 1] = self._found(codes, kind, book)[place]
        return rows

    def _found(self, codes: Ints, kind: int, book: Book) -> Ints:
        """Rows of codes, ascending."""
        at = self._codes.searchsorted(codes)
        is_known = at < len(self._codes)
        is_known[is_known] = self._codes[at[is_known]] == codes[is_known]
        new = (~is_known & (codes >= 0)).nonzero()[0]
        if len(new):
            words = list(self._words[kind])
            made = [
                book.row(_named(book.names[code >> 32], _KINDS[kind], words[(code & 0xFFFF_FFFF) >> 1]))
                for code in codes[new].tolist()
            ]
            self._codes, self._rows = np.insert(self._codes, at[new], codes[new]), np.insert(self._rows, at[new], made)
            at = self._codes.searchsorted(codes)
        if not len(self._codes):
            return np.full(len(codes), _UNSTATED)
        return np.where(codes < 0, _UNSTATED, self._rows[np.minimum(at, len(self._codes) - 1)])
