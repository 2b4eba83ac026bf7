import re
from pathlib import Path

import pytest

from infra.kafka.jars import HASHES, MissingPiece, ensure_jars, have_jars


def fake_maven(directory: Path, script: str) -> None:
    maven = directory / "mvn"
    maven.write_text(f"#!/bin/sh\n{script}\n", encoding="ascii")
    maven.chmod(0o755)


def test_the_jars_are_those_of_kafka_4_4() -> None:
    names = [line.split()[1] for line in HASHES.read_text(encoding="ascii").splitlines()]
    assert "kafka_2.13-4.4.0.jar" in names
    assert all(re.fullmatch(r"[\w.-]+\.jar", name) for name in names)


def test_an_empty_directory_has_no_jars(tmp_path: Path) -> None:
    assert not have_jars(tmp_path)


def test_a_jar_with_another_hash_is_refused_and_nothing_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = " ".join(line.split()[1] for line in HASHES.read_text(encoding="ascii").splitlines())
    fake_maven(
        tmp_path,
        f'for a in "$@"; do case "$a" in -DoutputDirectory=*) d="${{a#*=}}";; esac; done\n'
        f'mkdir -p "$d"; for n in {names}; do echo other >"$d/$n"; done',
    )
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(
        MissingPiece, match=r"\.jar must have sha256 [0-9a-f]{64}; got [0-9a-f]{64}; check the repository"
    ):
        ensure_jars(tmp_path / "jre" / "bin" / "java", tmp_path / "cache" / "jars")
    assert list((tmp_path / "cache").iterdir()) == []


def test_a_failing_maven_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_maven(tmp_path, "echo '[ERROR] Unknown host'; echo more; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    with pytest.raises(MissingPiece, match=r"\AMaven failed with exit code 1: \[ERROR\] Unknown host\Z"):
        ensure_jars(tmp_path / "jre" / "bin" / "java", tmp_path / "cache" / "jars")
