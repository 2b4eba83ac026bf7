"""Seen report ids as entries of the fold's changelog, and back.

``<partition>/ids/key`` holds the secret that they were hashed with; the n-th piece of those that came between two
offsets is ``<partition>/ids/<bucket>/<first>-<last>-<n>-<term>``. Entries are only ever added, and deleted with their
bucket, when no report can need it. They state what the log of reports says, whoever reads it, and nobody writes
under another's names: so what a paused worker writes late is as true as before, and hides nothing of its successor's.
What was hashed with a secret that is not held any more matches no report.
"""

from collections.abc import Iterator, Mapping
from itertools import groupby
from operator import attrgetter
from typing import Final, TypeVar

import cramjam
import msgspec
import numpy as np

from streams.steps.duplicates import News, Run, Seen, add, bucket_ms_of, expire, merged
from streams.steps.key_filter import Ints, Keys

__all__ = ["IDS", "MOST_KEYS", "SECRET_BYTES", "entries", "is_of_ids", "restored", "say_secret", "settled"]

IDS: Final = b"ids"
"""Second part of the name of each entry."""
SECRET_BYTES: Final = 32
LAYOUT: Final = 1
MOST_KEYS: Final = 40_000
"""In one entry: about 380 KB."""
_KINDS: Final = ("<u1", "<u2", "<u4", "<u8")
_BITS: Final = (8, 16, 32)


class _Secret(msgspec.Struct, array_like=True):
    layout: int
    secret: bytes


class _Ids(msgspec.Struct, array_like=True):
    layout: int
    bucket_ms: int
    first_offset: int
    kind: str
    steps: bytes
    """From one offset to the next, packed: nearly always 1."""
    keys: bytes


T = TypeVar("T", _Secret, _Ids)


def entries(seen: Seen, partition: int, first_ms: int, term: int) -> list[tuple[bytes, bytes | None]]:
    """What a flush writes: new ids, and ``None`` for what is to be deleted. Call ``settled`` once the changelog has it.

    What was not settled is given again.

    Parameters
    ----------
    seen
        What the partition holds; is changed: what nobody can need any more is forgotten.
    partition
        Its number.
    first_ms
        When the broker took the first record that is not acknowledged.
    term
        In which the partition is owned (``streams.changelog``).
    """
    expire(seen, first_ms)
    news, seen.news = seen.news, []
    if news and not seen.is_known:
        seen.is_known = True
        say_secret(seen, partition)
    by_bucket = attrgetter("bucket")
    for bucket, several in groupby(sorted(news, key=by_bucket), key=by_bucket):
        seen.sending += _entries(seen, b"%d/ids/%d" % (partition, bucket), list(several), term)
    return list(seen.sending)


def _entries(seen: Seen, place: bytes, news: list[News], term: int) -> Iterator[tuple[bytes, bytes]]:
    keys = np.concatenate([part.keys for part in news])
    offset = np.concatenate([part.offset for part in news])
    for number, first in enumerate(range(0, len(keys), MOST_KEYS)):
        here = slice(first, first + MOST_KEYS)
        span = (int(offset[here][0]), int(offset[here][-1]), number)
        yield b"%b/%d-%d-%d-%d" % (place, *span, term), _encoded(seen.bucket_ms, keys[here], offset[here])


def say_secret(seen: Seen, partition: int) -> None:
    """Let the next ``entries`` give the secret, if it is in use: first, and when others may have hidden it."""
    if seen.is_known:
        seen.sending.append((b"%d/ids/key" % partition, msgspec.msgpack.encode(_Secret(LAYOUT, seen.secret))))


def is_of_ids(name: bytes) -> bool:
    """Whether an entry holds ids.

    >>> is_of_ids(b"3/ids/60000000/5-90-0-7"), is_of_ids(b"3/ids/key"), is_of_ids(b"3/60/1700000000/0")
    (True, False, False)
    """
    fields = name.split(b"/", 3)
    return len(fields) == 4 and fields[1] == IDS


def settled(seen: Seen) -> None:
    """Take note that the changelog has what ``entries`` gave last."""
    sent, seen.sending = seen.sending, []
    for name, value in sent:
        if value is not None and is_of_ids(name):
            names = seen.entries.setdefault(int(name.split(b"/")[2]), [])
            if name not in names:
                names.append(name)


def _encoded(bucket_ms: int, keys: Keys, offset: Ints) -> bytes:
    steps = np.diff(offset)
    kind = _KINDS[np.searchsorted(_BITS, int(steps.max(initial=0)).bit_length())]
    packed = bytes(cramjam.lz4.compress_block(steps.astype(kind).tobytes()))
    return msgspec.msgpack.encode(_Ids(LAYOUT, bucket_ms, int(offset[0]), kind, packed, keys.astype("<u8").tobytes()))


def _run(ids: _Ids) -> Run:
    keys = np.frombuffer(ids.keys, "<u8").astype(np.uint64)
    steps = np.frombuffer(bytes(cramjam.lz4.decompress_block(ids.steps)), ids.kind)
    offset = ids.first_offset + np.concatenate([np.zeros(1, np.int64), np.cumsum(steps, dtype=np.int64)])
    order = np.argsort(keys)
    return Run(keys[order], offset[order].astype(np.uint32))


def _message(name: bytes, value: bytes, kind: type[T]) -> T:
    message = msgspec.msgpack.decode(value, type=kind)
    if message.layout != LAYOUT:
        raise ValueError(
            f"report ids of layout {LAYOUT} expected in {name.decode()}; got layout {message.layout}, which a newer "
            "version wrote; run that version, or give the worker a new application id and let it read the reports again"
        )
    return message


def restored(given: Mapping[bytes, bytes], partition: int, window_s: float, secret: bytes) -> Seen:
    """What a partition had seen, from the entries of its table.

    After a change of the window, ids stand in the new bucket in which their old one ended: they are held, and found, up
    to an old bucket longer, never shorter.

    Parameters
    ----------
    given
        Entries; those of other partitions, and those that hold no ids, are passed over.
    partition
        Its number.
    window_s
        Within which a report counts once, seconds, > 0.
    secret
        32 random bytes to hash with, where the entries name none.

    Raises
    ------
    ValueError
        When an entry is of another layout.
    """
    prefix = b"%d/ids/" % partition
    own = {name: value for name, value in given.items() if name.startswith(prefix)}
    known = own.pop(prefix + b"key", None)
    if known is None:
        return Seen(bucket_ms_of(window_s), secret, sending=[(name, None) for name in own])
    seen = Seen(bucket_ms_of(window_s), _message(prefix + b"key", known, _Secret).secret, is_known=True)
    runs: dict[int, list[Run]] = {}
    for name, value in own.items():
        ids = _message(name, value, _Ids)
        bucket = int(name.split(b"/")[2])
        if ids.bucket_ms != seen.bucket_ms:
            bucket = ((bucket + 1) * ids.bucket_ms - 1) // seen.bucket_ms
        seen.entries.setdefault(bucket, []).append(name)
        runs.setdefault(bucket, []).append(_run(ids))
    for bucket in sorted(runs):
        add(seen, bucket, merged(runs[bucket]))
    return seen
