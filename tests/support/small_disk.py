"""A disk of its own for a lake, that is filled, made read-only or taken away under a running worker.

Where mounting is permitted it is a tmpfs: the errors are the kernel's own for such a disk. Elsewhere the worker's limit
of file sizes stands for the full disk (every write beyond it fails in the kernel), rights for the read-only one, and a
directory put in the place of the lake for the one that is not mounted.
"""

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

__all__ = ["Disk", "LimitedDisk", "MountedDisk", "can_mount", "disk_at", "limited_disk_at"]

_SIZE: Final = 48 * 2**20
_SMALL_FILE: Final = 16 * 2**10


class Disk(Protocol):
    """A lake's disk."""

    @property
    def contents(self) -> Path:
        """Where what is on it can be read, whatever the fault."""

    def full(self) -> AbstractContextManager[None]:
        """Nothing more fits on it."""

    def read_only(self) -> AbstractContextManager[None]:
        """Nothing can be written to it."""

    def gone(self) -> AbstractContextManager[None]:
        """It is not mounted: an empty directory is in its place."""


def can_mount(root: Path) -> bool:
    """Whether this process may mount a file system."""
    place = root / "mount-test"
    place.mkdir()
    try:
        if not _mounts("-t", "tmpfs", "-o", "size=64k", "tmpfs", str(place)):
            return False
        subprocess.run(["umount", str(place)], check=True, capture_output=True)
        return True
    finally:
        place.rmdir()


@contextmanager
def disk_at(lake: Path, pids: Callable[[], list[int]]) -> Iterator[Disk]:
    """A disk at a lake's directory; ``pids`` are the workers that write to it."""
    with MountedDisk.at(lake) if can_mount(lake.parent) else limited_disk_at(lake, pids) as disk:
        yield disk


@contextmanager
def limited_disk_at(lake: Path, pids: Callable[[], list[int]]) -> Iterator[Disk]:
    """The same, made of limits and rights wherever it runs."""
    yield LimitedDisk(lake, pids)


class MountedDisk:
    """A tmpfs of 48 MiB, mounted where the lake is."""

    def __init__(self, lake: Path, behind: Path) -> None:
        self._lake, self._behind = lake, behind

    @property
    def contents(self) -> Path:
        return self._behind

    @classmethod
    @contextmanager
    def at(cls, lake: Path) -> Iterator["MountedDisk"]:
        """Mounted, and unmounted in the end."""
        behind = lake.with_name("disk")
        behind.mkdir()
        lake.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "tmpfs", str(behind)], check=True)
        try:
            subprocess.run(["mount", "--bind", str(behind), str(lake)], check=True)
            yield cls(lake, behind)
        finally:
            for place in (lake, behind):
                subprocess.run(["umount", "-l", str(place)], check=False, capture_output=True)

    @contextmanager
    def full(self) -> Iterator[None]:
        fill = self._behind / ".fill"
        with fill.open("wb", buffering=0) as file, suppress(OSError):
            for size in (2**20, 2**12):
                with suppress(OSError):
                    while True:
                        file.write(b"\0" * size)
        try:
            yield
        finally:
            fill.unlink()

    @contextmanager
    def read_only(self) -> Iterator[None]:
        self._remount("ro")
        try:
            yield
        finally:
            self._remount("rw")

    def _remount(self, how: str) -> None:
        """Of the bind mount alone: it works while a file is open for writing, which the other does not."""
        subprocess.run(["mount", "-o", f"remount,bind,{how}", str(self._lake)], check=True)

    @contextmanager
    def gone(self) -> Iterator[None]:
        subprocess.run(["umount", "-l", str(self._lake)], check=True)
        try:
            yield
        finally:
            assert not list(self._lake.iterdir()), "nothing was written into the mount point"
            subprocess.run(["mount", "--bind", str(self._behind), str(self._lake)], check=True)


class LimitedDisk:
    """A directory, and limits and rights that make it behave so."""

    def __init__(self, lake: Path, pids: Callable[[], list[int]]) -> None:
        self._lake, self._pids = lake, pids
        self._aside = lake.with_name("lake-aside")

    @property
    def contents(self) -> Path:
        return self._aside if self._aside.exists() else self._lake

    @contextmanager
    def full(self) -> Iterator[None]:
        pids = self._pids()
        before = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids}
        for pid, (_, hard) in before.items():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (_SMALL_FILE, hard))
        try:
            yield
        finally:
            for pid, limits in before.items():
                resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)

    @contextmanager
    def read_only(self) -> Iterator[None]:
        if os.geteuid() == 0:  # rights mean nothing to root: a file where the directory was
            with self._replaced(lambda: self._lake.write_text("")):
                yield
            return
        places = [path for path in self._lake.rglob("*") if path.is_dir()]
        for place in places:
            place.chmod(0o555)
        try:
            yield
        finally:
            for place in places:
                place.chmod(0o755)

    @contextmanager
    def gone(self) -> Iterator[None]:
        with self._replaced(self._lake.mkdir):
            yield

    @contextmanager
    def _replaced(self, make: Callable[[], object]) -> Iterator[None]:
        self._lake.rename(self._aside)
        make()
        try:
            yield
        finally:
            if self._lake.is_dir():
                assert not list(self._lake.iterdir()), "nothing was written where the lake was"
                self._lake.rmdir()
            else:
                self._lake.unlink()
            self._aside.rename(self._lake)


def _mounts(*arguments: str) -> bool:
    try:
        return subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
