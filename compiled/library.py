"""The library, where it was built, and how arrays and bytes are handed to it. A call holds no lock of Python's."""

import ctypes
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["NAME", "address_of", "library", "pointer"]

NAME: Final = "_trustscore.so"
_COUNTS: Final = (
    "trustscore_crc32c",
    "trustscore_distinct",
    "trustscore_pages_add",
    "trustscore_reports",
    "trustscore_tally_add",
    "trustscore_tally_put",
    "trustscore_texts",
)
"""Functions that return an ``int64_t``, the others nothing or an ``int32_t``."""


@lru_cache(maxsize=1)
def library() -> ctypes.CDLL | None:
    """The functions of the C files beside this one; ``None`` where they were not built (``compiled/build.py``)."""
    path = Path(__file__).with_name(NAME)
    if not path.exists():
        return None
    loaded = ctypes.CDLL(str(path))
    for name in _COUNTS:
        getattr(loaded, name).restype = ctypes.c_int64
    return loaded


def _asked(values: NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(values.ctypes.data)


def _read(values: NDArray[Any]) -> ctypes.c_void_p:
    return ctypes.c_void_p(ctypes.c_void_p.from_address(id(values) + _DATA_AT).value)


_PROBE: Final = np.arange(2)
_DATA_AT: Final = object.__basicsize__
"""Where CPython's array objects hold the address of their data: behind what every object begins with."""
pointer: Final = (
    _read if sys.implementation.name == "cpython" and _read(_PROBE).value == _asked(_PROBE).value else _asked
)
"""Where an array begins; whoever asks holds it until the call is over, for this does not. Asking numpy takes 2 µs, ten
times as long as reading it, and a tick asks some hundred times."""


def address_of(data: bytes) -> int:
    """Where bytes stand in memory; 0 for none."""
    return int(np.frombuffer(data, np.uint8).ctypes.data) if data else 0
