from pathlib import Path

import orjson
import pytest

from analytics.errors import InvalidRequest
from analytics.replay.errors import BadLine
from analytics.replay.shift import last_event_s, parse_shift, shifted
from analytics.replay.sources import Format, read


@pytest.mark.parametrize(
    ("text", "wanted_s"),
    [("now", 1_000.0), ("none", None), ("60", 60.0), ("60.5", 60.5), ("1970-01-01T00:01:00Z", 60.0)],
)
def test_a_shift_is_now_none_or_a_time(text: str, wanted_s: float | None) -> None:
    assert parse_shift(text, 1_000.0) == wanted_s


@pytest.mark.parametrize("text", ["yesterday", "", "2026-01-01", "-5"])
def test_another_shift_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match=r"--shift must be now, none, epoch seconds or an RFC 3339 time"):
        parse_shift(text, 1_000.0)


def test_the_last_slot_ends_when_it_is_asked_to(tmp_path: Path) -> None:
    path = tmp_path / "small.csv"
    path.write_text("user,service,t00,t01,t02\n0,49,0.84,0.9,\n", encoding="utf-8")
    by_s = 1_000_000.0 - last_event_s(path, Format.WSDREAM)
    times = [r["timestamp"] for chunk in shifted(read(path, Format.WSDREAM), by_s) for r in chunk]
    assert times == [1_000_000.0 - 2_700, 1_000_000.0 - 1_800]


def test_the_latest_report_decides_wherever_it_stands(tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson"
    lines = [{"provider_id": "a", "outcome": "success", "timestamp": at} for at in (5.0, 9.0, 7.0)]
    path.write_bytes(b"\n".join(map(orjson.dumps, lines)))
    assert last_event_s(path, Format.NDJSON) == 9.0


def test_a_file_without_reports_ends_at_zero(tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson"
    path.write_bytes(b"")
    assert last_event_s(path, Format.NDJSON) == 0.0


def test_a_bad_line_is_found_before_anything_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "calls.ndjson"
    path.write_bytes(b"{}\n")
    with pytest.raises(BadLine, match="line 1: provider_id"):
        last_event_s(path, Format.NDJSON)
