import os
import subprocess
import sys
from pathlib import Path

import pytest

import streams.allocators

COMMON = """
import gc, sys
import numpy as np
from streams.memory import LARGE_BYTES, give_back_free, give_back_large

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

if sys.argv[1] == "set" and not give_back_large():
    sys.exit(3)
np.ones(3 << 20).sum()  # freed: the threshold rises to 24 MiB, where it may
before = resident()
held, pins = [], []
"""
LARGE = """
for number in range((100 << 20) // (2 * LARGE_BYTES)):  # a small one behind each keeps the heap from shrinking
    held.append(np.ones(2 * LARGE_BYTES // 8))
    pins.append(np.ones(16_000))
held.clear()
gc.collect()
"""
SMALL = """
for number in range(1_000):
    held.append(np.ones(16_000))
    pins.append(np.ones(500))
held.clear()
gc.collect()
if sys.argv[1] == "set" and not give_back_free():
    sys.exit(3)
"""
ARROW = """
import pyarrow as pa
held += [pa.array([number] * 5_000) for number in range(1_000)]
pins += [pa.array([number] * 50) for number in range(1_000)]
held.clear()
gc.collect()
if sys.argv[1] == "set":
    give_back_free()
"""
HUGE = """
import sys
if sys.argv[1] == "worker":
    import streams.worker
import numpy as np
held = np.ones(8 << 20)
flags = [line.split() for line in open("/proc/self/smaps") if line.startswith("VmFlags")]
print(sum("hg" in line for line in flags))
"""
SAY = "print((resident() - before) >> 20)"
AS_STARTED = {name: value for name, value in os.environ.items() if name not in streams.allocators.SAID}
"""Other tests import the worker, which says in this process what libraries are to do."""
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def kept_mib(program: str, how: str) -> int:
    text = COMMON + program + SAY
    command = [sys.executable, "-c", text, how]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=AS_STARTED)
    if done.returncode == 3:
        pytest.skip("another C library than glibc")
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


def test_large_arrays_go_back_to_the_system_when_they_are_freed() -> None:
    assert kept_mib(LARGE, "set") < 45, "25 MiB of small ones are held; 100 MiB of large ones were"


def test_free_pages_between_what_is_held_go_back_to_the_system() -> None:
    assert kept_mib(SMALL, "unset") > 100, "of 122 MiB freed"
    assert kept_mib(SMALL, "set") < 30


def test_a_worker_asks_for_no_pages_of_2_mib_which_numpy_does() -> None:
    def asked(who: str) -> int:
        command = [sys.executable, "-c", HUGE, who]
        return int(subprocess.run(command, capture_output=True, timeout=120, check=True, env=AS_STARTED).stdout)

    assert asked("worker") == 0
    assert (asked("others") > 0) == Path("/sys/kernel/mm/transparent_hugepage").exists()


def test_what_arrow_holds_on_to_goes_back_to_the_system() -> None:
    assert kept_mib(ARROW, "unset") > kept_mib(ARROW, "set") + 20, "of 38 MiB freed"


def test_a_worker_loads_no_statistics_library_for_the_one_rank_it_needs() -> None:
    text = "import sys, streams.worker; sys.exit('scipy.stats' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", text], timeout=120, check=False).returncode == 0
