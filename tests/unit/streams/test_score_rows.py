import json

import msgspec

from scoring.records import ScoreRecord
from scoring.tables import DIMENSIONS
from streams.schemas import SCORES_SCHEMA
from streams.score_rows import score_rows
from streams.steps.fold import FoldState, fold, take_updates
from streams.steps.score import ScoreState, merge, score
from tests.support.lake_maker import Message
from tests.support.plain_panes import NOW_S, columns_of_reports, some_reports


def records() -> list[ScoreRecord]:
    state, scores = FoldState(), ScoreState()
    fold(state, columns_of_reports(some_reports(1, 300)), NOW_S)
    updates = take_updates(state, 0)
    assert updates is not None
    merge(scores, updates)
    return score(scores, NOW_S + 0.25)


def messages(values: list[bytes | None]) -> list[Message]:
    return [Message(100 + at, NOW_S * 1_000, value) for at, value in enumerate(values)]


def test_a_row_holds_the_figures_and_the_whole_message() -> None:
    said = records()
    values = [msgspec.json.encode(record) for record in said]
    table = score_rows(messages(list(values)), 2)
    assert table.schema.equals(SCORES_SCHEMA)
    assert [record.encode() for record in table["record"].to_pylist()] == values
    for at, (row, record) in enumerate(zip(table.to_pylist(), said, strict=True)):
        assert (row["offset"], row["partition"]) == (100 + at, 2)
        assert (str(row["date"]), str(row["as_of"])) == ("2023-11-14", "2023-11-14 22:13:20.250000+00:00")
        for name in ("provider_id", "facet", "trust_score", "lower", "upper", "success_probability", "n", "flags"):
            assert row[name] == getattr(record, name)
        for name in DIMENSIONS:
            assert row[name] == record.dimensions[name].value
            assert row[f"z_{name}"] == record.dimensions[name].z_score


def test_a_message_of_a_score_round_trips() -> None:
    for record in records():
        assert msgspec.json.decode(msgspec.json.encode(record), type=ScoreRecord) == record


def test_a_tombstone_gives_no_row() -> None:
    value = msgspec.json.encode(records()[0])
    assert score_rows(messages([None, value, b""]), 0)["offset"].to_pylist() == [101]


def test_no_message_gives_an_empty_table_of_the_lake() -> None:
    assert score_rows([], 0).schema.equals(SCORES_SCHEMA)


def test_a_dimension_that_a_score_lacks_is_null() -> None:
    record = json.loads(msgspec.json.encode(records()[0]))
    del record["dimensions"]["quality"]
    row = score_rows(messages([json.dumps(record).encode()]), 0).to_pylist()[0]
    assert (row["quality"], row["z_quality"]) == (None, None)
    assert row["reliability"] is not None
