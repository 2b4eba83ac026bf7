"""The library is built by the install, and an install without a compiler goes on and says what it lacks."""

import ctypes
import subprocess
from pathlib import Path
from typing import Any

import pytest

from compiled import build
from compiled.build import CompiledPart, built
from compiled.library import library


class _App:
    def __init__(self) -> None:
        self.warned: list[str] = []

    def display_warning(self, text: str) -> None:
        self.warned.append(text)


def hook(app: _App) -> CompiledPart:
    given: Any = (".", {}, None, None, ".", "wheel", app)
    return CompiledPart(*given)


def test_the_sources_build_without_a_warning_and_can_be_loaded(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = built(tmp_path)
    assert path is not None, "no C compiler: CI has one"
    assert capfd.readouterr() == ("", "")
    ctypes.CDLL(str(path))
    assert [one.name for one in tmp_path.iterdir()] == [path.name], "nothing is left beside it"


def test_this_checkout_has_the_library() -> None:
    assert library() is not None, "make venv-dev builds it where there is a C compiler"


def test_a_wheel_holds_the_library_and_is_of_this_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "built", lambda into: into / build.NAME)
    data: dict[str, Any] = {"artifacts": [], "pure_python": True, "tag": None}
    hook(_App()).initialize("standard", data)
    assert data["artifacts"] == ["compiled/_trustscore.so"]
    assert data["pure_python"] is False
    assert data["tag"].startswith("py3-none-")


@pytest.mark.parametrize("compiler", ["no-such-compiler", "false"], ids=["missing", "failing"])
def test_without_a_compiler_the_install_goes_on_and_says_so(
    compiler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", compiler)
    monkeypatch.setattr(build, "HERE", tmp_path)
    (tmp_path / build.NAME).touch()
    app, data = _App(), dict[str, Any](artifacts=[])
    hook(app).initialize("standard", data)
    assert data["artifacts"] == []
    assert not (tmp_path / build.NAME).exists(), "one of other sources would be loaded"
    assert len(app.warned) == 1
    assert "a worker takes in a third as much" in app.warned[0]


def test_a_failing_compiler_is_told_by_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "false")
    with pytest.raises(subprocess.CalledProcessError, match="false"):
        built(tmp_path)
