import io

import msgspec
import pyarrow as pa
import pytest

from benchmarks.support.reports import ARROW_ROWS, arrow_messages, json_messages, reports
from scoring.reports import validate

NOW_S = 1_770_000_000.0


def test_a_report_is_about_193_bytes_of_json() -> None:
    sizes = [len(value) for value in json_messages(reports(5_000, 200, NOW_S))]
    assert sum(sizes) / len(sizes) == pytest.approx(193, abs=1)


def test_every_report_is_one_the_service_takes() -> None:
    for report in reports(2_000, 200, NOW_S):
        assert validate(report) == report
        assert NOW_S - 600 <= report["timestamp"] <= NOW_S


def test_all_providers_are_drawn_and_no_more() -> None:
    assert len({report["provider_id"] for report in reports(5_000, 200, NOW_S)}) == 200


def test_the_same_seed_gives_the_same_reports() -> None:
    assert reports(100, 200, NOW_S, seed=4) == reports(100, 200, NOW_S, seed=4) != reports(100, 200, NOW_S, seed=5)


def test_arrow_and_json_messages_hold_the_same_reports() -> None:
    made = reports(ARROW_ROWS + 100, 200, NOW_S)
    tables = [pa.ipc.open_stream(io.BytesIO(value)).read_all() for value in arrow_messages(made)]
    assert [len(table) for table in tables] == [ARROW_ROWS, 100]
    assert pa.concat_tables(tables).to_pylist() == [msgspec.json.decode(value) for value in json_messages(made)]
