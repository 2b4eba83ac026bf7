"""A Python with one more library, in a directory of its own under ``.cache``: what a peer needs must not reach ours."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks.peers.peer import CACHE, Unavailable, built_once, last_words

__all__ = ["ensure_environment"]

INSTALL_S: Final = 600.0


def ensure_environment(*packages: str) -> Path:
    """``python`` of an environment that holds ``packages`` (``name==version``), made when it is not there.

    Raises
    ------
    Unavailable
        When they cannot be installed for this version of Python.
    """
    version = f"py{sys.version_info.major}{sys.version_info.minor}"
    place = CACHE / "-".join((*(package.replace("==", "-") for package in packages), version))

    def build(made: Path) -> None:
        # Packages alone, on the path of the Python that runs this: an environment would name the directory it was made in.
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"]
        command += ["--target", str(made), *packages]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_S)
        if done.returncode:
            raise Unavailable(f"pip must install {' '.join(packages)} for {version}: {last_words(done.stderr)}")

    return built_once(place, build)


def with_packages(place: Path) -> dict[str, str]:
    """Environment of a process that sees the packages of ``place`` before all others."""
    return {**os.environ, "PYTHONPATH": str(place)}
