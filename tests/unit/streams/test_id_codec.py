"""Seen ids as changelog entries, and back."""

from itertools import chain

import msgspec
import numpy as np
import pytest

from streams.id_codec import MOST_KEYS, entries, restored, settled
from streams.steps.duplicates import Seen, counted
from tests.support.id_logs import PARTITION, SECRET

T_MS = 1_800_000_000_000
WINDOW_S = 120.0
TERM = 7
BUCKET_MS = 30_000


def fresh() -> Seen:
    return restored({}, PARTITION, WINDOW_S, SECRET)


def read(seen: Seen, keys: list[int], first_offset: int, received_ms: int = T_MS) -> list[bool]:
    offset = np.arange(first_offset, first_offset + len(keys))
    answer: list[bool] = counted(seen, np.array(keys, np.uint64), offset, np.full(len(keys), received_ms)).tolist()
    return answer


def written(seen: Seen, table: dict[bytes, bytes], first_ms: int = T_MS) -> dict[bytes, bytes]:
    """The table after a flush."""
    for name, value in entries(seen, PARTITION, first_ms, TERM):
        if value is None:
            del table[name]
        else:
            table[name] = value
    settled(seen)
    return table


def test_what_is_read_back_answers_as_before() -> None:
    seen = fresh()
    read(seen, [9, 7, 5], 2**33)
    table = written(seen, {})
    read(seen, [8], 2**33 + 70_000, T_MS + BUCKET_MS)
    again = restored(written(seen, table), PARTITION, WINDOW_S, bytes(32))
    assert again.secret == SECRET, "the secret of the first start is kept"
    assert (again.held, again.is_known, sorted(again.entries)) == (4, True, sorted(seen.entries))
    assert read(again, [9, 7, 5], 2**33) == [True] * 3
    assert read(again, [9, 7, 5, 8, 6], 2**33 + 70_001, T_MS + BUCKET_MS) == [False] * 4 + [True]


def test_only_what_is_new_is_written() -> None:
    seen = fresh()
    read(seen, [1, 2], 0)
    assert [name for name, _ in entries(seen, PARTITION, T_MS, TERM)] == [b"3/ids/key", b"3/ids/60000000/0-1-0-7"]
    settled(seen)
    read(seen, [1, 3], 2)
    assert [name for name, _ in entries(seen, PARTITION, T_MS, TERM)] == [b"3/ids/60000000/3-3-0-7"]
    settled(seen)
    assert entries(seen, PARTITION, T_MS, TERM) == []


def test_what_was_not_settled_is_given_again_as_it_was() -> None:
    seen = fresh()
    read(seen, [1, 2], 0)
    first = entries(seen, PARTITION, T_MS, TERM)
    read(seen, [3], 2)
    second = entries(seen, PARTITION, T_MS, TERM)
    assert second[: len(first)] == first
    assert [name for name, _ in second[len(first) :]] == [b"3/ids/60000000/2-2-0-7"]


def test_a_bucket_that_is_forgotten_is_deleted_entry_by_entry() -> None:
    seen = fresh()
    read(seen, [1], 0)
    table = written(seen, {})
    read(seen, [2], 1)
    table = written(seen, table)
    read(seen, [3], 2, T_MS + 8 * BUCKET_MS)
    gone = entries(seen, PARTITION, T_MS + 8 * BUCKET_MS, TERM)
    assert [name for name, value in gone if value is None] == [b"3/ids/60000000/0-0-0-7", b"3/ids/60000000/1-1-0-7"]
    assert set(written(seen, table, T_MS + 8 * BUCKET_MS)) == {b"3/ids/key", b"3/ids/60000008/2-2-0-7"}
    assert entries(seen, PARTITION, T_MS + 8 * BUCKET_MS, TERM) == []


def test_an_entry_stays_below_half_a_mebibyte() -> None:
    seen, rng = fresh(), np.random.default_rng(1)
    n = 2 * MOST_KEYS + 1
    offset = np.cumsum(rng.choice([1, 2, 300, 70_000], n))
    counted(seen, rng.integers(0, 2**64, n, np.uint64), offset, np.full(n, T_MS))
    made = entries(seen, PARTITION, T_MS, TERM)
    assert len(made) == 4
    assert max(len(value or b"") for _, value in made) <= 512 * 1_024
    again = restored({name: value for name, value in made if value is not None}, PARTITION, WINDOW_S, SECRET)
    (mine,), (theirs,) = seen.runs.values(), again.runs.values()
    assert [run.keys.tolist() for run in mine] == [run.keys.tolist() for run in theirs]
    assert [run.offset.tolist() for run in mine] == [run.offset.tolist() for run in theirs]


def test_one_message_of_many_reports_makes_entries_of_different_names() -> None:
    seen = fresh()
    n = MOST_KEYS + 5
    keys = np.random.default_rng(1).integers(0, 2**64, n, np.uint64)
    counted(seen, keys, np.full(n, 7), np.full(n, T_MS))
    assert restored(written(seen, {}), PARTITION, WINDOW_S, SECRET).held == n


def test_entries_of_other_partitions_and_of_panes_are_passed_over() -> None:
    seen = fresh()
    read(seen, [1], 0)
    others = {b"13/ids/key": b"", b"13/ids/60000000/0-0-0": b"", b"3/60/1800000000/0": b"", b"3/names/0": b""}
    assert restored(written(seen, {}) | others, PARTITION, WINDOW_S, SECRET).held == 1


def test_ids_without_their_secret_are_deleted() -> None:
    seen = fresh()
    read(seen, [1], 0)
    table = written(seen, {})
    del table[b"3/ids/key"]
    again = restored(table, PARTITION, WINDOW_S, bytes(32))
    assert again.held == 0
    assert written(again, table) == {}


@pytest.mark.parametrize("other_s", [40.0, 200.0, 1_200.0])
def test_after_a_change_of_the_window_nothing_is_forgotten_too_early(other_s: float) -> None:
    seen = fresh()
    start_ms = T_MS // BUCKET_MS * BUCKET_MS
    read(seen, [1], 0, start_ms)
    read(seen, [2], 1, start_ms + BUCKET_MS - 1)
    table = written(seen, {})
    for after_ms, number in ((1, 1), (int(other_s * 900), 1), (BUCKET_MS, 2), (BUCKET_MS + int(other_s * 900), 2)):
        assert read(restored(table, PARTITION, other_s, SECRET), [number], 2, start_ms + after_ms) == [False]
    again = restored(table, PARTITION, other_s, SECRET)
    much_later_ms = start_ms + int(2_000 * (WINDOW_S + other_s))
    assert read(again, [1], 3, much_later_ms) == [True]
    assert set(written(again, table, much_later_ms)) == {b"3/ids/key", *chain(*again.entries.values())}, "old ones go"


def test_a_newer_layout_is_refused_with_what_to_do() -> None:
    table = {b"3/ids/key": msgspec.msgpack.encode([2, SECRET])}
    with pytest.raises(ValueError, match=r"layout 1 expected in 3/ids/key; got layout 2, .* application id"):
        restored(table, PARTITION, WINDOW_S, SECRET)
