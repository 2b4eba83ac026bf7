import os
import subprocess
import sys

import pytest

from analytics.local.children import dying_with_parent, free_port, resident_bytes


def test_a_free_port_is_one_of_ours_to_bind() -> None:
    assert 1_024 <= free_port() <= 65_535


def test_this_process_holds_memory() -> None:
    memory_bytes = resident_bytes(os.getpid())
    assert memory_bytes is not None
    assert memory_bytes > 1_000_000


def test_an_ended_process_holds_none() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
        assert resident_bytes(child.pid) is None


@pytest.mark.parametrize("code", [0, 7])
def test_a_wrapped_command_keeps_its_exit_code_and_words(code: int) -> None:
    command = dying_with_parent([sys.executable, "-c", f"print('two  words'); raise SystemExit({code})"])
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (code, "two  words\n")
