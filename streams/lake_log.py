"""The last entry of a Delta log where it was only half written, and how it is set aside.

A local file system makes an entry appear whole or not at all, as long as it runs. A machine that loses power, a network
file system or a copy can leave its beginning, and then nothing opens the table any more.
"""

import fcntl
import json
import os
import re
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["CutEntry", "cut_head", "set_aside"]

_ENTRY: Final = re.compile(r"(\d{20})\.json")
_CHECKPOINT: Final = re.compile(r"(\d{20})\.checkpoint.*\.parquet")


class CutEntry(NamedTuple):
    """A log entry that ends in the middle. Equal to another look at it: nobody has touched it between."""

    path: Path
    size_bytes: int
    changed_ns: int


def cut_head(table: Path) -> CutEntry | None:
    """The last entry of a table's log where it is the beginning of one, and nothing comes after it; else None.

    Lines before the last must be whole: what is damaged in any other way was not left by a writer that died. (An entry
    of no bytes opens as a commit of nothing and needs no help.)
    """
    log = table / "_delta_log"
    try:
        names = os.listdir(log)
    except OSError:
        return None
    versions = {int(found[1]): name for name in names if (found := _ENTRY.fullmatch(name))}
    after = [int(found[1]) for name in names if (found := _CHECKPOINT.fullmatch(name))]
    if not versions or max(after, default=-1) >= max(versions):
        return None
    path = log / versions[max(versions)]
    try:
        entry, stat = path.read_bytes(), path.stat()
    except OSError:
        return None
    return CutEntry(path, stat.st_size, stat.st_mtime_ns) if _is_cut(entry) else None


def set_aside(entry: CutEntry) -> Path | None:
    """Where the entry was moved; None when it is no longer what it was.

    Of several workers that do this at once, one does: the lock is held for the second look.
    """
    with (entry.path.parent / ".set-aside.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if cut_head(entry.path.parent.parent) != entry:
            return None
        kept = next(
            place
            for number in range(1, 10_000)
            if not (place := entry.path.with_name(f"{entry.path.name}.broken-{number}")).exists()
        )
        entry.path.rename(kept)
        return kept


def _is_cut(entry: bytes) -> bool:
    lines = entry.rstrip(b"\n").split(b"\n")
    return bool(entry) and all(map(_is_json, lines[:-1])) and not _is_json(lines[-1])


def _is_json(line: bytes) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
