"""What a promise is."""

from dataclasses import dataclass

__all__ = ["Promise", "tests_in"]


@dataclass(frozen=True, slots=True)
class Promise:
    """One sentence a reader may rely on.

    Parameters
    ----------
    sentence
        As it would stand in the documentation.
    tests
        That would fail if it were broken: ``tests/…/test_file.py::test_name`` (no parameters in brackets).
    command
        Make target whose printed figures show it, for what a test cannot decide (speed): ``make bench ONLY=engine``.
    """

    sentence: str
    tests: tuple[str, ...] = ()
    command: str = ""


def tests_in(file: str, *names: str) -> tuple[str, ...]:
    """Ids of tests of one file, given without ``tests/`` and ``.py``; add the tuples of several files."""
    return tuple(f"tests/{file}.py::{name}" for name in names)
