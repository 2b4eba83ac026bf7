"""Report ids to 64-bit keys that nobody outside can predict, and a table of reports without those that came before."""

import ctypes
import hashlib
from functools import lru_cache
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from compiled.library import library, pointer
from streams.steps.duplicates import Seen, counted
from streams.steps.key_filter import Keys

__all__ = ["keys_of", "without_repeats"]

_FIELDS: Final = ("provider_id", "reporter_id", "report_id")
_WORD_BYTES: Final = 4
_HALF: Final = np.uint64(32)

Bytes = NDArray[np.uint8]
Sums = NDArray[np.uint64]
"""[N, 2], modulo 2**64."""


def without_repeats(seen: Seen, reports: pa.Table) -> pa.Table:
    """The reports that count, in their order; they are remembered. One without a report id always counts.

    Parameters
    ----------
    seen
        What their partition holds; is changed.
    reports
        All of the next messages, columns of ``scoring.tables.REPORTS``, in any order of messages.
    """
    ids = reports.select([*_FIELDS, "offset", "received_at"])
    row = np.arange(len(ids))
    if ids["report_id"].null_count:
        row = np.flatnonzero(ids["report_id"].is_valid().to_numpy())
    offset = ids["offset"].to_numpy()[row]
    if (offset[1:] < offset[:-1]).any():  # Arrow messages stand before JSON ones
        row = row[np.argsort(offset, kind="stable")]
        offset = ids["offset"].to_numpy()[row]
    if not np.array_equal(row, np.arange(len(ids))):
        ids = ids.take(pa.array(row))
    received_ms = ids["received_at"].combine_chunks().view(pa.int64()).to_numpy() // 1_000
    fresh = counted(seen, keys_of(ids, seen.secret), offset, received_ms)
    if fresh.all():
        return reports
    kept = np.ones(len(reports), bool)
    kept[row[~fresh]] = False
    return reports.filter(pa.array(kept))


def keys_of(reports: pa.Table, secret: bytes) -> Keys:
    """A key for each (provider, reporter, report id), none of them null.

    Whoever sends reports chooses their ids, and with a known hash could make ids that collide with those of others,
    whose reports would then not count. So the hash is drawn at random, by a secret that stays in the worker's state:
    the texts are read as numbers of 32 bits, each is multiplied by a random number of 64 bits, and of the sum modulo
    2**64 the upper 32 bits are taken; twice, with other numbers.

    Two triples that differ collide with probability 2**-32 in each half, so 2**-64 in both, whatever they are and
    whoever chose them without knowing the secret; with 2.4 million keys held and 20,000 reports a second, that is one
    report in twelve years.

    Source: Lemire and Kaser, Strongly universal string hashing is fast (2014), family MULTILINEAR; the length is one
    more number of a text, so that texts of any lengths differ somewhere.
    """
    sums: Sums = np.zeros((len(reports), 2), np.uint64)
    for name in _FIELDS:
        _add_sums(sums, reports[name].combine_chunks(), secret, name)
    return np.asarray((sums[:, 0] >> _HALF << _HALF) | (sums[:, 1] >> _HALF))


def _add_sums(sums: Sums, texts: pa.StringArray, secret: bytes, name: str) -> None:
    _, ends, data = texts.buffers()
    if not len(texts) or data is None:
        sums += _numbers(secret, name, 0)[0]  # all of length 0
        return
    end = np.frombuffer(ends, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    given, compiled = np.frombuffer(data, np.uint8), library()
    if compiled is not None:
        numbers = _numbers(secret, name, -(-int(np.diff(end).max()) // _WORD_BYTES))
        count = ctypes.c_int64(len(texts))
        compiled.trustscore_text_sums(pointer(given), pointer(end), count, pointer(numbers), pointer(sums))
        return
    start, length = end[:-1], np.diff(end)
    for one in np.flatnonzero(np.bincount(length)).tolist():
        here = np.flatnonzero(length == one)
        sums[here] += _sums_of_length(given[start[here, np.newaxis] + np.arange(one)], secret, name)


def _sums_of_length(texts: Bytes, secret: bytes, name: str) -> Sums:
    """Of texts [N, length] that are all of one length."""
    count, length = texts.shape
    words = -(-length // _WORD_BYTES)
    padded = texts
    if length % _WORD_BYTES:
        padded = np.zeros((count, words * _WORD_BYTES), np.uint8)
        padded[:, :length] = texts
    numbers = _numbers(secret, name, words)
    sums = padded.view("<u4").astype(np.uint64) @ numbers[2:]
    return np.asarray(sums + (numbers[0] + np.uint64(length) * numbers[1]))


@lru_cache(maxsize=1_024)
def _numbers(secret: bytes, name: str, words: int) -> Sums:
    """[2 + words, 2] random numbers: a constant, that of the length, and one for each word; for more words, more."""
    size = 16 * (2 + words)
    return np.frombuffer(hashlib.shake_256(secret + name.encode()).digest(size), "<u8").reshape(-1, 2)
