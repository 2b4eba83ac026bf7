"""Search over catalog entries: which match, and in which order."""

import re
from collections.abc import Iterable
from typing import Final

from analytics.catalog.entries import CatalogEntry

__all__ = ["matching"]

_WORD: Final = re.compile(r"[^\W_]+")


def matching(
    entries: Iterable[CatalogEntry], text: str = "", task_type: str | None = None, category: str | None = None
) -> list[CatalogEntry]:
    """The entries that fulfil every condition given, best first; case never counts.

    Parameters
    ----------
    text
        Words that must all occur in id, name, task types or category. Order: the id, the name or a task type equals
        the text; all words occur; all words begin a word that occurs.
    task_type
        Order: a task type equals it; all of its words occur in one task type.
    category
        The whole name of a category.

    Returns
    -------
    list of CatalogEntry
        Ties stand in the order of their ids. No condition: all entries; nothing matches: none.

    Examples
    --------
    >>> def known(provider_id, task):
    ...     return CatalogEntry(provider_id, provider_id, (task,), "databases", None, None, "builtin")
    >>> hits = matching([known("a", "sql_search"), known("b", "search")], task_type="Search")
    >>> [entry.provider_id for entry in hits]
    ['b', 'a']
    """
    ranked = []
    for entry in entries:
        if category is not None and (entry.category is None or entry.category.casefold() != category.casefold()):
            continue
        ranks = (_task_rank(entry, task_type), _text_rank(entry, text))
        if None not in ranks:
            ranked.append((ranks, entry.provider_id, entry))
    return [entry for *_, entry in sorted(ranked, key=lambda ranked_entry: ranked_entry[:2])]


def _task_rank(entry: CatalogEntry, task_type: str | None) -> int | None:
    if task_type is None:
        return 0
    wanted = _words(task_type)
    ranks = [0 if words == wanted else 1 for words in map(_words, entry.task_types) if set(wanted) <= set(words)]
    return min(ranks, default=None) if wanted else None


def _text_rank(entry: CatalogEntry, text: str) -> int | None:
    whole = text.strip().casefold()
    if not whole or whole in (entry.provider_id.casefold(), entry.name.casefold()):
        return 0
    wanted = _words(whole)
    if wanted in [_words(task) for task in entry.task_types]:
        return 0
    known = set(_words(" ".join((entry.provider_id, entry.name, *entry.task_types, entry.category or ""))))
    if not wanted:
        return None
    if known.issuperset(wanted):
        return 1
    return 2 if all(any(word.startswith(start) for word in known) for start in wanted) else None


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
