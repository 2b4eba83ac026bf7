"""Kafka Streams at the same work, on a JVM: built by Maven into ``.cache``, once for each state of its source.

``python -m benchmarks.peers.kafka_streams_windows BROKER REPORTS [THREADS]`` prints what every peer prints; the program
is ``kafka_streams/src/main/java/trustscore/Peer.java``.
"""

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from analytics.local.children import dying_with_parent
from benchmarks.peers.peer import CACHE, Unavailable, built_once
from infra.kafka.jars import ensure_java

__all__: list[str] = []

SOURCE: Final = Path(__file__).with_name("kafka_streams")
THREADS: Final = 2
JVM: Final = ("-Xms512m", "-Xmx1g", "-XX:+UseParallelGC", "-Djava.net.preferIPv4Stack=true")
QUIET: Final = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error"


def version_of(source: Path) -> str:
    """Changes with every byte of the sources."""
    seen = hashlib.sha256()
    for path in sorted(path for path in source.rglob("*") if path.is_file()):
        seen.update(path.relative_to(source).as_posix().encode() + b"\0" + path.read_bytes())
    return seen.hexdigest()[:16]


def first_error(said: str) -> str:
    """Maven's first error; its last lines only say how to ask for more."""
    return next((line for line in said.splitlines() if "[ERROR]" in line), "no output")


def ensure_built(java: Path) -> Path:
    """Directory with ``classes`` and ``jars``."""

    def build(place: Path) -> None:
        maven = shutil.which("mvn")
        if maven is None:
            raise Unavailable("Kafka Streams must be built by Maven; mvn is not on PATH; install maven")
        # Maven writes beside its pom unless told otherwise; the checkout stays as it is.
        shutil.copytree(SOURCE, place / "source")
        command = [maven, "-q", "-B", "-f", str(place / "source" / "pom.xml"), f"-Dpeer.build={place}", "compile"]
        command += ["dependency:copy-dependencies", f"-DoutputDirectory={place / 'jars'}", "-DincludeScope=runtime"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
        if done.returncode or not list((place / "jars").glob("kafka-streams-*.jar")):
            raise Unavailable(
                f"Maven must build {SOURCE.name}; exit code {done.returncode}: {first_error(done.stdout)}"
            )

    if not (java.resolve().parent / "javac").exists() and shutil.which("javac") is None:
        raise Unavailable("Kafka Streams must be built by a JDK; no javac is found; install openjdk-17-jdk-headless")
    return built_once(CACHE / f"kafka-streams-{version_of(SOURCE)}", build)


def main(arguments: Sequence[str]) -> int:
    """Exit code of the JVM."""
    broker, reports, *threads = arguments
    java = ensure_java()
    place = ensure_built(java)
    path = f"{place / 'classes'}:{place / 'jars' / '*'}"
    with tempfile.TemporaryDirectory(prefix="kafka-streams-") as state:
        options = [*JVM, QUIET, f"-Djava.io.tmpdir={state}", "-cp", path]
        count = threads[0] if threads else str(THREADS)
        command = dying_with_parent([str(java), *options, "trustscore.Peer", broker, reports, count])
        return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Unavailable as fault:
        sys.exit(fault.as_exit())
