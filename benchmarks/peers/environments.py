"""A Python with one more library, in a directory of its own under ``.cache``: what a peer needs must not reach ours."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.peers.peer import CACHE, Unavailable, built_once, last_words

__all__ = ["ensure_environment", "inside"]

INSTALL_S: Final = 600.0
INSIDE: Final = "TRUSTSCORE_PEER_PACKAGES"


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
        # Packages alone, put on the path: an environment would name the directory it was made in, which is renamed.
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--only-binary=:all:",
        ]
        command += ["--target", str(made), *packages]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_S)
        if done.returncode:
            raise Unavailable(f"pip must install {' '.join(packages)} for {version}: {last_words(done.stderr)}")

    return built_once(place, build)


def inside(peer: str, packages: Sequence[str]) -> None:
    """Go on in a process that sees ``packages`` before all others; returns only in that process.

    Raises
    ------
    Unavailable
        When they cannot be installed.
    """
    place = ensure_environment(*packages)
    if os.environ.get(INSIDE) != str(place):
        env = {**os.environ, "PYTHONPATH": str(place), INSIDE: str(place)}
        os.execve(sys.executable, [sys.executable, "-m", f"benchmarks.peers.{peer}", *sys.argv[1:]], env)
