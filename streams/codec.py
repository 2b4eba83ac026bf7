"""Bytes of what the worker writes for itself: pane updates between the stages, parts of a book in the changelog."""

from typing import Any, Final, TypeVar

import cramjam
import msgspec
import numpy as np

from scoring.book import Part
from scoring.panes import Ints
from scoring.stats import STATS
from streams.steps.updates import PaneUpdates

__all__ = ["decode_names", "decode_part", "decode_updates", "encode_names", "encode_part", "encode_updates"]

LAYOUT: Final = 2
"""Number of the layout below. Layout 1, where every integer took 8 bytes, is still read; any other is refused."""
_WIDE: Final = 1
_UPDATES_BEGIN: Final = bytes((0x9B, LAYOUT))
"""MessagePack's array of eleven, and the layout; an array of names follows. Updates of layout 1 are lz4 blocks, which
begin with their length: below 9 MB, its third byte is no array."""
_ARRAY: Final = 0x90
_KINDS: Final = {kind.encode(): np.dtype("<" + kind) for kind in ("u1", "u2", "u4", "i8")}


class _Part(msgspec.Struct, array_like=True):
    layout: int
    rows: bytes
    offset: bytes
    columns: bytes
    stats: bytes
    latency_keys: bytes
    latency_counts: bytes


class _Updates(msgspec.Struct, array_like=True):
    layout: int
    names: list[str]
    entity: bytes
    level_s: bytes
    start_s: bytes
    last_offset: bytes
    columns: bytes
    stats: bytes
    latency_pane: bytes
    latency_bucket: bytes
    latency_count: bytes


_NEXT: Final = "give the worker a new application id (TRUSTSCORE_APPLICATION_ID) and let it read the reports again"
T = TypeVar("T", _Part, _Updates)


def _packed(message: msgspec.Struct) -> bytes:
    return bytes(cramjam.lz4.compress_block(msgspec.msgpack.encode(message)))


def _unpacked(value: bytes) -> bytes:
    try:
        return bytes(cramjam.lz4.decompress_block(value))
    except cramjam.DecompressionError as fault:
        raise ValueError(
            f"state must be an lz4 block; got {len(value)} bytes that are none ({fault}); {_NEXT}"
        ) from fault


def _message(plain: bytes, kind: type[T]) -> T:
    layout = plain[1] if len(plain) > 1 and plain[0] & 0xF0 == _ARRAY else None
    if layout not in (_WIDE, LAYOUT):
        got = "bytes that name none" if layout is None else f"layout {layout}, which a newer version wrote"
        raise ValueError(
            f"state of layout {_WIDE} or {LAYOUT} expected; got {got}; run the version that wrote it, or {_NEXT}"
        )
    try:
        return msgspec.msgpack.decode(plain, type=kind)
    except msgspec.DecodeError as fault:
        raise ValueError(f"state of layout {layout} expected; got damaged bytes: {fault}; {_NEXT}") from fault


def _bytes(values: Ints) -> bytes:
    """The kind of the narrowest integers that hold the values, and the values."""
    least, most = (int(values.min()), int(values.max())) if len(values) else (0, 0)
    kind = "i8" if least < 0 or most >= 1 << 32 else "u4" if most >= 1 << 16 else "u2" if most >= 1 << 8 else "u1"
    return kind.encode() + values.astype("<" + kind).tobytes()


def _ints(value: bytes, layout: int) -> Ints:
    if layout == _WIDE:
        return np.frombuffer(value, np.int64)
    return np.frombuffer(value, _KINDS[value[:2]], offset=2).astype(np.int64)


def _sparse(stats: Ints) -> tuple[bytes, bytes]:
    """Which columns hold anything, and those alone: most traffic states few fields."""
    used = np.flatnonzero(stats.any(axis=0))
    return _bytes(used), _bytes(stats[:, used].reshape(-1))


def _dense(columns: bytes, stats: bytes, rows: int, layout: int) -> Ints:
    used = _ints(columns, layout)
    dense = np.zeros((rows, len(STATS)), np.int64)
    dense[:, used] = _ints(stats, layout).reshape(rows, len(used))
    return dense


def encode_part(part: Part) -> bytes:
    """One changelog value."""
    stated = _sparse(part.stats)
    latency = _bytes(part.latency_keys), _bytes(part.latency_counts)
    return _packed(_Part(LAYOUT, _bytes(part.rows), _bytes(part.offset), *stated, *latency))


def decode_part(value: bytes) -> Part:
    """The part that ``encode_part`` wrote.

    Raises
    ------
    ValueError
        When the bytes are of another layout.
    """
    m = _message(_unpacked(value), _Part)
    rows, offset, keys, counts = (_ints(v, m.layout) for v in (m.rows, m.offset, m.latency_keys, m.latency_counts))
    return Part(rows, _dense(m.columns, m.stats, len(rows), m.layout), offset, keys, counts)


def encode_updates(updates: PaneUpdates) -> bytes:
    """One message of ``trust.panes``."""
    u = updates
    panes = (_bytes(u.entity), _bytes(u.level_s), _bytes(u.start_s), _bytes(u.last_offset), *_sparse(u.stats))
    latency = (_bytes(u.latency_pane), _bytes(u.latency_bucket), _bytes(u.latency_count))
    return msgspec.msgpack.encode(_Updates(LAYOUT, u.names, *panes, *latency))  # narrow already: not worth packing


def decode_updates(value: bytes) -> PaneUpdates:
    """The updates that ``encode_updates`` wrote; raises ``ValueError`` as ``decode_part`` does."""
    narrow = value.startswith(_UPDATES_BEGIN) and value[2] >= _ARRAY
    m = _message(value if narrow else _unpacked(value), _Updates)
    entity, level_s, start_s, last = (_ints(v, m.layout) for v in (m.entity, m.level_s, m.start_s, m.last_offset))
    pane, bucket, count = (_ints(v, m.layout) for v in (m.latency_pane, m.latency_bucket, m.latency_count))
    stats = _dense(m.columns, m.stats, len(entity), m.layout)
    return PaneUpdates(m.names, entity, level_s, start_s, last, stats, pane, bucket, count)


def encode_names(names: list[str]) -> bytes:
    """Entity names of one part, in row order."""
    return msgspec.json.encode(names)


def decode_names(value: bytes) -> list[str]:
    """The names that ``encode_names`` wrote."""
    names: Any = msgspec.json.decode(value, type=list[str])
    return list(names)
