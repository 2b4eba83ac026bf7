import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from streams.delta_sink import ATTEMPTS, STILL_S, DeltaSink
from streams.lake_faults import Fault, LakeUnwritable

SCHEMA = pa.schema([("date", pa.string()), ("partition", pa.int32()), ("offset", pa.int64())])


def rows(partition: int, first: int, last: int) -> pa.Table:
    """A row for each offset from ``first`` to ``last``."""
    n = last - first + 1
    return pa.table([["2026-01-01"] * n, [partition] * n, range(first, last + 1)], SCHEMA)


def sink(root: Path, make: Any = None, **options: Any) -> DeltaSink:
    return DeltaSink(str(root), "t", SCHEMA, "topic", make, **options)


def held(root: Path) -> list[tuple[int, int]]:
    """Partition and offset of all rows in the table, sorted."""
    table = DeltaTable(str(root / "t")).to_pyarrow_table()
    return sorted(zip(table["partition"].to_pylist(), table["offset"].to_pylist(), strict=True))


# ------------------------------------------------------------------------------------------------------ exactly once
def test_the_same_rows_twice_are_in_once(tmp_path: Path) -> None:
    table = sink(tmp_path)
    assert [table.write(rows(0, 0, 9), {0: 9}), table.write(rows(0, 0, 9), {0: 9})] == [10, 0]
    assert held(tmp_path) == [(0, offset) for offset in range(10)]


def test_of_overlapping_runs_only_what_is_new_is_added(tmp_path: Path) -> None:
    table = sink(tmp_path)
    assert [table.write(rows(0, *span), {0: span[1]}) for span in ((0, 9), (5, 14), (0, 19), (3, 4))] == [10, 5, 5, 0]
    assert held(tmp_path) == [(0, offset) for offset in range(20)]


def test_partitions_are_counted_apart(tmp_path: Path) -> None:
    table = sink(tmp_path)
    both = pa.concat_tables([rows(0, 0, 4), rows(1, 0, 1)])
    table.write(rows(1, 0, 0), {1: 0})
    assert table.write(both, {0: 4, 1: 1}) == 6
    assert held(tmp_path) == [*((0, offset) for offset in range(5)), (1, 0), (1, 1)]


def test_no_row_makes_no_commit(tmp_path: Path) -> None:
    table = sink(tmp_path)
    assert table.write(SCHEMA.empty_table(), {0: 7}) == 0
    assert DeltaTable(str(tmp_path / "t")).version() == 0


def test_a_table_that_exists_is_gone_on_with(tmp_path: Path) -> None:
    sink(tmp_path).write(rows(0, 0, 4), {0: 4})
    assert sink(tmp_path).write(rows(0, 0, 6), {0: 6}) == 2


def test_a_paused_sink_that_wakes_adds_nothing_its_successor_has(tmp_path: Path) -> None:
    paused, successor = sink(tmp_path), sink(tmp_path)
    successor.write(rows(0, 0, 99), {0: 99})
    assert paused.write(rows(0, 0, 49), {0: 49}) == 0
    assert held(tmp_path) == [(0, offset) for offset in range(100)]


def test_a_paused_sink_cannot_set_a_partition_back(tmp_path: Path) -> None:
    paused, successor = sink(tmp_path), sink(tmp_path)
    successor.write(rows(0, 0, 99), {0: 99})
    assert paused.write(pa.concat_tables([rows(0, 0, 49), rows(1, 0, 0)]), {0: 49, 1: 0}) == 1
    assert successor.write(rows(0, 50, 99), {0: 99}) == 0
    assert held(tmp_path) == [*((0, offset) for offset in range(100)), (1, 0)]


def test_of_two_sinks_that_commit_at_once_the_later_leaves_out_what_came_first(tmp_path: Path) -> None:
    first, met = sink(tmp_path), list[int]()

    def commit_between(new: pa.Table) -> pa.Table:
        if not met:  # the other comes first, once this one has read the table and not yet committed
            met.append(first.write(rows(0, 0, 4), {0: 4}))
        return new

    assert sink(tmp_path, commit_between).write(rows(0, 0, 9), {0: 9}) == 5
    assert met == [5]
    assert held(tmp_path) == [(0, offset) for offset in range(10)]


def test_sinks_of_different_partitions_do_not_conflict(tmp_path: Path) -> None:
    first, tries = sink(tmp_path), list[int]()

    def commit_between(new: pa.Table) -> pa.Table:
        tries.append(first.write(rows(1, len(tries), len(tries)), {1: len(tries)}))
        return new

    assert sink(tmp_path, commit_between).write(rows(0, 0, 9), {0: 9}) == 10
    assert tries == [1], "the first try was committed"


def test_a_sink_that_is_always_late_gives_up_with_its_rows_unwritten(tmp_path: Path) -> None:
    first, tries = sink(tmp_path), list[int]()

    def commit_between(new: pa.Table) -> pa.Table:
        tries.append(first.write(rows(0, len(tries), len(tries)), {0: len(tries)}))
        return new

    with pytest.raises(LakeUnwritable) as refused:
        sink(tmp_path, commit_between).write(rows(0, 0, 99), {0: 99})
    assert refused.value.fault is Fault.CONTENDED
    assert len(tries) == ATTEMPTS
    assert held(tmp_path) == [(0, offset) for offset in range(ATTEMPTS)]


# ------------------------------------------------------------------------------------------------------------ faults
class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def cut_last_entry(root: Path, keep_bytes: int) -> Path:
    """The last log entry, of which only the beginning is left."""
    entry = max((root / "t" / "_delta_log").glob("*.json"))
    entry.write_bytes(entry.read_bytes()[:keep_bytes])
    return entry


def fault_of(table: DeltaSink, first: int, last: int) -> LakeUnwritable:
    with pytest.raises(LakeUnwritable) as refused:
        table.write(rows(0, first, last), {0: last})
    return refused.value


@pytest.mark.parametrize("keep_bytes", [1, 40, -30, -2])
def test_a_half_written_last_entry_is_set_aside_once_nobody_touches_it(tmp_path: Path, keep_bytes: int) -> None:
    clock = Clock()
    table = sink(tmp_path, clock=clock)
    table.write(rows(0, 0, 4), {0: 4})
    sink(tmp_path).write(rows(0, 5, 9), {0: 9})  # a commit that was never acknowledged, and is only half there
    entry = cut_last_entry(tmp_path, keep_bytes)
    refused = fault_of(table, 5, 9)
    assert refused.fault is Fault.DAMAGED
    assert entry.name in refused.step
    clock.now_s = STILL_S - 1
    fault_of(table, 5, 9)
    assert entry.exists()
    clock.now_s = STILL_S
    assert table.write(rows(0, 5, 11), {0: 11}) == 7
    assert held(tmp_path) == [(0, offset) for offset in range(12)]
    assert [path.name for path in entry.parent.glob("*.broken-*")] == [f"{entry.name}.broken-1"]


def test_an_entry_that_is_still_being_written_is_waited_for(tmp_path: Path) -> None:
    clock = Clock()
    table = sink(tmp_path, clock=clock)
    table.write(rows(0, 0, 4), {0: 4})
    sink(tmp_path).write(rows(0, 5, 9), {0: 9})
    entry = max((tmp_path / "t" / "_delta_log").glob("*.json"))
    whole = entry.read_bytes()
    for so_far in (20, 60, 100):
        entry.write_bytes(whole[:so_far])
        os.utime(entry, ns=(so_far, so_far))
        fault_of(table, 5, 9)
        clock.now_s += STILL_S
    entry.write_bytes(whole)
    assert table.write(rows(0, 5, 9), {0: 9}) == 0
    assert held(tmp_path) == [(0, offset) for offset in range(10)]


def test_damage_before_the_end_of_the_log_is_left_to_people(tmp_path: Path) -> None:
    clock = Clock()
    table = sink(tmp_path, clock=clock)
    for offset in range(3):
        table.write(rows(0, offset, offset), {0: offset})
    entries = sorted((tmp_path / "t" / "_delta_log").glob("*.json"))
    entries[-2].write_bytes(entries[-2].read_bytes()[:50])
    late = sink(tmp_path, clock=clock)
    for clock.now_s in (0.0, STILL_S, 10 * STILL_S):
        refused = fault_of(late, 3, 3)
        assert (refused.fault, refused.step) == (Fault.DAMAGED, "put its _delta_log back from a backup")
    assert all(entry.exists() for entry in entries)


def test_foreign_and_unfinished_files_beside_the_table_change_nothing(tmp_path: Path) -> None:
    table = sink(tmp_path)
    table.write(rows(0, 0, 4), {0: 4})
    (tmp_path / "t" / "foreign.txt").write_text("x")
    (tmp_path / "t" / "date=2026-01-01" / "foreign.parquet").write_bytes(b"PAR1 and then nothing")
    (tmp_path / "t" / "_delta_log" / "_commit_1.json.tmp").write_text('{"commitInfo":')
    (tmp_path / "t" / "_delta_log" / "00000000000000000002.json.tmp").write_text("{")
    assert table.write(rows(0, 0, 9), {0: 9}) == 5
    assert sink(tmp_path).write(rows(0, 0, 10), {0: 10}) == 1
    assert held(tmp_path) == [(0, offset) for offset in range(11)]


def test_a_table_that_went_away_is_not_made_again_and_is_gone_on_with_when_it_is_back(tmp_path: Path) -> None:
    table = sink(tmp_path)
    table.write(rows(0, 0, 4), {0: 4})
    (tmp_path / "t").rename(tmp_path / "unmounted")
    assert fault_of(table, 0, 9).fault is Fault.MISSING
    assert not (tmp_path / "t" / "_delta_log").exists()
    (tmp_path / "t").write_text("a file where the directory was")
    assert fault_of(table, 0, 9).fault is Fault.MISSING
    (tmp_path / "t").unlink()
    (tmp_path / "unmounted").rename(tmp_path / "t")
    assert table.write(rows(0, 0, 9), {0: 9}) == 5
    assert held(tmp_path) == [(0, offset) for offset in range(10)]


def test_a_log_that_was_cleaned_since_is_read_from_its_checkpoint(tmp_path: Path) -> None:
    slept, other = sink(tmp_path), sink(tmp_path)
    slept.write(rows(0, 0, 0), {0: 0})
    for offset in range(1, 6):
        other.write(rows(0, offset, offset), {0: offset})
    log = tmp_path / "t" / "_delta_log"
    DeltaTable(str(tmp_path / "t")).create_checkpoint()
    for entry in sorted(log.glob("*.json"))[:-1]:
        entry.unlink()
    assert slept.write(rows(0, 0, 7), {0: 7}) == 2
    assert held(tmp_path) == [(0, offset) for offset in range(8)]


def test_log_entries_are_kept_for_an_hour(tmp_path: Path) -> None:
    sink(tmp_path).open()
    first = (tmp_path / "t" / "_delta_log" / f"{0:020d}.json").read_text().splitlines()
    (made,) = [json.loads(line)["metaData"] for line in first if "metaData" in line]
    assert made["configuration"] == {"delta.logRetentionDuration": "interval 1 hours"}
