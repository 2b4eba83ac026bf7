"""Report ids to keys: equal for equal ones however they lie in memory, and drawn by a secret."""

import hashlib
import random
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import report_keys
from streams.report_keys import keys_of, without_repeats
from streams.schemas import REPORTS_SCHEMA
from streams.steps.duplicates import Seen
from tests.support.id_logs import first_of_each

SECRET = bytes(range(32))
T_US = 1_800_000_000_000_000
Ids = tuple[str, str, str]


def table_of(ids: list[Ids], **columns: Any) -> pa.Table:
    """Reports of (provider, reporter, report id); offsets in order unless given."""
    given_columns = dict(zip(("provider_id", "reporter_id", "report_id"), zip(*ids, strict=True), strict=True))
    made: dict[str, Any] = {"offset": range(len(ids)), **given_columns, **columns}
    arrays = {name: pa.nulls(len(ids), REPORTS_SCHEMA.field(name).type) for name in REPORTS_SCHEMA.names}
    arrays |= {name: pa.array(list(values), REPORTS_SCHEMA.field(name).type) for name, values in made.items()}
    arrays["received_at"] = pa.array([T_US] * len(ids)).cast(REPORTS_SCHEMA.field("received_at").type)
    return pa.table(arrays, REPORTS_SCHEMA)


def plainly(ids: Ids, secret: bytes) -> int:
    """The key of one report, number by number."""
    halves = [0, 0]
    for name, text in zip(("provider_id", "reporter_id", "report_id"), ids, strict=True):
        data = text.encode()
        words = [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4)]
        stream = hashlib.shake_256(secret + name.encode()).digest(16 * (2 + len(words)))
        random_numbers = np.frombuffer(stream, "<u8").tolist()
        for at, number in enumerate([1, len(data), *words]):
            halves = [half + number * random_numbers[2 * at + which] for which, half in enumerate(halves)]
    high, low = (half % 2**64 >> 32 for half in halves)
    return int(high << 32 | low)


texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=30)


@pytest.mark.parametrize("is_built", [True, False], ids=["with the library", "without it"])
@settings(max_examples=100)
@given(st.lists(st.tuples(texts, texts, texts), min_size=1, max_size=20), st.binary(min_size=32, max_size=32))
def test_keys_equal_those_computed_number_by_number(is_built: bool, ids: list[Ids], secret: bytes) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if not is_built:
            patch.setattr(report_keys, "library", lambda: None)
        assert keys_of(table_of(ids), secret).tolist() == [plainly(one, secret) for one in ids]


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5, 32, 36, 64])
def test_ids_of_one_length_have_the_same_keys(length: int) -> None:
    ids = [("p", "r", f"{number:0{length}d}"[-length:]) for number in range(9)]
    assert keys_of(table_of(ids), SECRET).tolist() == [plainly(one, SECRET) for one in ids]


def test_keys_do_not_depend_on_slices_and_chunks() -> None:
    ids = [(f"p{number % 3}", f"r{number % 5}", f"id-{number}") for number in range(40)]
    whole = table_of(ids)
    pieces = pa.concat_tables([whole.slice(0, 7), whole.slice(7, 0), whole.slice(7, 30), whole.slice(37)])
    assert keys_of(pieces, SECRET).tolist() == keys_of(whole, SECRET).tolist()
    assert keys_of(whole.slice(11, 5), SECRET).tolist() == keys_of(whole, SECRET)[11:16].tolist()
    assert keys_of(whole.slice(0, 0), SECRET).tolist() == []


def test_neighbouring_fields_are_not_mistaken_for_each_other() -> None:
    ids = [("ab", "c", "d"), ("a", "bc", "d"), ("a", "b", "cd"), ("d", "c", "ab"), ("ab", "c", "d\0"), ("ab", "d", "c")]
    assert len(set(keys_of(table_of(ids), SECRET).tolist())) == len(ids)


def test_another_secret_gives_other_keys() -> None:
    ids = [("p", "r", str(number)) for number in range(50)]
    one, other = (keys_of(table_of(ids), secret) for secret in (SECRET, bytes(32)))
    assert not (one == other).any()
    assert not (one - one[0] == other - other[0])[1:].any(), "what differs between ids differs too"


def seen() -> Seen:
    return Seen(30_000, SECRET)


def test_the_reports_that_count_stay_in_their_order() -> None:
    state = seen()
    given_reports = table_of([("p", "r", name) for name in "abacab"])
    assert without_repeats(state, given_reports)["report_id"].to_pylist() == ["a", "b", "c"]
    later = table_of([("p", "r", name) for name in "dae"], offset=[6, 7, 8])
    assert without_repeats(state, later)["report_id"].to_pylist() == ["d", "e"]


def test_the_same_id_of_another_reporter_or_about_another_provider_counts() -> None:
    ids = [("p", "r", "1"), ("p", "s", "1"), ("q", "r", "1")]
    assert len(without_repeats(seen(), table_of(ids))) == 3


def test_reports_without_an_id_always_count() -> None:
    ids = table_of([("p", "r", "x")] * 4, report_id=["a", None, "a", None])
    assert without_repeats(seen(), ids)["offset"].to_pylist() == [0, 1, 3]
    none = table_of([("p", "r", "x")] * 2, report_id=[None, None])
    state = seen()
    assert len(without_repeats(state, none)) == 2
    assert state.held == 0
    assert len(without_repeats(state, none.slice(0, 0))) == 0


def test_what_came_first_is_said_by_the_offset_not_by_the_place_in_the_table() -> None:
    mixed = table_of([("p", "r", "a")] * 3 + [("p", "r", "b")], offset=[4, 2, 3, 1], row=[0, 0, 0, 0])
    assert without_repeats(seen(), mixed)["offset"].to_pylist() == [2, 1]


def test_nothing_is_copied_when_all_count() -> None:
    given_reports = table_of([("p", "r", name) for name in "abc"])
    assert without_repeats(seen(), given_reports) is given_reports


few = st.sampled_from(["a", "b", "ab", "å"])


@settings(max_examples=100)
@given(st.lists(st.tuples(few, few, st.none() | few), min_size=1, max_size=40), st.integers(1, 9), st.randoms())
def test_what_is_left_equals_the_first_of_each_said_plainly(
    ids: list[tuple[str, str, str | None]], each: int, order: random.Random
) -> None:
    offsets = [at // each for at in range(len(ids))]
    whole = table_of(
        [(*one[:2], one[2] or "") for one in ids], offset=offsets, row=[at % each for at in range(len(ids))]
    )
    whole = whole.set_column(
        whole.column_names.index("report_id"), "report_id", pa.array([one[2] for one in ids], pa.string())
    )
    messages = [whole.slice(first, each) for first in range(0, len(ids), each)]
    order.shuffle(messages)
    left = without_repeats(seen(), pa.concat_tables(messages)).sort_by([("offset", "ascending"), ("row", "ascending")])
    assert left.equals(first_of_each(whole, 120.0))
