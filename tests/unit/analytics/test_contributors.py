import asyncio
from pathlib import Path

import pytest

from analytics.contributors import Contributors, status_of
from analytics.lake_access import LakeAccess
from tests.support.services import small_records


@pytest.mark.parametrize(
    ("total", "status"), [(0, "new"), (4, "new"), (5, "active"), (99, "active"), (100, "trusted"), (10**6, "trusted")]
)
def test_status_goes_by_reports_accepted(total: int, status: str) -> None:
    assert status_of(total) == status


def test_what_the_lake_holds_counts_and_what_is_accepted_adds(tmp_path: Path) -> None:
    small_records(tmp_path)
    lake = LakeAccess(tmp_path / "lake")
    contributors = Contributors(lake)
    assert asyncio.run(contributors.add("tests", 1)) == 361
    assert asyncio.run(contributors.add("tests", 2)) == 363
    assert asyncio.run(contributors.add("someone", 1)) == 1
    lake.close()


def test_without_a_lake_counting_starts_at_nothing() -> None:
    contributors = Contributors(LakeAccess(None))
    assert asyncio.run(contributors.add("tests", 1)) == 1
