"""Files that Arrow writes are files of a Delta table: their rows, and what the log says of them."""

import json
import resource
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.transaction import AddAction
from hypothesis import given
from hypothesis import strategies as st

from streams.delta_files import LONGEST, storage_of, write_files
from streams.delta_sink import DeltaSink

SCHEMA: Final = pa.schema(
    [
        ("date", pa.date32()),
        ("text", pa.string()),
        ("number", pa.float64()),
        ("whole", pa.int64()),
        ("truth", pa.bool_()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("raw", pa.binary()),
        ("many", pa.list_(pa.string())),
    ]
)
DAY: Final = date(2026, 3, 1)
NOON: Final = datetime(2026, 3, 1, 12, 0, 0, 1, UTC)
YEARS: Final = (datetime.fromisoformat("1970-01-01"), datetime.fromisoformat("2100-01-01"))
texts = st.one_of(st.none(), st.text(max_size=80))
rows_of_a_day = st.tuples(
    st.sampled_from([DAY, DAY + timedelta(1)]), texts, st.one_of(st.none(), st.floats(allow_infinity=False)),
    st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), st.one_of(st.none(), st.booleans()),
    st.one_of(st.none(), st.datetimes(*YEARS, timezones=st.just(UTC))),
    st.one_of(st.none(), st.binary(max_size=9)), st.one_of(st.none(), st.lists(st.text(max_size=3), max_size=3)),
)  # fmt: skip


def table_of(rows: Sequence[Sequence[Any]]) -> pa.Table:
    return pa.table([list(column) for column in zip(*rows, strict=True)], SCHEMA)


def added(root: Path, rows: pa.Table) -> tuple[DeltaTable, list[AddAction]]:
    """A table with these rows alone, and the entries that added them."""
    table = DeltaTable.create(str(root), SCHEMA, partition_by=["date"])
    actions = write_files(storage_of(table, root, None), rows, "date", ["text"])
    table.create_write_transaction(list(actions), "append", SCHEMA, ["date"])
    return table, actions


@given(rows=st.lists(rows_of_a_day, min_size=1, max_size=12))
def test_rows_read_back_as_they_were_and_lie_within_what_the_log_says(
    rows: list[tuple[Any, ...]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    given_rows = table_of(rows)
    table, actions = added(tmp_path_factory.mktemp("table") / "t", given_rows)
    assert len(actions) == len({row[0] for row in rows})
    back = DeltaTable(table.table_uri).to_pyarrow_table().select(SCHEMA.names).cast(SCHEMA)
    assert sorted(map(repr, back.to_pylist())) == sorted(map(repr, given_rows.to_pylist()))
    for action in actions:
        says = json.loads(action.stats)
        here = [row for row in rows if row[0].isoformat() == action.partition_values["date"]]
        assert says["numRecords"] == len(here)
        for at, name in enumerate(SCHEMA.names[1:6], 1):
            values = [_bound(row[at]) for row in here if row[at] is not None and row[at] == row[at]]
            assert says["nullCount"][name] == sum(row[at] is None for row in here)
            if name in says["minValues"]:
                assert says["minValues"][name] <= min(values)
                assert max(values) <= says["maxValues"][name]


def _bound(value: Any) -> Any:
    """As the log has it; of a time the microseconds are left out there."""
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z") if isinstance(value, datetime) else value


def test_the_log_says_what_deltalake_would_say(tmp_path: Path) -> None:
    rows = table_of(
        [
            (DAY, "b", 2.5, 7, True, NOON, b"x", ["a"]),
            (DAY, "a", None, -3, False, NOON + timedelta(hours=1), None, []),
        ]
    )
    _, (action,) = added(tmp_path / "ours", rows)
    write_deltalake(str(tmp_path / "theirs"), rows, partition_by=["date"])
    (entry,) = (tmp_path / "theirs/_delta_log").glob("*.json")
    (add,) = [line["add"] for line in map(json.loads, entry.read_text().splitlines()) if "add" in line]
    ours, theirs = json.loads(action.stats), json.loads(add["stats"])
    assert ours["numRecords"] == theirs["numRecords"]
    for kind in ("minValues", "maxValues", "nullCount"):
        both = ours[kind].keys() & theirs[kind].keys()
        assert both >= {"text", "number", "whole", "at"}
        assert {name: ours[kind][name] for name in both} == {name: theirs[kind][name] for name in both}


def test_a_long_text_is_no_bound(tmp_path: Path) -> None:
    _, (action,) = added(tmp_path / "t", table_of([(DAY, "x" * (LONGEST + 1), 1.0, 1, True, NOON, b"", [])]))
    says = json.loads(action.stats)
    assert "text" not in says["minValues"]
    assert "text" not in says["maxValues"]
    assert says["maxValues"]["number"] == 1.0


def test_what_a_sink_wrote_often_has_a_checkpoint(tmp_path: Path) -> None:
    schema = pa.schema([("date", pa.string()), ("partition", pa.int32()), ("offset", pa.int64())])
    sink = DeltaSink(str(tmp_path), "t", schema, "topic")
    for offset in range(101):
        sink.write(pa.table([["2026-01-01"], [0], [offset]], schema), {0: offset})
    assert (tmp_path / "t/_delta_log/_last_checkpoint").exists()
    assert DeltaTable(str(tmp_path / "t")).transaction_version("topic-0") == 100


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_takes_no_more_is_named_and_keeps_no_piece(tmp_path: Path) -> None:
    many = table_of([(DAY, f"{number:064x}", 0.5, number, True, NOON, b"", []) for number in range(5_000)])
    table = DeltaTable.create(str(tmp_path), SCHEMA, partition_by=["date"])
    storage = storage_of(table, tmp_path, None)
    with no_file_longer_than(4_096), pytest.raises(OSError, match="File too large"):
        write_files(storage, many, "date", ["text"])
    assert not list(tmp_path.rglob("*.parquet"))
    assert len(write_files(storage, many, "date", ["text"])) == 1
