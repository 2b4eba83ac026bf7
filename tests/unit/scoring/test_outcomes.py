import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.outcomes import InvalidOutcomes, Outcomes, capped, weighted_medians

ROWS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 4), st.sampled_from([0.0, 1.0])), max_size=40
)


def outcomes_of(rows: list[tuple[int, int, int, float]]) -> Outcomes:
    who, whom, when = (np.array([row[column] for row in rows], dtype=np.int64) for column in range(3))
    return Outcomes(who, whom, when, np.array([row[3] for row in rows], dtype=np.float64), 4, 3, 5)


@given(ROWS)
def test_a_cell_is_the_mean_of_its_reports(rows: list[tuple[int, int, int, float]]) -> None:
    found = capped(outcomes_of(rows))
    cells: dict[tuple[int, int, int], list[float]] = {}
    for who, whom, when, success in rows:
        cells.setdefault((who, whom, when), []).append(success)
    keys = sorted(cells)
    np.testing.assert_allclose(found.value, [np.mean(cells[key]) for key in keys])
    assert found.reporter[found.pair].tolist() == [key[0] for key in keys]
    assert found.place.tolist() == [key[1] * 5 + key[2] for key in keys]
    spoken = [sum(key[:2] == pair for key in keys) for pair in sorted({key[:2] for key in keys})]
    assert found.spoken.tolist() == spoken


def test_a_flood_of_reports_in_a_slot_is_one_voice() -> None:
    once, often = [(0, 0, 0, 0.0)], [(0, 0, 0, 0.0)] * 1_000
    other = [(1, 0, 0, 1.0)]
    assert capped(outcomes_of(once + other)).value.tolist() == capped(outcomes_of(often + other)).value.tolist()


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(-5, 5), st.integers(0, 3)), min_size=1, max_size=30))
def test_the_weighted_median_is_that_of_repeated_values(rows: list[tuple[int, int, int]]) -> None:
    group, values, weight = (np.array(column) for column in zip(*rows, strict=True))
    found = weighted_medians(group, values.astype(np.float64), weight.astype(np.float64), 4)
    for each in range(4):
        repeated = sorted(np.repeat(values[group == each], weight[group == each]))
        middle = repeated[(len(repeated) - 1) // 2] if repeated else np.nan
        np.testing.assert_equal(found[each], float(middle))


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        (([0], [0], [0, 1], [1.0]), "of one length"),
        (([2], [0], [0], [1.0]), "reporter must be from 0 to 1"),
        (([0], [-1], [0], [1.0]), "provider must be from 0 to 0"),
        (([0], [0], [2], [1.0]), "slot must be from 0 to 1"),
        (([0], [0], [0], [float("nan")]), "success must be numbers from 0 to 1"),
    ],
)
def test_columns_that_do_not_fit_are_refused(
    columns: tuple[list[int], list[int], list[int], list[float]], sentence: str
) -> None:
    who, whom, when = (np.array(column, dtype=np.int64) for column in columns[:3])
    with pytest.raises(InvalidOutcomes, match=sentence):
        Outcomes(who, whom, when, np.array(columns[3]), 2, 1, 2)
