"""What every file of the repository holds to, whatever it is about."""

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LONGEST_MODULE = 400
TEXT_UP_TO_BYTES = 2_000_000
# In pieces, or this file would hold what it looks for.
INDEXES = tuple(
    "".join(pieces)
    for pieces in (
        ("pypi", ".org/simple"), ("files.python", "hosted.org"), ("registry.npm", "js.org"), ("repo1.maven", ".org"),
        ("repo.maven.apache", ".org"), ("proxy.golang", ".org"), ("index.crates", ".io"), ("static.crates", ".io"),
    )
)  # fmt: skip
INDEX_OPTION = re.compile(r'^\s*(--)?(extra-)?index-url\b|"resolved": *"http|source = "regis' + r"try\+", re.MULTILINE)
OF_ONE_MACHINE = re.compile(r"(?<![\w.~}])/(?:root|home|Users|work)/(?!you\b|user\b|me\b|\W)")


@cache
def files() -> tuple[Path, ...]:
    """Every file git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.decode()
    return tuple(path for name in listed.split("\0") if name and (path := ROOT / name).is_file())


def texts() -> list[tuple[str, str]]:
    return [
        (path.relative_to(ROOT).as_posix(), data.decode("utf-8"))
        for path in files()
        if path.stat().st_size <= TEXT_UP_TO_BYTES and b"\0" not in (data := path.read_bytes())
    ]


@pytest.mark.promise("project.small-modules")
def test_no_module_is_longer_than_400_lines() -> None:
    lengths = {path: path.read_bytes().count(b"\n") for path in files() if path.suffix == ".py"}
    assert len(lengths) > 20
    assert {path.relative_to(ROOT).as_posix(): n for path, n in lengths.items() if n > LONGEST_MODULE} == {}


@pytest.mark.promise("project.no-index-address")
def test_no_file_names_a_package_index() -> None:
    assert [
        name for name, text in texts() if INDEX_OPTION.search(text) or any(index in text for index in INDEXES)
    ] == []


@pytest.mark.promise("project.no-machine-paths")
def test_no_file_holds_a_path_of_one_machine() -> None:
    found = [f"{name}: {match[0]}" for name, text in texts() for match in OF_ONE_MACHINE.finditer(text)]
    assert found == []


@pytest.mark.promise("project.locked")
@pytest.mark.parametrize("lock", ["run", "dev", "java", "postgres"])
def test_every_locked_package_has_a_version_and_hashes(lock: str) -> None:
    text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
    entries = re.split(r"^(?=\S)", text, flags=re.MULTILINE)[1:]
    assert entries
    assert [
        entry.split()[0] for entry in entries if not re.match(r"[a-z0-9._-]+==\S+ .*\\\n    --hash=sha256:", entry)
    ] == []


@pytest.mark.promise("project.locked")
def test_development_runs_on_what_is_shipped() -> None:
    def versions(lock: str) -> set[str]:
        return set(re.findall(r"^\S+==\S+", (ROOT / "requirements" / lock).read_text(encoding="utf-8"), re.MULTILINE))

    assert versions("run.txt") <= versions("dev.txt")


def test_packages_say_that_they_are_typed() -> None:
    for package in ("compiled", "scoring", "streams", "analytics", "sdks/python/trustscore_client"):
        assert (ROOT / package / "py.typed").is_file(), package
