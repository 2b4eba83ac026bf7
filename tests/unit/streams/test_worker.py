import asyncio
import json
import os
import subprocess
import sys

import pytest

from streams.app import build_app
from streams.fencing import NotMember
from streams.settings import PREFIX
from streams.worker import _last_flush
from tests.support.memory_worker import settings


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


def test_a_rebalance_during_the_last_flush_is_no_failure_and_anything_else_is() -> None:
    async def story(problem: Exception) -> None:
        parts = build_app(settings(lake=""))
        parts.fence.confirmed(parts.fence.clock())
        parts.telemetry.ready = True

        async def flush() -> None:
            raise problem

        parts.fold.flush = flush  # type: ignore[method-assign]
        await _last_flush(parts)

    asyncio.run(story(NotMember(float("inf"), 3.0)))
    with pytest.raises(OSError, match="disk"):
        asyncio.run(story(OSError("disk")))
