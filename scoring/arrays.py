"""Array types of the scoring mathematics and the one division it uses."""

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["NAN", "Bools", "Floats", "Ints", "ratio"]

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]
Bools: TypeAlias = NDArray[np.bool_]
NAN: Final = float("nan")
"""Absent, inside arrays; ``None`` in records."""


def ratio(part: Floats | Ints, whole: Floats | Ints) -> Floats:
    """``part / whole`` element by element, nan where ``whole`` is 0: no evidence is not a number.

    >>> ratio(np.array([1.0, 0.0]), np.array([4.0, 0.0])).tolist()
    [0.25, nan]
    """
    shape = np.broadcast_shapes(np.shape(part), np.shape(whole))
    share: Floats = np.full(shape, NAN)
    np.divide(part, whole, out=share, where=np.asarray(whole) != 0)
    return share
