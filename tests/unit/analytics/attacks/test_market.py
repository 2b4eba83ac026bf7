from pathlib import Path

import numpy as np
import pytest

from analytics.attacks.market import DAYS, honest_market
from analytics.attacks.recorded import SLOTS, read_market
from analytics.errors import InvalidRequest
from analytics.replay.sources import Format


def test_a_seed_makes_one_market() -> None:
    one, again, other = honest_market(3), honest_market(3), honest_market(4)
    np.testing.assert_array_equal(one.success, again.success)
    assert len(one.success) != len(other.success)
    assert (one.reporters, one.providers, one.slots) == (80, 40, DAYS)
    rates = np.bincount(one.provider, one.success) / np.bincount(one.provider)
    assert (rates > 0.9).sum() >= 24
    assert rates.min() < 0.6


def test_a_wsdream_file_is_read_by_its_slots(tmp_path: Path) -> None:
    file = tmp_path / "times.csv"
    file.write_text("user,service,t00,t01\n0,7,0.5,20.0\n1,7,,0.2\n", encoding="utf-8")
    found = read_market(file, Format.WSDREAM)
    assert found.reporters == ("user-0", "user-1")
    assert found.providers == ("service-7",)
    assert found.slot_s == 900
    market = found.outcomes
    rows = zip(market.reporter.tolist(), market.slot.tolist(), market.success.tolist(), strict=True)
    assert list(rows) == [(0, 0, 1.0), (0, 1, 0.0), (1, 1, 1.0)]


def test_other_files_are_cut_into_sixty_slots(tmp_path: Path) -> None:
    file = tmp_path / "calls.ndjson"
    line = '{{"provider_id": "a", "outcome": "{}", "timestamp": {}}}\n'
    file.write_text(
        "".join(line.format("success" if at % 2 else "error", at * 60) for at in range(121)), encoding="utf-8"
    )
    found = read_market(file, Format.NDJSON)
    assert found.reporters == ("anonymous",)
    assert found.outcomes.slots == SLOTS
    assert found.outcomes.success.sum() == 60


def test_a_file_without_reports_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "calls.ndjson"
    file.write_text("\n", encoding="utf-8")
    with pytest.raises(InvalidRequest, match="a file with reports"):
        read_market(file, Format.NDJSON)
