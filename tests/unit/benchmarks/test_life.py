import pytest

from benchmarks.harness import BenchmarkFailed
from benchmarks.life import rate, share_stale
from benchmarks.support.asking import Asking, Said
from benchmarks.support.processes import Sample


def test_a_rate_is_what_was_folded_between_the_first_sample_and_the_last() -> None:
    assert rate([Sample(10.0, 100), Sample(11.0, 900), Sample(14.0, 2_100)]) == 500.0


def test_the_share_of_stale_answers_is_of_those_asked_and_answered_while_behind() -> None:
    before, first, second, after = (
        Said(0.9, 1.1, False),
        Said(1.0, 1.2, True),
        Said(1.5, 2.0, False),
        Said(1.9, 2.1, True),
    )
    assert share_stale([before, first, second, after], 1.0, 2.0) == 0.5


def test_a_server_that_was_not_asked_is_no_result() -> None:
    with pytest.raises(BenchmarkFailed, match=r"must have been asked in 1\.0 s"):
        share_stale([Said(5.0, 5.1, True)], 1.0, 2.0)


def test_an_answer_to_an_earlier_question_ends_no_waiting() -> None:
    asking = Asking("http://127.0.0.1:9", "p")
    asking.said.append(Said(0.0, 0.1, True))
    with pytest.raises(BenchmarkFailed, match="answers must be stale within 0 s"):
        asking.wait_until(is_stale=True, within_s=0.0)
