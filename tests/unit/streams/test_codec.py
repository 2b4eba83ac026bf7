import base64
import dataclasses

import cramjam
import msgspec
import numpy as np
import pytest

from scoring.book import Book, Part
from scoring.stats import BUCKETS, STATS
from scoring.sums import dense
from streams.codec import decode_names, decode_part, decode_updates, encode_names, encode_part, encode_updates
from streams.steps.fold import FoldState, fold, take_updates
from streams.steps.updates import PaneUpdates
from tests.support.plain_panes import NOW_S, columns_of_reports, some_reports


def same(one: Part | PaneUpdates, other: Part | PaneUpdates) -> bool:
    """Whether all fields are equal, a statistic that is not there being 0."""
    names = [field.name for field in dataclasses.fields(one) if field.name != "sums"]
    had, has = (dense(of.sums, len(of.rows if isinstance(of, Part) else of.entity)) for of in (one, other))
    equal = np.array_equal(had, has) and all(np.array_equal(getattr(one, n), getattr(other, n)) for n in names)
    return type(one) is type(other) and equal


def folded(seed: int) -> FoldState:
    state = FoldState()
    fold(state, columns_of_reports(some_reports(seed, 120)), NOW_S)
    return state


@pytest.mark.parametrize("seed", range(3))
def test_a_part_comes_back_as_it_was(seed: int) -> None:
    book = folded(seed).book
    assert len(book.dirty) > 40
    for dirty in book.dirty:
        assert same(decode_part(encode_part(book.part(*dirty))), book.part(*dirty))


@pytest.mark.parametrize("seed", range(3))
def test_updates_come_back_as_they_were(seed: int) -> None:
    updates = take_updates(folded(seed), 7)
    assert updates is not None
    assert len(updates.latency_pane) > 10
    assert same(decode_updates(encode_updates(updates)), updates)


def test_the_greatest_and_least_numbers_come_back() -> None:
    rows = np.array([0, 2**40])
    sums = {0: np.array([2**63 - 1, 0]), len(STATS) - 1: np.array([0, -(2**63)])}
    part = Part(rows, sums, np.array([-1, 2**62]), np.array([5, BUCKETS * 2**40]), np.array([1, 2**62]))
    assert same(decode_part(encode_part(part)), part)


def test_an_empty_part_comes_back_empty() -> None:
    empty = Book().part(60, NOW_S, 0)
    assert same(decode_part(encode_part(empty)), empty)
    assert (len(empty.rows), decode_part(encode_part(empty)).sums) == (0, {})


def test_latency_of_rows_in_any_order_comes_back_row_by_row() -> None:
    offset = np.array([7, 8, 9])
    keys, counts = np.array([5 * BUCKETS + 1, 5 * BUCKETS + 2, 2 * BUCKETS, 2 * BUCKETS + 9]), np.array([1, 2, 3, 4])
    again = decode_part(
        encode_part(Part(np.array([2, 3, 5]), dict.fromkeys(range(len(STATS)), offset), offset, keys, counts))
    )
    assert again.latency_keys.tolist() == [2 * BUCKETS, 2 * BUCKETS + 9, 5 * BUCKETS + 1, 5 * BUCKETS + 2]
    assert again.latency_counts.tolist() == [3, 4, 1, 2]


def test_names_come_back_in_order() -> None:
    names = ["b", "a|task=ä\n\x00", "0\x00github|region=eu", ""]
    assert decode_names(encode_names(names)) == names


def test_a_part_that_was_packed_by_lz4_is_read() -> None:
    book = Book()
    book.row("github")
    book.block((60, NOW_S)).put(np.array([0]), dict.fromkeys(range(len(STATS)), np.array([1])), np.array([7]))
    packed = encode_part(book.part(60, NOW_S, 0))
    before = bytes(cramjam.lz4.compress_block(bytes(cramjam.zstd.decompress(packed))))
    assert encode_part(decode_part(before)) == packed


def test_state_of_a_later_layout_is_refused_with_the_next_step() -> None:
    message = msgspec.msgpack.decode(bytes(cramjam.zstd.decompress(encode_part(Book().part(60, NOW_S, 0)))))
    message[0] = 4
    other = bytes(cramjam.lz4.compress_block(msgspec.msgpack.encode(message)))
    with pytest.raises(
        ValueError,
        match=r"layout 1 or 2 or 3 expected; got layout 4, .*; run the version that wrote it, or give the worker",
    ):
        decode_part(other)


def test_state_of_a_layout_with_other_fields_is_refused_the_same_way() -> None:
    other = bytes(cramjam.lz4.compress_block(msgspec.msgpack.encode([9, {"all": "different"}])))
    with pytest.raises(ValueError, match="layout 1 or 2 or 3 expected; got layout 9, which a newer version wrote"):
        decode_part(other)


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\x0f\x00\x00\x00none", id="no lz4"),
        pytest.param(bytes(cramjam.lz4.compress_block(b"\xc0")), id="no array"),
        pytest.param(bytes(cramjam.lz4.compress_block(b"\x92\x02\x01")), id="too short"),
    ],
)
def test_damaged_state_is_refused_with_the_next_step(damaged: bytes) -> None:
    with pytest.raises(ValueError, match=r"; got .*; .*give the worker a new application id"):
        decode_part(damaged)


PART_OF_LAYOUT_1 = "fgAAAFOXAcQQAAEAEwcIADPEEAMKABMJCAAGJAAEGgAzxCAFHAAPAgACEAE0AAQiACLRFyQAMsQQAQkAkAAAAAAAAgAAAA=="
PART_OF_LAYOUT_2 = "VAAAAICXAsQEdTEABwYAIAMJBgCPAAPEImk4BQABAAj2AQEAAMQGdTIFANEXxBJpOAErAFAAAgAAAA=="
UPDATES_OF_LAYOUT_1 = (
    "vQAAAOObAZKjMABhozAAYsQQAAEAEwEIADPEEDwKACIQDgkAYMQQ1Ib9agwAE8AIADDEEAMPAEEAAAAJBgAAEgAABgAAAgAEGgAwxCAFDwAP"
    "AgAFGAE0AAZ8AAQ0ABMGOAAkxBAcAIACAAAAAAAAAA=="
)
UPDATES_OF_LAYOUT_2 = (
    "nAKSozAAYaMwAGLEBHUxAAHEBnUyPAAQDsQKdTTUhv1qwIb9asQEdTEDCcQEdTEAA8QiaTgFAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    "EAAMQEdTEAAcQEdTEFBsQEdTEBAoEAAg=="
)


def test_state_that_versions_before_wrote_is_read() -> None:
    """Bytes that two layouts made of this part, and of these updates."""
    sums = {0: np.array([5, 0]), 3: np.array([0, 2**40])}
    offset, start_s = np.array([3, 9]), np.array([1_795_000_020, 1_795_000_000])
    part = Part(np.array([0, 7]), sums, offset, np.array([5, 7 * BUCKETS]), np.array([1, 2**33]))
    assert same(decode_part(base64.b64decode(PART_OF_LAYOUT_1)), part)
    assert same(decode_part(base64.b64decode(PART_OF_LAYOUT_2)), part)
    latency = np.array([0, 1]), np.array([5, 6]), np.array([1, 2])
    names, entity, level_s = ["0\x00a", "0\x00b"], np.array([0, 1]), np.array([60, 3_600])
    updates = PaneUpdates(names, np.zeros(2, np.int64), entity, level_s, start_s, offset, sums, *latency)
    assert same(decode_updates(base64.b64decode(UPDATES_OF_LAYOUT_1)), updates)
    linked = dataclasses.replace(updates, since={0: 2})
    assert same(decode_updates(base64.b64decode(UPDATES_OF_LAYOUT_2)), linked)
    assert same(decode_updates(encode_updates(linked)), linked)


def test_few_stated_statistics_make_a_small_message() -> None:
    book = Book()
    for row in range(1_000):
        book.row(str(row))
    book.block((60, NOW_S)).put(np.arange(1_000), {0: np.ones(1_000, np.int64)}, np.arange(1_000))
    assert len(encode_part(book.part(60, NOW_S, 0))) < 5_200, "2 bytes of row and offset each, 1 of the count"


def test_a_wide_sum_leaves_the_counts_beside_it_narrow() -> None:
    rows = np.arange(1_000)
    sums = {0: rows % 256, 4: rows % 251}
    narrow = len(encode_part(Part(rows, sums, rows, rows[:0], rows[:0])))
    wide = sums | {5: 2**40 + rows}
    assert len(encode_part(Part(rows, wide, rows, rows[:0], rows[:0]))) - narrow < 8_200, "8 bytes a row more"
