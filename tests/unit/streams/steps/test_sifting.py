import numpy as np
import pyarrow as pa
import pytest

from streams.steps.sifting import counts


def table(reporters: list[str], first_offset: int = 0) -> pa.Table:
    count = len(reporters)
    return pa.table(
        {
            "reporter_id": reporters,
            "partition": np.full(count, 3, np.int32),
            "offset": np.arange(first_offset, first_offset + count),
            "row": np.zeros(count, np.int32),
        }
    )


@pytest.mark.parametrize("weight", [0.05, 0.25, 0.8])
def test_of_a_doubted_reporter_its_share_counts_and_of_others_all(weight: float) -> None:
    found = counts(table(["liar", "honest"] * 10_000, 12_345), {"liar": weight})
    assert found[1::2].all()
    assert found[::2].mean() == pytest.approx(weight, abs=4 * (weight * (1 - weight) / 10_000) ** 0.5)


def test_a_report_read_again_is_judged_alike_whatever_stands_beside_it() -> None:
    together = counts(table(["liar"] * 1_000), {"liar": 0.5})
    parts = [counts(table(["liar"] * 250, first), {"liar": 0.5}) for first in range(0, 1_000, 250)]
    assert np.array_equal(together, np.concatenate(parts))


def test_a_greater_weight_keeps_what_a_smaller_one_kept() -> None:
    few, more = (counts(table(["liar"] * 5_000), {"liar": weight}) for weight in (0.2, 0.6))
    assert not (few & ~more).any()


def test_rows_of_one_message_are_judged_one_by_one() -> None:
    one = table(["liar"] * 4_000)
    rows = one.set_column(2, "offset", pa.array(np.zeros(4_000, np.int64))).set_column(
        3, "row", pa.array(np.arange(4_000, dtype=np.int32))
    )
    assert counts(rows, {"liar": 0.5}).mean() == pytest.approx(0.5, abs=0.04)


def test_without_reports_or_weights_all_count() -> None:
    assert counts(table([]), {"liar": 0.5}).tolist() == []
    assert counts(table(["honest"] * 5), {"liar": 0.5}).all()
    assert counts(table(["zero"] * 50), {"zero": 0.0}).any() is np.False_
