"""Where a lake is: a directory, or an address in an object store."""

from pathlib import Path
from typing import Final

from analytics.lake.errors import NoLake
from analytics.lake.views import TABLES

__all__ = ["CLIENT", "check_path", "is_remote", "storage_options", "table_address"]

CLIENT: Final = {"timeout": "20s", "connect_timeout": "5s", "max_retries": "3", "retry_timeout": "30s"}
"""Patience with an object store: deltalake's own 180 s would keep a question waiting."""
_GLOB: Final = frozenset("*?[")


def is_remote(path: str) -> bool:
    """Whether it is an address in an object store, such as ``s3://bucket/prefix``."""
    return "://" in path


def storage_options(path: str) -> dict[str, str] | None:
    """What deltalake is told of an object store beside the environment; None for a directory."""
    return dict(CLIENT) if is_remote(path) else None


def table_address(path: str, name: str) -> str:
    """Where a table of the lake is."""
    return f"{path.rstrip('/')}/{name}"


def check_path(path: str) -> str:
    """The path, if there can be a lake. An object store has no directories that could be missing.

    Raises
    ------
    NoLake
        When there is no such directory, or something else is in it.
    """
    if is_remote(path):
        return path
    directory = Path(path)
    if not directory.is_dir():
        raise NoLake(path, "there is a file of that name" if directory.exists() else "there is no such directory")
    if _GLOB & set(path):
        raise NoLake(path, "DuckDB takes * ? [ in a path for a pattern")
    found = sorted(entry.name for entry in directory.iterdir() if not entry.name.startswith("."))
    if found and not any((directory / name / "_delta_log").is_dir() for name in TABLES):
        inside = f"{', '.join(found[:3])}{', …' if len(found) > 3 else ''}"
        raise NoLake(path, "it is one table of a lake" if "_delta_log" in found else f"it holds {inside}")
    return path
