import doctest
import subprocess
import sys
import tomllib
from pathlib import Path

import trustscore_client
from trustscore_client import calls, sender

SDK = Path(trustscore_client.__file__).parents[1]


def test_importing_the_client_loads_nothing_but_the_standard_library() -> None:
    code = "import sys; before = set(sys.modules); import trustscore_client; print(*(set(sys.modules) - before))"
    # -S: without site-packages, as on a machine where nothing else is installed.
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=SDK, capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "trustscore_client" in loaded
    assert loaded - {"trustscore_client"} <= sys.stdlib_module_names


def test_kafka_without_aiokafka_says_what_to_install() -> None:
    code = "from trustscore_client import TrustScore; TrustScore('kafka://127.0.0.1:9092')"
    done = subprocess.run([sys.executable, "-S", "-c", code], cwd=SDK, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "InvalidSetting: kafka:// needs aiokafka; pip install 'trustscore-client[kafka]'" in done.stderr


def test_the_package_needs_nothing_and_has_one_version() -> None:
    project = tomllib.loads((SDK / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["dependencies"] == []
    assert project["version"] == trustscore_client.__version__


def test_the_examples_in_docstrings_run() -> None:
    for module in (trustscore_client, calls, sender):
        results = doctest.testmod(module)
        assert results.attempted > 0
        assert results.failed == 0
