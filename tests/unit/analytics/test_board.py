from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.board import Board
from scoring.records import ScoreRecord
from scoring.tables import DIMENSIONS
from tests.support.services import small_records
from tests.support.small_answers import FAILING, STEADY


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> list[ScoreRecord]:
    return small_records(Path(tmp_path_factory.mktemp("board")))


def test_the_last_record_of_a_provider_and_facet_is_kept(records: list[ScoreRecord]) -> None:
    board = Board(records)
    newer = replace(records[0], as_of_s=records[0].as_of_s + 1, n=7)
    board.put(newer)
    assert board.get(newer.provider_id, newer.facet) is newer
    assert len(board) == len(records)
    assert board.newest_s == newer.as_of_s


def test_a_tombstone_removes_one_facet_only(records: list[ScoreRecord]) -> None:
    board = Board(records)
    board.remove(STEADY, "task=search")
    assert board.get(STEADY, "task=search") is None
    assert board.get(STEADY) is not None
    board.remove(STEADY, "task=search")
    assert len(board) == len(records) - 1


def test_best_fit_prefers_the_task_then_the_region_then_all(records: list[ScoreRecord]) -> None:
    board = Board(records)
    board.put(replace(records[0], provider_id=STEADY, facet="region=eu"))
    fitting = [
        board.best_fit(STEADY, task, region) for task, region in (("search", "eu"), ("sql", "eu"), ("sql", None))
    ]
    assert [record.facet if record else None for record in fitting] == ["task=search", "region=eu", ""]
    assert board.best_fit("nobody", None, None) is None


def test_columns_hold_what_the_records_hold_and_absence_is_nan(records: list[ScoreRecord]) -> None:
    board = Board(records)
    columns = board.columns()
    assert sorted(columns.provider_ids) == sorted({record.provider_id for record in records})
    for row, provider_id in enumerate(columns.provider_ids):
        record = board.get(provider_id)
        assert record is not None
        assert columns.lower[row] == record.lower
        expected = [record.dimensions[name].value for name in DIMENSIONS]
        np.testing.assert_array_equal(columns.values[row], np.array(expected, dtype=float))
    assert np.isnan(columns.values).any()


def test_a_facet_nobody_has_gives_empty_columns() -> None:
    assert Board().columns("task=none").values.shape == (0, len(DIMENSIONS))


def test_the_task_with_the_most_reports_is_the_main_one(records: list[ScoreRecord]) -> None:
    board = Board(records)
    board.put(replace(records[0], provider_id=FAILING, facet="task=a", n=1))
    board.put(replace(records[0], provider_id=FAILING, facet="task=z", n=10_000))
    assert board.main_task(FAILING) == "task=z"
    assert board.main_task("nobody") is None
    board.put(replace(records[0], provider_id=FAILING, facet="task=b", n=20_000))
    assert board.main_task(FAILING) == "task=b"
    board.remove(FAILING, "task=b")
    assert board.main_task(FAILING) == "task=z"


def test_adopting_a_board_forgets_what_was_there(records: list[ScoreRecord]) -> None:
    board = Board(records)
    version = board.version
    board.adopt(Board([replace(records[0], provider_id="only")]))
    assert list(board.providers()) == ["only"]
    assert board.version > version


STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.sampled_from(["", "task=a", "region=b"])), max_size=60)


@given(steps=STEPS)
def test_any_run_of_puts_and_removals_leaves_what_a_plain_dict_would(
    records: list[ScoreRecord], steps: list[tuple[bool, int, str]]
) -> None:
    board, plain = Board(), dict[tuple[str, str], ScoreRecord]()
    for n, (is_put, number, facet) in enumerate(steps):
        key = (f"p{number}", facet)
        if is_put:
            plain[key] = replace(records[0], provider_id=key[0], facet=facet, n=n, lower=n / 100)
            board.put(plain[key])
        else:
            plain.pop(key, None)
            board.remove(*key)
    assert len(board) == len(plain)
    assert set(board.providers()) == {provider_id for provider_id, _ in plain}
    for facet in ("", "task=a", "region=b"):
        columns = board.columns(facet)
        found = dict(zip(columns.provider_ids, columns.lower.tolist(), strict=True))
        assert found == {provider_id: record.lower for (provider_id, of), record in plain.items() if of == facet}


@given(steps=STEPS, asked=st.lists(st.integers(0, 8), max_size=9), task=st.sampled_from([None, "a", "other"]))
def test_rows_hold_what_best_fit_finds(
    records: list[ScoreRecord], steps: list[tuple[bool, int, str]], asked: list[int], task: str | None
) -> None:
    board = Board()
    for n, (_, number, facet) in enumerate(steps):
        board.put(replace(records[0], provider_id=f"p{number}", facet=facet, lower=n / 100, n_effective=n, as_of_s=n))
    ids = [f"p{number}" for number in asked]
    rows, fits = board.rows(ids, task), [board.best_fit(provider_id, task, None) for provider_id in ids]
    assert rows.provider_ids == ids
    assert rows.n_effective.tolist() == [fit.n_effective if fit else 0.0 for fit in fits]
    lower = [None if np.isnan(value) else value for value in rows.lower.tolist()]
    assert lower == [fit and fit.lower for fit in fits]
    moments = [fit.as_of_s for fit in fits if fit]
    assert rows.span_s == (min(moments, default=None), max(moments, default=None))
