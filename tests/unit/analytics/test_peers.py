from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from analytics.board import Board
from analytics.peers import KEPT_S, PeerView
from scoring.records import DimensionRecord, ScoreRecord
from tests.support.services import small_records
from tests.support.small_answers import STEADY

NOW_S = 1_000.0


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> ScoreRecord:
    records = small_records(Path(tmp_path_factory.mktemp("peers")))
    return next(record for record in records if record.provider_id == STEADY and record.facet == "")


@pytest.fixture(scope="module")
def with_value(steady: ScoreRecord) -> Callable[[str, float], ScoreRecord]:
    def made(provider_id: str, value: float) -> ScoreRecord:
        dimension: DimensionRecord = replace(steady.dimensions["reliability"], value=value)
        return replace(steady, provider_id=provider_id, dimensions={**steady.dimensions, "reliability": dimension})

    return made


def test_a_provider_is_compared_with_its_category_itself_left_out(
    with_value: Callable[[str, float], ScoreRecord],
) -> None:
    values = [0.90, 0.91, 0.92, 0.93, 0.94, 0.30]
    board = Board(with_value(f"p{at}", value) for at, value in enumerate(values))
    found = PeerView(board, lambda _: "databases").of("p5", "", NOW_S)["reliability"]
    others = np.array(values[:5])
    median = float(np.median(others))
    spread = 1.4826 * float(np.median(np.abs(others - median)))
    assert (found.group, found.peers, found.percentile) == ("category=databases", 5, 0.0)
    assert found.median == pytest.approx(median)
    assert found.z_score == pytest.approx((0.30 - median) / max(spread, 0.01))


def test_under_five_peers_there_is_a_count_but_no_comparison(with_value: Callable[[str, float], ScoreRecord]) -> None:
    board = Board(with_value(f"p{at}", 0.9) for at in range(5))
    found = PeerView(board, lambda _: "databases").of("p0", "", NOW_S)["reliability"]
    assert (found.peers, found.z_score, found.percentile, found.median) == (4, None, None, None)


def test_without_a_category_the_main_task_groups(with_value: Callable[[str, float], ScoreRecord]) -> None:
    board = Board(with_value(f"p{at}", 0.9 + at / 100) for at in range(6))
    for at in range(6):
        board.put(replace(with_value(f"p{at}", 0.9), facet="task=search"))
    found = PeerView(board, lambda _: None).of("p0", "", NOW_S)["reliability"]
    assert (found.group, found.peers) == ("task=search", 5)


def test_without_category_and_task_there_are_no_peers(with_value: Callable[[str, float], ScoreRecord]) -> None:
    view = PeerView(Board([with_value("p0", 0.9)]), lambda _: None)
    assert view.of("p0", "", NOW_S) == {}
    assert view.of("nobody", "", NOW_S) == {}


def test_a_comparison_is_kept_for_a_second_and_then_made_anew(
    with_value: Callable[[str, float], ScoreRecord],
) -> None:
    board = Board(with_value(f"p{at}", 0.9) for at in range(6))
    view = PeerView(board, lambda _: "databases")
    assert view.of("p0", "", NOW_S)["reliability"].peers == 5
    board.put(with_value("p6", 0.9))
    assert view.of("p0", "", NOW_S + KEPT_S / 2)["reliability"].peers == 5
    assert view.of("p0", "", NOW_S + KEPT_S)["reliability"].peers == 6


def test_what_is_known_of_a_provider_is_made_once_until_record_name_or_comparison_change(
    with_value: Callable[[str, float], ScoreRecord],
) -> None:
    records = [with_value(f"p{at}", 0.9) for at in range(6)]
    board = Board(records)
    view = PeerView(board, lambda _: "databases")
    found = view.known(records[0], "p0", NOW_S)
    assert view.known(records[0], "p0", NOW_S + KEPT_S / 2) is found
    assert view.known(records[0], "a name", NOW_S).fields["name"] == "a name"
    newer = replace(records[0], trust_score=0.25)
    board.put(newer)
    assert view.known(newer, "p0", NOW_S).fields["trust_score"] == 0.25
    board.put(with_value("p6", 0.9))
    dimensions = view.known(newer, "p0", NOW_S + KEPT_S).fields["dimensions"]
    assert isinstance(dimensions, dict)
    assert dimensions["reliability"].peer.peers == 6


def test_a_provider_compared_anew_says_what_it_would_if_made_anew(
    with_value: Callable[[str, float], ScoreRecord],
) -> None:
    records = [with_value(f"p{at}", 0.9 + at / 100) for at in range(6)]
    board = Board(records)
    view = PeerView(board, lambda _: "databases")
    before = view.known(records[0], "p0", NOW_S)
    board.put(with_value("p6", 0.99))
    renewed = view.known(records[0], "p0", NOW_S + KEPT_S)
    assert renewed == PeerView(board, lambda _: "databases").known(records[0], "p0", NOW_S + KEPT_S)
    assert renewed != before
    assert before == PeerView(Board(records), lambda _: "databases").known(records[0], "p0", NOW_S)
