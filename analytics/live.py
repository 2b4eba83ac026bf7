"""Which view answers: the live one, or, while Kafka is away, the last that the lake knows."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from analytics import queries
from analytics.backlog import Waiting
from analytics.board import Board
from analytics.errors import Unavailable
from analytics.feed import FeedState
from analytics.lake_access import LakeAccess
from analytics.models import Origin
from analytics.peers import PeerView

__all__ = ["LAKE_KEPT_S", "View", "Views"]

LAKE_KEPT_S: Final = 10.0
"""How long one reading of all scores in the lake is answered from, seconds."""


@dataclass(frozen=True, slots=True)
class View:
    """A board with its comparisons and where it comes from."""

    board: Board
    peers: PeerView
    origin: Origin


class Views:
    """Chooses the view for a question.

    Parameters
    ----------
    board
        Live view, filled by the feed.
    feed
        State of the feed.
    lake
        What to fall back on.
    category_of
        A provider's category, for its peers.
    away_s
        Silence of Kafka, seconds, after which it counts as away.
    overdue
        The message that waits too long for a worker, if one does.
    """

    def __init__(
        self,
        board: Board,
        feed: FeedState,
        lake: LakeAccess,
        category_of: Callable[[str], str | None],
        away_s: float,
        overdue: Callable[[], Waiting | None] = lambda: None,
    ) -> None:
        self._board, self._feed, self._lake = board, feed, lake
        self._category_of, self._away_s, self._overdue = category_of, away_s, overdue
        self._peers = PeerView(board, category_of)
        self._live = View(board, self._peers, Origin("live"))
        self._kept: tuple[float, Board, PeerView] | None = None
        self._reading = asyncio.Lock()

    async def current(self, now_s: float) -> View:
        """The view to answer from.

        Live while Kafka answers. Otherwise, or while the topic is still empty, the lake if it knows anything; else what
        memory holds from before.

        Raises
        ------
        Unavailable
            When Kafka is away and neither lake nor memory knows anything.
        """
        is_live = self._feed.is_live(now_s, self._away_s)
        if is_live and len(self._board):
            late = self._late(now_s)
            return self._live if late is None else View(self._board, self._peers, Origin("live", late))
        away = self._away(now_s, is_live)
        problem = None
        try:
            _, board, peers = await self._from_lake(now_s)
            if len(board):
                return View(board, peers, Origin("lake", away))
        except Unavailable as error:
            problem = error
        if is_live or len(self._board):
            return View(self._board, self._peers, Origin("live", self._late(now_s) if is_live else away))
        reason = str(problem) if problem else "the lake holds no score yet"
        raise Unavailable("scores", f"Kafka does not answer and {reason}", "start the broker or point at a lake")

    def _away(self, now_s: float, is_live: bool) -> str:
        """Why the board is not what is answered from."""
        if is_live:
            return "Kafka holds no scores yet"
        if self._feed.is_in_contact(now_s, self._away_s):
            return "the scores in Kafka are still being read"
        return "the live stream was not asked" if self._feed.is_untried else "Kafka does not answer"

    def _late(self, now_s: float) -> str | None:
        """Why the board does not hold what was reported by now, if it does not."""
        waiting = self._overdue()
        if waiting is None:
            return None
        place = f"{waiting.topic}-{waiting.partition}"
        return f"reports have waited {now_s - waiting.since_s:,.0f} s for a worker (offset {waiting.offset} of {place})"

    async def _from_lake(self, now_s: float) -> tuple[float, Board, PeerView]:
        async with self._reading:
            if self._kept is None or not 0 <= now_s - self._kept[0] < LAKE_KEPT_S:
                board = Board(await self._lake.ask(queries.latest_scores))
                self._kept = (now_s, board, PeerView(board, self._category_of))
            return self._kept
