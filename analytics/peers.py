"""How the providers of a board compare with their peers, computed for all at once and kept for a moment."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from analytics.assembly import Known, known, renewed
from analytics.board import Board
from analytics.items import PeerItem
from scoring.peers import compare
from scoring.records import ScoreRecord
from scoring.tables import DIMENSIONS

__all__ = ["KEPT_S", "PeerView"]

KEPT_S: Final = 1.0
"""A comparison is at most this old, seconds: 10,000 providers take 20 ms, too long for every question."""
_KEPT_FACETS: Final = 64
_KEPT_KNOWN: Final = 16_384
"""Of the providers asked about since a comparison, so many are kept ready, of the last two; 5 KB each."""


@dataclass(frozen=True, slots=True)
class _Comparison:
    version: int
    made_s: float
    row_of: dict[str, int]
    groups: list[str | None]
    peers: NDArray[np.int64]
    """[N, D]"""
    figures: NDArray[np.float64]
    """z-score, percentile, median, [N, D, 3]; nan is absent."""
    known: dict[str, Known] = field(default_factory=dict)
    """What was made of providers that were asked about, by id."""
    before: dict[str, Known] = field(default_factory=dict)
    """The same of the comparison before this one."""


class PeerView:
    """Comparisons of a board.

    Parameters
    ----------
    board
        What to compare.
    category_of
        A provider's category in the catalog; None without one, then its most reported task type groups it.
    """

    def __init__(self, board: Board, category_of: Callable[[str], str | None]) -> None:
        self._board, self._category_of = board, category_of
        self._kept: dict[str, _Comparison] = {}

    def of(self, provider_id: str, facet: str, now_s: float) -> dict[str, PeerItem]:
        """Each dimension of a provider against its group, by name; empty without record or group."""
        return dict(zip(DIMENSIONS, _items(self._comparison(facet, now_s), provider_id), strict=False))

    def known(self, record: ScoreRecord, name: str, now_s: float) -> Known:
        """What every answer about a record says, with its peers; made once for a record, a name and a comparison."""
        comparison, provider_id = self._comparison(record.facet, now_s), record.provider_id
        kept = comparison.known
        found = kept.get(provider_id)
        if found is None or found.record is not record or found.name != name:
            peers, before = _items(comparison, provider_id), comparison.before.get(provider_id)
            if before is not None and before.record is record and before.name == name:
                found = renewed(before, peers)
            else:
                found = known(record, name, peers)
            if len(kept) >= _KEPT_KNOWN:
                kept.clear()
            kept[provider_id] = found
        return found

    def _comparison(self, facet: str, now_s: float) -> _Comparison:
        kept = self._kept.get(facet)
        if kept is not None and (kept.version == self._board.version or 0 <= now_s - kept.made_s < KEPT_S):
            return kept
        columns = self._board.columns(facet)
        groups = [self._group(provider_id) for provider_id in columns.provider_ids]
        numbers: dict[str, int] = {}
        group = [-1 if name is None else numbers.setdefault(name, len(numbers)) for name in groups]
        found = compare(columns.values, np.array(group, dtype=np.int64))
        made = _Comparison(
            version=self._board.version,
            made_s=now_s,
            row_of={provider_id: row for row, provider_id in enumerate(columns.provider_ids)},
            groups=groups,
            peers=found.peers,
            figures=np.stack([found.z_scores, found.percentile, found.median], axis=-1),
            before=kept.known if kept else {},
        )
        if len(self._kept) >= _KEPT_FACETS:
            self._kept.clear()
        self._kept[facet] = made
        return made

    def _group(self, provider_id: str) -> str | None:
        category = self._category_of(provider_id)
        return self._board.main_task(provider_id) if category is None else f"category={category}"


def _items(comparison: _Comparison, provider_id: str) -> list[PeerItem]:
    """Of each dimension in turn; empty without record or group."""
    row = comparison.row_of.get(provider_id)
    if row is None or (group := comparison.groups[row]) is None:
        return []
    counts, figures = comparison.peers[row].tolist(), comparison.figures[row].tolist()
    return [
        PeerItem(
            group,
            peers,
            None if z_score != z_score else z_score,
            None if percentile != percentile else percentile,
            None if median != median else median,
        )
        for peers, (z_score, percentile, median) in zip(counts, figures, strict=True)
    ]
