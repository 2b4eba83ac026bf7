"""The benchmark of repeated reports: what it fills, and the rows it gives."""

from argparse import Namespace

import pytest

from benchmarks.duplicates import BUDGET, CASES, CHUNK, PARTITIONS, Case, fill, rows_of, run
from streams.steps.duplicates import BUCKETS


def test_a_partition_is_filled_with_its_window_and_the_bucket_under_way() -> None:
    case = Case(rate_per_s=8_000, window_s=40.0)
    filled = fill(case)
    assert case.held == 100_000 <= filled.seen.held < 100_000 + 2 * CHUNK
    assert len(filled.seen.runs) == BUCKETS + 1
    assert filled.offset == filled.seen.held


def test_every_case_gives_its_cost_beside_decoding_and_its_memory() -> None:
    case = Case(rate_per_s=4_000, window_s=20.0)
    rows = {row.name.rpartition("/")[2]: row for row in rows_of(case, fill(case), chunks=2)}
    assert set(rows) == {"decode", "look-up", "bytes-an-id", "worker-memory"}
    assert rows["look-up"].peer == rows["decode"].name
    assert rows["look-up"].facts["ids_in_a_partition"] == fill(case).seen.held + 2 * CHUNK
    assert rows["bytes-an-id"].value > 12
    mib = PARTITIONS * rows["look-up"].facts["ids_in_a_partition"] * rows["bytes-an-id"].value / 2**20
    assert rows["worker-memory"].value == pytest.approx(mib)
    assert all(row.target is None for row in rows.values()), "only the promised case has targets"


def test_the_promised_case_holds_more_than_a_million_ids() -> None:
    assert BUDGET.held == 1_200_000
    assert len({case.name for case in (BUDGET, *CASES)}) == 7


def test_cases_that_hold_too_much_are_left_out_and_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert list(run(Namespace(chunks=1, most_ids=1_000))) == []
    assert "20000-per-s-60-s is left out: 375,000 ids in a partition" in capsys.readouterr().err
