"""Real answers over a small real lake and a live board, without a broker: nothing here is a stand-in."""

from pathlib import Path
from typing import Any

from analytics.answers import Answers
from analytics.board import Board
from analytics.catalog import Catalog
from analytics.feed import FeedState
from analytics.foresight import Foresight
from analytics.lake_access import LakeAccess
from analytics.live import Views
from analytics.producer import ReportProducer
from analytics.reporters import ReporterBook
from analytics.settings import Settings
from tests.support.lake_maker import LakeMaker

__all__ = ["FAILING", "NOW_S", "SLASHED", "STEADY", "reports", "small_answers", "small_lake"]

NOW_S = 1_760_000_000.0
STEADY, FAILING, SLASHED = "demo-steady", "demo-failing", "npm:@acme/search"


def reports(now_s: float = NOW_S) -> list[dict[str, Any]]:
    """Two hours of one provider that works, one that mostly fails, and one whose id holds ``: @ /``."""
    made = []
    for minute in range(120):
        for provider_id, fails in ((STEADY, minute % 60 == 0), (FAILING, minute % 4 > 0), (SLASHED, minute % 10 == 0)):
            outcome = "error" if fails else "success"
            at = {"provider_id": provider_id, "outcome": outcome, "timestamp": now_s - 60 * minute}
            made.append({**at, "latency_ms": 100.0 + minute, "task_type": "search", "reporter_id": "tests"})
    return made


def small_lake(root: Path, now_s: float = NOW_S) -> LakeMaker:
    """The lake of ``reports``, scored at ``now_s``."""
    maker = LakeMaker(root)
    maker.add(reports(now_s), now_s)
    return maker


def small_answers(root: Path) -> Answers:
    """Answers at ``NOW_S`` with a live board; no report can be sent (the broker is given port 9 and never asked)."""
    maker = LakeMaker(root / "lake")
    board = Board(maker.add(reports(), NOW_S))
    lake = LakeAccess(root / "lake")
    catalog = Catalog.open(root)
    feed = FeedState(contact_s=NOW_S, is_caught_up=True)
    views = Views(board, feed, lake, lambda _: None, away_s=5.0)
    settings = Settings(broker="127.0.0.1:9", produce_timeout_s=0.5)
    foresight = Foresight(settings, lake, lambda: NOW_S)
    reporters = ReporterBook(settings, lake, lambda: NOW_S)
    return Answers(views, lake, catalog, ReportProducer(settings), lambda: NOW_S, 0.0, foresight, reporters)
