"""Array types of the scoring mathematics and the one division it uses."""

from typing import Any, Final, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["NAN", "Bools", "Floats", "Ints", "grown", "ratio"]

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]
NAN: Final = float("nan")
"""Absent, inside arrays; ``None`` in records."""
_T = TypeVar("_T", bound=np.generic)


def ratio(part: Floats | Ints, whole: Floats | Ints) -> Floats:
    """``part / whole`` element by element, nan where ``whole`` is 0: no evidence is not a number.

    >>> ratio(np.array([1.0, 0.0]), np.array([4.0, 0.0])).tolist()
    [0.25, nan]
    """
    shape = np.broadcast_shapes(np.shape(part), np.shape(whole))
    share: Floats = np.full(shape, NAN)
    np.divide(part, whole, out=share, where=np.asarray(whole) != 0)
    return share


def grown(values: NDArray[_T], rows: int, fill: Any = 0) -> NDArray[_T]:
    """An array of ``rows`` rows that begins with ``values``, all further rows being ``fill``.

    What is filled with zeros takes no memory until it is written.

    >>> grown(np.array([3, 4]), 4).tolist()
    [3, 4, 0, 0]
    """
    more = np.zeros((rows, *values.shape[1:]), values.dtype)
    more[: len(values)] = values
    if fill:
        more[len(values) :] = fill
    return more
