"""Where ``CI=true``, a skipped test is a failed one: what did not run has shown nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SKIPPED_TEST = "import pytest\ndef test_needs_a_server():\n    pytest.skip('no server')\n"
SKIPPED_MODULE = "import pytest\npytest.skip('no server', allow_module_level=True)\n"


@pytest.mark.promise("project.nothing-skipped-in-ci")
@pytest.mark.parametrize("source", [SKIPPED_TEST, SKIPPED_MODULE], ids=["test", "module"])
@pytest.mark.parametrize(("ci", "is_green"), [("true", False), ("", True)], ids=["ci", "here"])
def test_a_skip_fails_in_ci_and_only_there(tmp_path: Path, source: str, ci: str, is_green: bool) -> None:
    (tmp_path / "test_it.py").write_text(source, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", "--rootdir"]
    env = {**os.environ, "CI": ci, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, str(tmp_path), str(tmp_path)], capture_output=True, text=True, check=False, cwd=tmp_path, env=env
    )
    wanted = {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED} if is_green else {1, 2}
    assert done.returncode in wanted, done.stdout
    assert ("which CI=true forbids" in done.stdout) is not is_green
