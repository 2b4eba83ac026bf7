"""Which reports of doubted reporters count: a share of them, told by their offsets. Pure."""

from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scoring.panes import Ints

__all__ = ["counts"]

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def counts(reports: pa.Table, weights: Mapping[str, float]) -> NDArray[np.bool_]:
    """Whether each report counts, [N]: of a reporter with weight w the share w, always the same ones.

    Parameters
    ----------
    reports
        Columns of ``scoring.tables.REPORTS``.
    weights
        Of the reporters that count less than whole, each in [0, 1].

    Notes
    -----
    A number that is even in [0, 1) is made of partition, offset and row (the finaliser of SplitMix64: Steele, Lea,
    Flood, OOPSLA 2014) and compared with the weight. So a report read again is judged alike, whole numbers stay whole,
    and the expected sum is that of weighted reports.
    """
    names = reports["reporter_id"].combine_chunks().dictionary_encode()
    weight = np.array([weights.get(name, 1.0) for name in names.dictionary.to_pylist()], dtype=np.float64)
    if not len(weight) or weight.min() >= 1:
        return np.ones(len(reports), dtype=np.bool_)
    partition, offset, row = (reports[name].to_numpy().astype(np.int64) for name in ("partition", "offset", "row"))
    counted: NDArray[np.bool_] = _even(partition << 48 ^ row << 40 ^ offset) < weight[names.indices.to_numpy()]
    return counted


def _even(number: Ints) -> NDArray[np.float64]:
    mixed = (number.astype(np.uint64) + np.uint64(1)) * _GOLDEN
    mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
    mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    mixed ^= mixed >> np.uint64(31)
    even: NDArray[np.float64] = (mixed >> np.uint64(11)).astype(np.float64) / 2**53
    return even
