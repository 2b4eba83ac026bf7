from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import pytest

from analytics.board import Board
from analytics.feed import FeedState, apply, decode
from scoring.records import ScoreRecord
from tests.support.services import small_records
from tests.support.small_answers import STEADY


@dataclass(frozen=True)
class Message:
    key: bytes | None
    value: bytes | None
    partition: int = 0
    offset: int = 0


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[ScoreRecord]:
    return small_records(Path(tmp_path_factory.mktemp("feed")))


def key_of(record: ScoreRecord) -> bytes:
    return f"{record.provider_id}|{record.facet}".rstrip("|").encode()


def test_every_record_comes_back_as_it_was_sent(records: list[ScoreRecord]) -> None:
    assert {record.facet for record in records} == {"", "task=search"}
    for record in records:
        assert decode(key_of(record), msgspec.json.encode(record)) == record


def test_a_tombstone_removes_what_its_key_names(records: list[ScoreRecord]) -> None:
    board, state = Board(records), FeedState()
    apply(board, state, [Message(f"{STEADY}|task=search".encode(), None), Message(STEADY.encode(), None)])
    assert STEADY not in set(board.providers())
    assert (state.records, state.undecodable) == (2, 0)


@pytest.mark.parametrize(
    ("key", "change"),
    [
        (b"someone-else", b""),
        (None, b""),
        (STEADY.encode(), b"{"),
        (b"\xff\xfe", b""),
    ],
)
def test_what_cannot_be_decoded_is_counted_and_changes_nothing(
    key: bytes | None, change: bytes, records: list[ScoreRecord]
) -> None:
    board, state = Board(), FeedState()
    good = next(record for record in records if record.provider_id == STEADY and record.facet == "")
    apply(
        board,
        state,
        [Message(key, change + msgspec.json.encode(good)), Message(key_of(good), msgspec.json.encode(good))],
    )
    assert (state.records, state.undecodable) == (1, 1)
    assert board.get(STEADY) == good


def test_a_confidence_no_answer_knows_is_refused(records: list[ScoreRecord]) -> None:
    strange = replace(records[0], confidence="certain")
    with pytest.raises(ValueError, match="confidence must be none, low, medium or high; got 'certain'"):
        decode(key_of(strange), msgspec.json.encode(strange))


def test_the_feed_is_live_only_when_caught_up_and_in_contact() -> None:
    state = FeedState()
    assert not state.is_live(100.0, 5.0)
    state.contact_s = 100.0
    assert not state.is_live(100.0, 5.0)
    state.is_caught_up = True
    assert state.is_live(105.0, 5.0)
    assert not state.is_live(105.1, 5.0)
