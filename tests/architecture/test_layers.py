"""Who may import whom: the contracts of import-linter, and what really gets loaded."""

import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"faust", "mode", "aiokafka", "duckdb", "deltalake", "pyarrow", "mcp", "msgspec"}


def modules_loaded_by(*packages: str) -> set[str]:
    code = f"""
import importlib, pkgutil, sys
for name in {packages!r}:
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, name + "."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
print("\\n".join(sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.split())


@pytest.mark.promise("project.import-contracts")
def test_import_contracts_are_kept(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    # It configures logging anew, which silences the loggers of all tests to come.
    monkeypatch.setattr("logging.config.dictConfig", lambda _: None)
    status = lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True)
    assert status == EXIT_STATUS_SUCCESS, capsys.readouterr().out


def test_every_package_of_ours_is_under_contract() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = {
        module.name for module in pkgutil.iter_modules([str(ROOT), str(ROOT / "sdks" / "python")]) if module.ispkg
    }
    assert packages - {"tests", "benchmarks", "infra", "docs", "notebooks"} == set(
        config["tool"]["importlinter"]["root_packages"]
    )


@pytest.mark.promise("project.import-contracts")
def test_scoring_loads_no_stream_or_lake_library() -> None:
    loaded = {name.partition(".")[0] for name in modules_loaded_by("scoring")}
    assert "scoring" in loaded
    assert loaded.isdisjoint(HEAVY | {"streams", "analytics"})
