"""Rows of facets, looked up by number, are those that a dictionary of names would give."""

from hypothesis import given
from hypothesis import strategies as st

from scoring.book import Book
from scoring.series import Series, Words
from streams.steps.facets import FacetRows, facets_of

words = st.sampled_from(["", "a", "b", "c|d", "task=a"])
combination = st.tuples(st.sampled_from(["p", "q", "p|x", "r"]), words, words)


@given(st.lists(st.lists(combination, max_size=12), max_size=5))
def test_each_facet_has_the_row_of_its_name_however_the_runs_are_cut(runs: list[list[Words]]) -> None:
    book, rows = Book(), FacetRows()
    for run in runs:
        found = rows.of(Series.of(run), book)
        assert found.shape == (len(run), 3)
        for one, at in zip(run, found.tolist(), strict=True):
            assert [book.names[row] if row >= 0 else "" for row in at] == list(facets_of(*one))
    assert len(set(book.names)) == len(book.names)
    assert all(book.rows[name] == row for row, name in enumerate(book.names))


def test_rows_that_a_book_holds_already_are_found() -> None:
    book = Book()
    before = {name: book.row(name) for name in ("p|region=eu", "q", "p", "p|task=a")}
    found = FacetRows().of(Series.of([("p", "a", "eu"), ("q", "", "")]), book)
    assert found.tolist() == [[before["p"], before["p|task=a"], before["p|region=eu"]], [before["q"], -1, -1]]
    assert len(book.names) == len(before)


def test_who_stands_in_no_combination_gets_no_row() -> None:
    book = Book()
    FacetRows().of(Series.of([("p", "a", ""), ("q", "b", "")])[1:], book)
    assert book.names == ["q", "q|task=b"]
