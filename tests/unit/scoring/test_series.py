from hypothesis import given
from hypothesis import strategies as st

from scoring.series import Series

words = st.sampled_from(["", "a", "b", "c"])


@given(st.lists(st.tuples(words, words, words), max_size=20))
def test_combinations_read_like_the_list_they_were_made_of(given: list[tuple[str, str, str]]) -> None:
    series = Series.of(given)
    assert list(series) == given == [series[at] for at in range(len(series))]
    assert list(series[2:5]) == given[2:5]
    assert Series.of(series) is series
    assert all(len(set(known)) == len(known) for known in series.words)
