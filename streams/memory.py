"""What is freed goes back to the system: large arrays at once, the rest now and then. What glibc keeps otherwise."""

import ctypes
from typing import Final

import pyarrow as pa

__all__ = ["LARGE_BYTES", "give_back_free", "give_back_large"]

LARGE_BYTES: Final = 32 * 1_024 * 1_024
"""From here on, the most that glibc takes, an allocation is a mapping of its own, which ends when it is freed. Each of
its pages is cleared by the kernel when it is first written: with 4 MiB that was a third of the processor time of a
worker that is behind. What is free is given back all the same, by ``give_back_free``."""
_TRIM_THRESHOLD: Final = -1
_MMAP_THRESHOLD: Final = -3
_MOST_HEAPS: Final = -8
HEAPS: Final = 2
"""One for the loop, one for the threads that fetch and write the lake. glibc makes up to eight for each processor, and
each keeps what its largest flush took."""


def give_back_large() -> bool:
    """Keep glibc from raising the size from which on it maps, as it does with every array that is freed.

    After that it cuts arrays of megabytes out of its heap and keeps them. A worker that had folded the past of 1,000
    providers, with its lake, held 723 MiB with this and 1,358 without. False where the C library is another one:
    nothing is done there.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    wanted = {_MMAP_THRESHOLD: LARGE_BYTES, _TRIM_THRESHOLD: 8 * LARGE_BYTES, _MOST_HEAPS: HEAPS}
    return all(mallopt(number, value) for number, value in wanted.items())


def give_back_free() -> bool:
    """Give back the free pages between what is in use: of that worker's 723 MiB, 244 were such ones.

    Arrow has an allocator of its own, which holds on to what the largest flush took. Whether there were any; False
    where the C library is another one. Takes some milliseconds.
    """
    pa.default_memory_pool().release_unused()
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return False
    return bool(trim(0))
