"""Bytes of what the worker writes for itself: pane updates between the stages, parts of a book in the changelog."""

from typing import Any, Final, NamedTuple, TypeVar

import cramjam
import msgspec
import numpy as np

from scoring.book import Part
from scoring.narrow import columns_by_width, width_of
from scoring.panes import Ints
from scoring.stats import BUCKETS
from scoring.sums import Sums
from streams.steps.updates import PaneUpdates, source_of

__all__ = [
    "checked_part", "decode_names", "decode_part", "decode_updates", "encode_names", "encode_part", "encode_updates",
]  # fmt: skip

LAYOUT: Final = 3
"""Number of the layout of a part. Layouts 1, where every integer took 8 bytes, and 2, where all statistics of a part
were as wide as the widest, are still read; any other is refused."""
UPDATES_LAYOUT: Final = 3
"""Number of the layout of updates. Layouts 1, of integers of 8 bytes, and 2, of statistics as wide as the widest, are
still read."""
_WIDE: Final = 1
_UPDATES_BEGIN: Final = bytes((0x9B, 2)), bytes((0x9C, 2)), bytes((0x9D, UPDATES_LAYOUT))
"""MessagePack's array of eleven to thirteen, and the layout; an array of names follows. Updates of layout 1 are lz4
blocks, which begin with their length: below 9 MB, its third byte is no array."""
_ARRAY: Final = 0x90


class _Kind(NamedTuple):
    name: bytes
    of: np.dtype[Any]


# By ``width_of``.
_KINDS: Final = tuple(_Kind(name.encode(), np.dtype("<" + name)) for name in ("u1", "u2", "u4", "i8"))
_KIND_OF: Final = dict(_KINDS)
_FIRST: Final = np.zeros(1, np.int64)


class _Part(msgspec.Struct, array_like=True):
    layout: int
    rows: bytes
    offset: bytes
    columns: list[bytes]
    """Statistics that hold anything, those of one width together."""
    stats: list[bytes]
    """Their values, statistic by statistic."""
    buckets: bytes
    """How many latency buckets each row has."""
    latency_buckets: bytes
    latency_counts: bytes


class _PartBefore(msgspec.Struct, array_like=True):
    """Of layouts 1 and 2."""

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
    columns: list[bytes] | bytes
    stats: list[bytes] | bytes
    """As of a part; of layouts 1 and 2 the one item stands for itself."""
    latency_pane: bytes
    latency_bucket: bytes
    latency_count: bytes
    since: dict[int, int] = {}
    source: bytes = b""
    """Of the names; layouts before leave it to them."""


_NEXT: Final = "give the worker a new application id (TRUSTSCORE_APPLICATION_ID) and let it read the reports again"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
"""How a frame begins."""
_LEVEL: Final = 1
"""A row of a closed pane takes a quarter less than as lz4, for 0.15 µs; higher levels save 5 % more."""
T = TypeVar("T", _Part, _PartBefore, _Updates)


def _packed(message: msgspec.Struct) -> bytes:
    return bytes(cramjam.zstd.compress(msgspec.msgpack.encode(message), _LEVEL))


def _unpacked(value: bytes) -> bytes:
    """Unpacked bytes, of a zstd frame or of the lz4 block that versions before wrote, which begins with its length."""
    try:
        return bytes((cramjam.zstd.decompress if value.startswith(_ZSTD) else cramjam.lz4.decompress_block)(value))
    except cramjam.DecompressionError as fault:
        raise ValueError(
            f"state must be a zstd frame or an lz4 block; got {len(value)} bytes that are neither ({fault}); {_NEXT}"
        ) from fault


def _layout(plain: bytes, newest: int) -> int:
    """Number of the layout of unpacked bytes, up to the newest that is known."""
    layout = plain[1] if len(plain) > 1 and plain[0] & 0xF0 == _ARRAY else None
    if layout is None or not _WIDE <= layout <= newest:
        wanted = " or ".join(map(str, range(_WIDE, newest + 1)))
        got = "bytes that name none" if layout is None else f"layout {layout}, which a newer version wrote"
        raise ValueError(f"state of layout {wanted} expected; got {got}; run the version that wrote it, or {_NEXT}")
    return layout


def _message(plain: bytes, kind: type[T], newest: int) -> T:
    layout = _layout(plain, newest)
    try:
        return msgspec.msgpack.decode(plain, type=kind)
    except msgspec.DecodeError as fault:
        raise ValueError(f"state of layout {layout} expected; got damaged bytes: {fault}; {_NEXT}") from fault


def _bytes(values: Ints, width: int | None = None) -> bytes:
    """The kind of the narrowest integers that hold the values, and the values."""
    if width is None:
        width = width_of(int(np.bitwise_or.reduce(values))) if len(values) else 0
    kind = _KINDS[width]
    return kind.name + values.astype(kind.of).tobytes()


def _ints(value: bytes, layout: int) -> Ints:
    if layout == _WIDE:
        return np.frombuffer(value, np.int64)
    return np.frombuffer(value, _KIND_OF[value[:2]], offset=2).astype(np.int64)


def _sums(columns: list[bytes] | bytes, stats: list[bytes] | bytes, rows: int, layout: int) -> dict[int, Ints]:
    """Statistics of so many rows that ``_by_width`` wrote, or a layout before it, row after row and all as wide."""
    if isinstance(columns, bytes) or isinstance(stats, bytes):
        used, values = _ints(bytes(columns), layout), _ints(bytes(stats), layout)  # type: ignore[arg-type]
        return dict(zip(used.tolist(), np.ascontiguousarray(values.reshape(rows, len(used)).T), strict=True))
    sums: dict[int, Ints] = {}
    for group, of_group in zip(columns, stats, strict=True):
        sums |= zip(group, _ints(of_group, layout).reshape(len(group), rows), strict=True)
    return sums


def _based(values: Ints) -> bytes:
    """The least value, and how far the others are from it: source offsets are large and lie close together."""
    least = int(values.min()) if len(values) else 0
    return least.to_bytes(8, "little", signed=True) + _bytes(values - least)


def _unbased(value: bytes) -> Ints:
    return _ints(value[8:], LAYOUT) + int.from_bytes(value[:8], "little", signed=True)


def _by_width(sums: Sums) -> tuple[list[bytes], list[bytes]]:
    """Columns and values of the statistics that hold anything, a sum of microseconds apart from counts."""
    groups = columns_by_width(sums)
    values = [np.concatenate([sums[column] for column in used]) for used in groups.values()]
    return list(map(bytes, groups.values())), [_bytes(of, width) for of, width in zip(values, groups, strict=True)]


def _latency(part: Part) -> tuple[Ints, Ints, Ints]:
    """How many buckets each row of a part has; buckets and counts, row by row."""
    row, counts = part.latency_keys // BUCKETS, part.latency_counts
    bucket = part.latency_keys - row * BUCKETS
    starts = np.flatnonzero(row[1:] != row[:-1]) + 1  # keys of a row stand together
    starts = np.concatenate([_FIRST[: len(row)], starts, [len(row)]])
    place = np.searchsorted(part.rows, row[starts[:-1]])
    per_row = np.zeros(len(part.rows), np.int64)
    per_row[place] = starts[1:] - starts[:-1]
    if (place[1:] < place[:-1]).any():
        order = np.argsort(row, kind="stable")
        bucket, counts = bucket[order], counts[order]
    return per_row, bucket, counts


def encode_part(part: Part) -> bytes:
    """One changelog value. Each latency key must be of a row that the part holds."""
    stated = _by_width(part.sums)
    latency = [_bytes(values) for values in _latency(part)]
    return _packed(_Part(LAYOUT, _based(part.rows), _based(part.offset), *stated, *latency))


def decode_part(value: bytes) -> Part:
    """The part that ``encode_part`` wrote, its latency keys ascending by row.

    Raises
    ------
    ValueError
        When the bytes are of another layout.
    """
    plain = _unpacked(value)
    layout = _layout(plain, LAYOUT)
    if layout < LAYOUT:
        return _part_before(plain)
    m = _message(plain, _Part, LAYOUT)
    rows, buckets, counts = _unbased(m.rows), _ints(m.latency_buckets, layout), _ints(m.latency_counts, layout)
    keys = np.repeat(rows, _ints(m.buckets, layout)) * BUCKETS + buckets
    return Part(rows, _sums(m.columns, m.stats, len(rows), layout), _unbased(m.offset), keys, counts)


def checked_part(value: bytes) -> bytes:
    """The value itself, which is known to be a part then; raises ``ValueError`` as ``decode_part`` does."""
    plain = _unpacked(value)
    if _layout(plain, LAYOUT) == LAYOUT:
        _message(plain, _Part, LAYOUT)
    else:
        _message(plain, _PartBefore, LAYOUT)
    return value


def _part_before(plain: bytes) -> Part:
    m = _message(plain, _PartBefore, LAYOUT)
    rows, offset, keys, counts = (_ints(v, m.layout) for v in (m.rows, m.offset, m.latency_keys, m.latency_counts))
    return Part(rows, _sums(m.columns, m.stats, len(rows), m.layout), offset, keys, counts)


def encode_updates(updates: PaneUpdates) -> bytes:
    """One message of ``trust.panes``."""
    u = updates
    panes = (_bytes(u.entity), _bytes(u.level_s), _bytes(u.start_s), _bytes(u.last_offset), *_by_width(u.sums))
    latency = (_bytes(u.latency_pane), _bytes(u.latency_bucket), _bytes(u.latency_count))
    message = _Updates(UPDATES_LAYOUT, u.names, *panes, *latency, dict(u.since), _bytes(u.source))
    return msgspec.msgpack.encode(message)  # narrow already: not worth packing


def decode_updates(value: bytes) -> PaneUpdates:
    """The updates that ``encode_updates`` wrote; raises ``ValueError`` as ``decode_part`` does."""
    narrow = value.startswith(_UPDATES_BEGIN) and value[2] >= _ARRAY
    m = _message(value if narrow else _unpacked(value), _Updates, UPDATES_LAYOUT)
    entity, level_s, start_s, last = (_ints(v, m.layout) for v in (m.entity, m.level_s, m.start_s, m.last_offset))
    pane, bucket, count = (_ints(v, m.layout) for v in (m.latency_pane, m.latency_bucket, m.latency_count))
    sums = _sums(m.columns, m.stats, len(entity), m.layout)
    source = _ints(m.source, m.layout) if m.source else np.array(list(map(source_of, m.names)), np.int64)
    return PaneUpdates(m.names, source, entity, level_s, start_s, last, sums, pane, bucket, count, m.since)


def encode_names(names: list[str]) -> bytes:
    """Entity names of one part, in row order."""
    return msgspec.json.encode(names)


def decode_names(value: bytes) -> list[str]:
    """The names that ``encode_names`` wrote."""
    names: Any = msgspec.json.decode(value, type=list[str])
    return list(names)
