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

LAYOUT: Final = 1
"""Number of the layout below: state of another layout is refused with a sentence, never misread."""


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


T = TypeVar("T", _Part, _Updates)


def _packed(message: msgspec.Struct) -> bytes:
    return bytes(cramjam.lz4.compress_block(msgspec.msgpack.encode(message)))


def _unpacked(value: bytes, kind: type[T]) -> T:
    message = msgspec.msgpack.decode(bytes(cramjam.lz4.decompress_block(value)), type=kind)
    if message.layout != LAYOUT:
        raise ValueError(
            f"state of layout {LAYOUT} expected; got layout {message.layout}; give the worker a new application id"
        )
    return message


def _bytes(values: Ints) -> bytes:
    return np.ascontiguousarray(values, np.int64).tobytes()


def _ints(value: bytes) -> Ints:
    return np.frombuffer(value, np.int64)


def _sparse(stats: Ints) -> tuple[bytes, bytes]:
    """Which columns hold anything, and those alone: most traffic states few fields."""
    used = np.flatnonzero(stats.any(axis=0))
    return _bytes(used), _bytes(stats[:, used])


def _dense(columns: bytes, stats: bytes, rows: int) -> Ints:
    used = _ints(columns)
    dense = np.zeros((rows, len(STATS)), np.int64)
    dense[:, used] = _ints(stats).reshape(rows, len(used))
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
    m = _unpacked(value, _Part)
    rows = _ints(m.rows)
    stats = _dense(m.columns, m.stats, len(rows))
    return Part(rows, stats, _ints(m.offset), _ints(m.latency_keys), _ints(m.latency_counts))


def encode_updates(updates: PaneUpdates) -> bytes:
    """One message of ``trust.panes``."""
    u = updates
    panes = (_bytes(u.entity), _bytes(u.level_s), _bytes(u.start_s), _bytes(u.last_offset), *_sparse(u.stats))
    latency = (_bytes(u.latency_pane), _bytes(u.latency_bucket), _bytes(u.latency_count))
    return _packed(_Updates(LAYOUT, u.names, *panes, *latency))


def decode_updates(value: bytes) -> PaneUpdates:
    """The updates that ``encode_updates`` wrote; raises ``ValueError`` as ``decode_part`` does."""
    m = _unpacked(value, _Updates)
    entity = _ints(m.entity)
    stats = _dense(m.columns, m.stats, len(entity))
    panes = (entity, _ints(m.level_s), _ints(m.start_s), _ints(m.last_offset), stats)
    return PaneUpdates(m.names, *panes, _ints(m.latency_pane), _ints(m.latency_bucket), _ints(m.latency_count))


def encode_names(names: list[str]) -> bytes:
    """Entity names of one part, in row order."""
    return msgspec.json.encode(names)


def decode_names(value: bytes) -> list[str]:
    """The names that ``encode_names`` wrote."""
    names: Any = msgspec.json.decode(value, type=list[str])
    return list(names)
