import json
import os
import subprocess
import sys

from streams.settings import PREFIX


def test_bad_settings_are_all_said_and_end_with_exit_code_two() -> None:
    bad = {"PARTITIONS": "none", "REJECT_RATIO": "2", "WORKER_PORT": "-1"}
    environment = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    done = subprocess.run(
        [sys.executable, "-m", "streams.worker"],
        env=environment | {PREFIX + name: value for name, value in bad.items()},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert {line["name"]: line["got"] for line in lines} == {PREFIX + name: value for name, value in bad.items()}
    assert all(line["event"] == "bad_setting" and line["wanted"] for line in lines)
    assert "Traceback" not in done.stderr
