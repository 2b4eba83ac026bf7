"""How long work says how far it is: a function that is told, so that the work knows no terminal."""

from collections.abc import Callable

__all__ = ["Progress", "silent"]

Progress = Callable[[str, int, int], None]
"""Called with what is being done, and how much of how much of it is done."""


def silent(_what: str, _done: int, _of: int) -> None:
    """Tell nobody."""
