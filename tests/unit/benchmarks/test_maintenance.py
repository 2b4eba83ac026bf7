import pytest

from benchmarks.harness import BenchmarkFailed
from benchmarks.maintenance import rounds_of


def test_rounds_that_changed_something_are_counted() -> None:
    log = '{"event": "lake_maintained", "level": "info"}\n{"event": "other"}\n{"event": "lake_maintained"}\n'
    assert rounds_of(log) == 2
    assert rounds_of("") == 0


def test_a_round_that_failed_is_no_result() -> None:
    with pytest.raises(BenchmarkFailed, match=r"maintenance must fail in no round; got .*out of space"):
        rounds_of('{"event": "lake_maintained"}\n{"problem": "out of space", "event": "lake_maintenance_failed"}\n')
