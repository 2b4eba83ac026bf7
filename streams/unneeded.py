"""Libraries that others load where they are installed, though nothing in a worker asks for them."""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

__all__ = ["leave_out"]


class _Absent(MetaPathFinder):
    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname in self._names:
            raise ModuleNotFoundError(f"No module named {fullname!r} for a worker", name=fullname)
        return None


def leave_out(*names: str) -> None:
    """Let this process find no top-level module of these names; done before whoever would load them is imported."""
    sys.meta_path.insert(0, _Absent(names))
